/** One command line, in this process. */
import { runCli } from '../../src/cli/main.ts';
import { createTerminal } from '../../src/cli/terminal.ts';

export type Ended = {
  readonly code: number;
  /** What it printed for people and programs. */
  readonly output: string;
  readonly errors: string;
};

/** Enough for what ends by itself; a training or a service would not. */
const longestMs = 3000;

/** @param prints after so many lines of output the command is asked to stop, as by Ctrl-C. */
export async function runLine(argv: readonly string[], prints: number): Promise<Ended> {
  const output: string[] = [];
  const errors: string[] = [];
  const controller = new AbortController();
  const stop = () => controller.abort(new Error('interrupted'));
  const stream = {
    isTTY: false,
    columns: 80,
    write: (text: string) => {
      if (output.push(text) >= prints) stop();
      return true;
    },
  };
  const timer = Number.isFinite(prints) ? setTimeout(stop, longestMs) : undefined;
  const code = await runCli(argv, {
    context: {
      terminal: createTerminal(stream),
      signal: controller.signal,
      clock: () => Date.now(),
    },
    printError: (text) => errors.push(text),
  });
  clearTimeout(timer);
  return { code, output: output.join(''), errors: errors.join('\n') };
}
