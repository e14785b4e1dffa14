/** What every command of `medix` is given and gives back. */
import type { Command } from 'commander';

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

export type CommandContext = {
  readonly terminal: Terminal;
  /** Aborts when the user asks to stop. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

/** Adds one command with its options and its action to the program. */
export type AddCommand = (program: Command, context: CommandContext) => void;
