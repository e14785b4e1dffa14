import { describe, expect, it } from 'vitest';
import { createTerminal } from '../terminal.ts';
import { createTrialView, describeUnreadable } from './trial-view.ts';

function viewOn(isTTY: boolean, maxTokens: number | null = null) {
  const output: string[] = [];
  const stream = { isTTY, columns: 80, write: (text: string) => output.push(text) > 0 };
  const view = createTrialView(
    createTerminal(stream, () => 0),
    maxTokens,
  );
  const go = (of: number, unreadable: (done: number) => number) => {
    for (let done = 1; done <= of; done++) {
      view({ round: 1, rounds: 2, done, of, unreadable: unreadable(done) });
    }
    return output.join('').split('\n').slice(0, -1);
  };
  return go;
}

describe('the progress of a certificate', () => {
  it('is a line for each tenth of a round where there is no terminal', () => {
    expect(viewOn(false)(200, () => 0)).toEqual(
      Array.from({ length: 10 }, (_, n) => `round 1 of 2: ${20 * (n + 1)} of 200 answers judged`),
    );
  });

  it('is a status on a terminal, and a line at the end of a round', () => {
    const lines = viewOn(true)(200, () => 0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/round 1 of 2: 200 of 200 answers judged$/);
  });

  it('warns once, early, where most replies cannot be read', () => {
    const warnings = (unreadable: (done: number) => number) =>
      viewOn(false, 24)(200, unreadable).filter((line) => line.startsWith('warning'));
    expect(warnings((done) => done)).toEqual([
      expect.stringMatching(
        /^warning: 20 of 20 replies hold no verdict\. .*judge\.maxTokens .*now 24/,
      ),
    ]);
    expect(warnings((done) => Math.floor(done / 2))).toEqual([]);
  });

  it('shows what such a reply was', () => {
    const probe = {
      id: 'a',
      category: 'c',
      question: 'q',
      reference: 'r',
      answer: 'a',
      correct: true,
    };
    const outcome = (message: string) =>
      ({ kind: 'unscored', cause: 'unparsable', message }) as const;
    const trials = [{ probe, outcomes: [outcome('replied "<think>\u001b[2J"'), outcome('b')] }];
    expect(describeUnreadable(trials)).toEqual([
      '',
      '2 replies held no verdict, the first of them: replied "<think>\uFFFD[2J"',
    ]);
  });
});
