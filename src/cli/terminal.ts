import { printable, printableJson, readable } from './printable.ts';

/**
 * Lines on stdout, with a status line that is rewritten in place where stdout is a terminal. Nothing that it is
 * given reaches the terminal as a command.
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
  /** Rewrites the last line where that is possible, else does nothing. */
  showStatus(line: string): void;
};

type Output = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

const eraseLine = '\r\u001b[K';

export function createTerminal(output: Output): Terminal {
  let hasStatus = false;
  const send = (text: string) => {
    output.write(`${hasStatus ? eraseLine : ''}${text}`);
    hasStatus = false;
  };
  return {
    print: (line) => send(`${readable(line)}\n`),
    printJson: (value) => send(`${printableJson(value)}\n`),
    write: (text) => send(printable(text)),
    writeBold: (text) =>
      send(output.isTTY ? `\u001b[1m${printable(text)}\u001b[22m` : printable(text)),
    showStatus: (line) => {
      if (!output.isTTY) return;
      const shown = printable(line).replaceAll(/\s/g, ' ');
      output.write(`${eraseLine}${shown.slice(0, (output.columns || 80) - 1)}`);
      hasStatus = true;
    },
  };
}
