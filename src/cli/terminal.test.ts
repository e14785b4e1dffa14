import { expect, it } from 'vitest';
import { createTerminal } from './terminal.ts';

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
