/** Lines on stdout, with a status line that is rewritten in place where stdout is a terminal. */
export type Terminal = {
  /** Results and progress, one line each. */
  print(line: string): void;
  /** Text that may end within a line, e.g. an answer while it is sampled. */
  write(text: string): void;
  /** Rewrites the last line where that is possible, else does nothing. */
  showStatus(line: string): void;
  /** Whether a person reads along: text may then be set off by escape sequences. */
  readonly isInteractive: boolean;
};

type Output = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

const eraseLine = '\r\u001b[K';

export function createTerminal(output: Output): Terminal {
  let hasStatus = false;
  const write = (text: string) => {
    output.write(`${hasStatus ? eraseLine : ''}${text}`);
    hasStatus = false;
  };
  return {
    isInteractive: output.isTTY === true,
    print: (line) => write(`${line}\n`),
    write,
    showStatus: (line) => {
      if (!output.isTTY) return;
      output.write(`${eraseLine}${line.slice(0, (output.columns || 80) - 1)}`);
      hasStatus = true;
    },
  };
}
