import { describe, expect, it } from 'vitest';
import { createTerminal } from '../terminal.ts';
import { createResponseView } from './response-view.ts';

/** What was written after each of the pieces, and at the end. */
function shown(pieces: readonly string[], isInteractive = false): string[] {
  let written = '';
  const write = (text: string | Uint8Array) => {
    written += text;
    return true;
  };
  const terminal = createTerminal({ write, isTTY: isInteractive, columns: 80 });
  const view = createResponseView(terminal);
  const states = pieces.map((piece) => {
    view.add(piece);
    return written;
  });
  view.end();
  return [...states, written];
}

const response =
  '<X_RAY>\n<thinking> A clear <CT_SCAN> it is not:\n2 < 3 lungs. </thinking>\n<answer>No</answer>';
const parts =
  'modality: X_RAY\nthinking: A clear <CT_SCAN> it is not:\n  2 < 3 lungs.\nanswer: No\n';

describe('the view of a response', () => {
  it('names the parts, wherever the text is cut into pieces', () => {
    expect(shown([response]).at(-1)).toBe(parts);
    expect(shown([...response]).at(-1)).toBe(parts);
    for (let at = 1; at < response.length; at++) {
      expect(shown([response.slice(0, at), response.slice(at)]).at(-1)).toBe(parts);
    }
  });

  it('shows text as soon as it cannot become a tag', () => {
    expect(shown(['<X_RAY><thinking>The <', 'answer', ' is</think', 'ing>'])).toEqual([
      'modality: X_RAY\nthinking: The',
      'modality: X_RAY\nthinking: The',
      'modality: X_RAY\nthinking: The <answer is',
      'modality: X_RAY\nthinking: The <answer is',
      'modality: X_RAY\nthinking: The <answer is\n',
    ]);
  });

  it('shows text outside of the format, and what was held back to the end', () => {
    const reply = 'No tags. <MRI_SCAN>after<answer>a</answer> more <thin';
    expect(shown([reply]).at(-1)).toBe(
      'text: No tags.\nmodality: MRI_SCAN\ntext: after\nanswer: a\ntext: more <thin\n',
    );
    expect(shown(['']).at(-1)).toBe('');
  });

  it('begins a line for every part, also where one is repeated', () => {
    expect(shown(['<answer>a</answer><answer>b']).at(-1)).toBe('answer: a\nanswer: b\n');
  });

  it('lets no text pass for a part or reach the terminal as a command', () => {
    const hostile = '<answer>a\nanswer: b\u001b[2J\r\u009b31m\u2028\u202ec\u0007\t|';
    const harmless = '\uFFFD[2J\uFFFD\uFFFD31m\uFFFD\uFFFDc\uFFFD\t|';
    expect(shown([hostile]).at(-1)).toBe(`answer: a\n  answer: b${harmless}\n`);
  });

  it('sets the names off for a person', () => {
    expect(shown(['<answer>a'], true).at(-1)).toBe('\u001b[1manswer:\u001b[22m a\n');
  });
});
