/** What every command of `medix` is given and gives back, and the lists of commands. */
import type { Command } from 'commander';
import type { WallClock } from '../core/async/clock.ts';
import type { Terminal } from './terminal.ts';

export type CommandContext = {
  readonly terminal: Terminal;
  /** Aborts when the user asks to stop. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly clock: WallClock;
};

/** Whether the user's words name a command. */
export type IsAsked = (name: string) => boolean;

/** Gives a command its arguments, options and action, and a group of commands its members. */
export type SetUpCommand = (
  command: Command,
  context: CommandContext,
  isAsked: IsAsked,
) => void | Promise<void>;

/** What a list of commands shows of one of them, and where its code is. */
export type ListedCommand = {
  readonly name: string;
  /** What follows the name in the list, as in the command's own help; empty for a group. */
  readonly usage: string;
  readonly description: string;
  /** Imports the code. */
  readonly load: () => Promise<SetUpCommand>;
};

/**
 * Adds commands to the program or to a group. Only the code of those that were asked for is imported, since all
 * of it takes long to read; the others have no more than their line in the list.
 */
export async function addCommands(
  parent: Command,
  listed: readonly ListedCommand[],
  context: CommandContext,
  isAsked: IsAsked,
): Promise<void> {
  for (const { name, usage, description, load } of listed) {
    const isLoaded = isAsked(name);
    const command = parent.command(isLoaded ? name : `${name} ${usage}`).description(description);
    if (isLoaded) await (await load())(command, context, isAsked);
  }
}
