import { printable, printableJson, readable } from './printable.ts';

/**
 * Lines on stdout, with a status line that is rewritten in place where stdout is a terminal. A log gets one of
 * them now and then. Nothing that is given here reaches the terminal as a command.
 */
export type Terminal = {
  /** Results and progress for people, one line each; what is too long to be read is cut. */
  print(line: string): void;
  /** A result for programs: a line of JSON, whole. */
  printJson(value: unknown): void;
  /** Text that may end within a line, e.g. an answer while it is sampled; whole. */
  write(text: string): void;
  /** The same, set off from other text where a person reads along. */
  writeBold(text: string): void;
  /** Rewrites the last line where that is possible; elsewhere prints it if nothing was printed for a while. */
  showStatus(line: string): void;
  /** Whether a person reads along, and not a log. */
  readonly isInteractive: boolean;
};

type Output = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

const eraseLine = '\r\u001b[K';

/** Least time between lines of a log that only say how far the work is. */
const logIntervalMs = 10_000;

/** @param now milliseconds. @default those of this process */
export function createTerminal(output: Output, now = () => performance.now()): Terminal {
  let hasStatus = false;
  let writtenAt = now();
  const send = (text: string) => {
    output.write(`${hasStatus ? eraseLine : ''}${text}`);
    hasStatus = false;
    writtenAt = now();
  };
  return {
    isInteractive: output.isTTY === true,
    print: (line) => send(`${readable(line)}\n`),
    printJson: (value) => send(`${printableJson(value)}\n`),
    write: (text) => send(printable(text)),
    writeBold: (text) =>
      send(output.isTTY ? `\u001b[1m${printable(text)}\u001b[22m` : printable(text)),
    showStatus: (line) => {
      const shown = printable(line).replaceAll(/\s/g, ' ');
      if (!output.isTTY) {
        if (now() - writtenAt >= logIntervalMs) send(`${readable(shown)}\n`);
        return;
      }
      output.write(`${eraseLine}${shown.slice(0, (output.columns || 80) - 1)}`);
      hasStatus = true;
    },
  };
}
