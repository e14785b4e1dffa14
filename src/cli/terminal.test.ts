import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readable } from './printable.ts';
import { createTerminal } from './terminal.ts';

/** A clear screen, a title, a colour, C1, a carriage return, marks of direction, further line ends. */
const attacks = [
  '\u001b[2J\u001b[H',
  '\u001b]0;title\u0007',
  '\u009b31m',
  '\u009d0;title\u009c',
  'done\rFAILED',
  '\u202eevil\u2066\u200f',
  'a\u2028b\u2029c\u0085d',
  '\u0000\b\u007f\u000b\f',
];

const actsOnTerminal = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

function recording(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  return { terminal: createTerminal({ write, isTTY, columns: 20 }), written };
}

describe('what others wrote', () => {
  it.each(attacks)('is shown and not obeyed: %j', (attack) => {
    const { terminal, written } = recording(false);
    terminal.print(attack);
    terminal.write(attack);
    terminal.writeBold(attack);
    terminal.printJson({ [attack]: attack });
    terminal.showStatus(attack);
    for (const text of written) expect(text).not.toMatch(actsOnTerminal);
    expect(JSON.parse(written[3] ?? '')).toEqual({ [attack]: attack });
  });

  it('is never obeyed, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(readable(text)).not.toMatch(actsOnTerminal);
      }),
    );
  });

  it('stays on one line in the status, within the width', () => {
    const { terminal, written } = recording(true);
    terminal.showStatus(`task\n\r${attacks.join('')}${'x'.repeat(1e6)}`);
    expect(written[0]?.startsWith('\r\u001b[Ktask ')).toBe(true);
    expect(written[0]?.slice(4)).not.toMatch(actsOnTerminal);
    expect(written[0]?.slice(4)).not.toContain('\n');
    expect(written[0]?.length).toBeLessThan(25);
  });

  it('is cut where nobody would read it to its end, and said to be', () => {
    const { terminal, written } = recording(false);
    terminal.print(`value ${'x'.repeat(1e6)}`);
    expect(written[0]).toMatch(/^value x+… \(1,000,006 characters\)\n$/);
    expect(written[0]?.length).toBeLessThan(2100);
    terminal.print(Array.from({ length: 3000 }, (_, n) => `key ${n}`).join('\n'));
    expect(written[1]).toMatch(/\nkey 999\n… \(2,000 more lines\)\n$/);
  });

  it('is whole where a program reads it, and as it is streamed', () => {
    const { terminal, written } = recording(false);
    const value = { text: 'x'.repeat(1e6) };
    terminal.printJson(value);
    expect(JSON.parse(written[0] ?? '')).toEqual(value);
    terminal.write('y'.repeat(1e6));
    expect(written[1]).toHaveLength(1e6);
  });
});

it('names are set off for a person alone', () => {
  const person = recording(true);
  person.terminal.writeBold('answer:');
  expect(person.written).toEqual(['\u001b[1manswer:\u001b[22m']);
  const file = recording(false);
  file.terminal.writeBold('answer:');
  expect(file.written).toEqual(['answer:']);
});

it('a log gets a status line only after ten seconds without another line', () => {
  const output: string[] = [];
  let now = 0;
  const stream = { isTTY: false, columns: 80, write: (text: string) => output.push(text) > 0 };
  const terminal = createTerminal(stream, () => now);
  for (; now <= 60_000; now += 1000) {
    if (now === 15_000) terminal.print('a line');
    terminal.showStatus(`at ${now / 1000} s`);
  }
  expect(output.join('')).toBe('at 10 s\na line\nat 25 s\nat 35 s\nat 45 s\nat 55 s\n');
});
