/** The command tree with its options and config fields, as commander and `--help` know them. */
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/main.ts';
import { createTerminal } from '../../src/cli/terminal.ts';

export type CommandFacts = {
  /** The words that name it, e.g. `eval run`. */
  readonly name: string;
  readonly options: readonly { readonly flag: string; readonly takesValue: boolean }[];
  /** Dotted, of those commands that take `key=value`. */
  readonly fields: readonly string[];
};

/** Every command that does something. */
export async function commandTree(): Promise<readonly CommandFacts[]> {
  const shown: string[] = [];
  const stream = { isTTY: false, columns: 80, write: (text: string) => shown.push(text) > 0 };
  const program = await createProgram({
    context: {
      terminal: createTerminal(stream),
      signal: new AbortController().signal,
      clock: () => 0,
    },
    printError: () => {},
  });
  const helpOf = (command: Command): string => {
    shown.length = 0;
    command.outputHelp();
    return shown.join('');
  };
  return leavesOf(program).map(({ name, command }) => ({
    name,
    options: command.options.map(({ long, required, optional }) => ({
      flag: long ?? '',
      takesValue: required || optional,
    })),
    fields: [
      ...(helpOf(command).split('Config fields:\n')[1] ?? '').matchAll(/^ {2}([\w.]+) /gm),
    ].map(([, path]) => path ?? ''),
  }));
}

function leavesOf(
  parent: Command,
  path: readonly string[] = [],
): { readonly name: string; readonly command: Command }[] {
  return parent.commands.flatMap((command) => {
    const words = [...path, command.name()];
    const inner = leavesOf(command, words);
    return inner.length > 0 ? inner : [{ name: words.join(' '), command }];
  });
}
