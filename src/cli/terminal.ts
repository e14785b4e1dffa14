/** Lines on stdout, with a status line that is rewritten in place where stdout is a terminal. */
import type { Terminal } from './command.ts';

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
