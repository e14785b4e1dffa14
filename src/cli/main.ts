#!/usr/bin/env node
/** The `medix` command. A new command is a folder beside this file and a line in `commands`. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { MedixError } from '../core/errors.ts';
import { packageVersion } from '../run/run-facts.ts';
import type { AddCommand, CommandContext } from './command.ts';
import { addEvalCommand } from './eval/eval.ts';
import { addGenerateCommand } from './generate/generate.ts';
import { addJudgeCommand } from './judge/judge.ts';
import { addLogprobsCommand } from './logprobs/logprobs.ts';
import { addQuickstartCommand } from './quickstart/quickstart.ts';
import { addReviewCommand } from './review/review.ts';
import { addRewardCommand } from './reward/reward.ts';
import { addSftCommand } from './sft/sft.ts';
import { createTerminal } from './terminal.ts';
import { addTrainCommand } from './train/train.ts';

const commands: readonly AddCommand[] = [
  addQuickstartCommand,
  addSftCommand,
  addTrainCommand,
  addGenerateCommand,
  addLogprobsCommand,
  addJudgeCommand,
  addEvalCommand,
  addRewardCommand,
  addReviewCommand,
];

const help = `
Run a command with --help for its options and config fields.

Exit codes:
  0    all that was asked for is there
  1    it failed, or a part is missing: an answer, a verdict, a score, a comparison, every step of a training
  2    wrong usage
  130  interrupted; commands that can go on say how`;

const exitCodes = { failed: 1, usage: 2, interrupted: 130 } as const;

export type CliOutput = {
  readonly context: CommandContext;
  readonly printError: (line: string) => void;
};

/** The whole command tree. Wrong usage and `--help` throw a CommanderError instead of ending the process. */
export async function createProgram({ context, printError }: CliOutput): Promise<Command> {
  const program = new Command('medix')
    .description(
      'Train and evaluate medical vision-language models on open-ended questions.\nNot for clinical use.',
    )
    .version(await packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.print(text.trimEnd()),
      writeErr: (text) => printError(text.trimEnd()),
    })
    .showHelpAfterError('(medix --help shows the commands, medix <command> --help their options)')
    .addHelpText('after', help);
  for (const addCommand of commands) addCommand(program, context);
  return program;
}

/**
 * Runs one command line (without `node` and script).
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
 */
export async function runCli(argv: readonly string[], output: CliOutput): Promise<number> {
  const { context, printError } = output;
  const program = await createProgram(output);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    printError(describeError(error, context.signal));
    return context.signal.aborted ? exitCodes.interrupted : exitCodes.failed;
  }
}

/** A user's error is its message; anything else is a defect of MediX, whose stack helps to repair it. */
function describeError(error: unknown, signal: AbortSignal): string {
  if (error instanceof MedixError) return error.message;
  if (signal.aborted) return 'interrupted';
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `This is a defect of MediX, please report it:\n${stack}`;
}

/** The first Ctrl-C asks the command to stop, the second ends the process. */
function abortOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort(new Error('interrupted'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // Whoever read the output is gone, as in `medix … | head`; without a listener that is a crash.
  process.stdout.on('error', (error) => controller.abort(error));
  return controller.signal;
}

function isEntryPoint(): boolean {
  const script = process.argv[1];
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
}

/** What still computes when a command was interrupted, e.g. a judge in this process, must not keep it alive. */
const graceMs = 500;

if (isEntryPoint()) {
  const signal = abortOnInterrupt();
  const code = await runCli(process.argv.slice(2), {
    context: {
      terminal: createTerminal(process.stdout),
      signal,
      clock: () => Date.now(),
    },
    printError: (line) => process.stderr.write(`${line}\n`),
  });
  process.exitCode = code;
  if (signal.aborted) setTimeout(endAtOnce, graceMs).unref();
}

/** Not by `process.exit`, which waits for threads that compute. */
function endAtOnce(): void {
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
}
