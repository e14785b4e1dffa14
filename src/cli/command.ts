/** What every command of `medix` is given and gives back. */
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

/** Adds one command with its options and its action to the program. */
export type AddCommand = (program: Command, context: CommandContext) => void;
