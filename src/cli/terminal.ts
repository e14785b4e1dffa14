/**
 * Lines on stdout, with a status line that is rewritten in place where stdout is a terminal. A log gets one of
 * them now and then.
 */
export type Terminal = {
  /** Results and progress, one line each. */
  print(line: string): void;
  /** Text that may end within a line, e.g. an answer while it is sampled. */
  write(text: string): void;
  /** Rewrites the last line where that is possible; elsewhere prints it if nothing was printed for a while. */
  showStatus(line: string): void;
  /** Whether a person reads along: text may then be set off by escape sequences. */
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
  const write = (text: string) => {
    output.write(`${hasStatus ? eraseLine : ''}${text}`);
    hasStatus = false;
    writtenAt = now();
  };
  return {
    isInteractive: output.isTTY === true,
    print: (line) => write(`${line}\n`),
    write,
    showStatus: (line) => {
      if (!output.isTTY) {
        if (now() - writtenAt >= logIntervalMs) write(`${line}\n`);
        return;
      }
      output.write(`${eraseLine}${line.slice(0, (output.columns || 80) - 1)}`);
      hasStatus = true;
    },
  };
}
