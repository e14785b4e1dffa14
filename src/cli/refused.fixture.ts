/** Commands in this process that are to be refused for a path. */
import { expect } from 'vitest';
import { runCli } from './main.ts';
import { createTerminal } from './terminal.ts';

/** Long before that it has to be refused; what waits is stopped then. */
const longestWaitMs = 10_000;

/** @param about What the first error has to name, so that nothing else is wrong with the command. */
export async function expectRefused(argv: readonly string[], about: RegExp): Promise<void> {
  const { code, errors } = await run(argv);
  expect(errors).not.toEqual([]);
  for (const error of errors) expect(error).toMatch(/^.+: expected .+, got .+; .+/);
  expect(errors[0]).toMatch(about);
  expect(errors.length).toBeLessThan(4);
  expect(code).toBe(1);
}

async function run(argv: readonly string[]) {
  const errors: string[] = [];
  const stream = { isTTY: false, columns: 80, write: () => true };
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), longestWaitMs);
  try {
    const code = await runCli(argv, {
      context: { terminal: createTerminal(stream), signal: stop.signal, clock: () => 0 },
      printError: (text) => errors.push(...text.split('\n')),
    });
    return { code, errors };
  } finally {
    clearTimeout(timer);
  }
}
