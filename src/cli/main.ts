#!/usr/bin/env node
/** The `medix` command. A new command is a folder beside this file and an entry in `commands`. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { MedixError, messageOf } from '../core/errors.ts';
import { packageVersion } from '../run/run-facts.ts';
import { addCommands, type CommandContext, type IsAsked, type ListedCommand } from './command.ts';
import { readable } from './printable.ts';
import { createTerminal } from './terminal.ts';

const commands: readonly ListedCommand[] = [
  {
    name: 'quickstart',
    usage: '[options] [changes...]',
    description: 'Watch a small model learn to answer questions about synthetic studies',
    load: async () => (await import('./quickstart/quickstart.ts')).setUpQuickstart,
  },
  {
    name: 'sft',
    usage: '[options] [config...]',
    description: 'Fine-tune an existing or a new model to imitate demonstrations',
    load: async () => (await import('./sft/sft.ts')).setUpSft,
  },
  {
    name: 'train',
    usage: '[options] [config...]',
    description: 'Improve a model by reinforcement learning on open-ended questions',
    load: async () => (await import('./train/train.ts')).setUpTrain,
  },
  {
    name: 'rollouts',
    usage: '[options] <run>',
    description: 'Read the responses of a training run, filtered and sorted',
    load: async () => (await import('./rollouts/rollouts.ts')).setUpRollouts,
  },
  {
    name: 'view',
    usage: '[options] [dir...]',
    description: 'Show runs and evaluations on a local page, while they grow',
    load: async () => (await import('./view/view.ts')).setUpView,
  },
  {
    name: 'replay',
    usage: '[options] <source> [changes...]',
    description:
      'Score stored responses under another reward, judge or algorithm, and show what changes',
    load: async () => (await import('./replay/replay.ts')).setUpReplay,
  },
  {
    name: 'generate',
    usage: '[options]',
    description: 'Ask a model one question about zero, one or several images',
    load: async () => (await import('./generate/generate.ts')).setUpGenerate,
  },
  {
    name: 'logprobs',
    usage: '[options]',
    description: 'Compute the logprob of each token of given completions',
    load: async () => (await import('./logprobs/logprobs.ts')).setUpLogprobs,
  },
  {
    name: 'export',
    usage: '[options] <out>',
    description: 'Merge an adapter into its base: a model folder that other programs open',
    load: async () => (await import('./export/export.ts')).setUpExport,
  },
  {
    name: 'judge',
    usage: '',
    description: 'Measure judges and embedders on labelled answers before you rely on them',
    load: async () => (await import('./judge/judge.ts')).setUpJudge,
  },
  {
    name: 'eval',
    usage: '',
    description:
      'Evaluate a model on medical benchmarks; judges compare its answers with the reference answers',
    load: async () => (await import('./eval/eval.ts')).setUpEval,
  },
  {
    name: 'reward',
    usage: '',
    description:
      'Compute rewards of responses: in files, in runs, or as a service for other trainers',
    load: async () => (await import('./reward/reward.ts')).setUpReward,
  },
  {
    name: 'engine',
    usage: '',
    description: "Serve this machine's engine to programs that speak the Tinker protocol",
    load: async () => (await import('./engine/engine.ts')).setUpEngine,
  },
  {
    name: 'doctor',
    usage: '[options]',
    description: 'Examine a server that is to train a model: what it does right, measured',
    load: async () => (await import('./doctor/doctor.ts')).setUpDoctor,
  },
  {
    name: 'launch',
    usage: '',
    description: 'Train on a Ray cluster by EasyR1 or verl, with rewards from the reward service',
    load: async () => (await import('./launch/launch.ts')).setUpLaunch,
  },
  {
    name: 'review',
    usage: '',
    description: 'Let people rate stored answers without knowing which model gave them',
    load: async () => (await import('./review/review.ts')).setUpReview,
  },
];

const help = `
Run a command with --help for its options and config fields.

Exit codes:
  0    all that was asked for is there
  1    it failed, or a part is missing: an answer, a verdict, a score, a comparison, every step of a training
  2    wrong usage
  130  interrupted; commands that can go on say how
  141  whoever read the output has gone, as head does`;

const exitCodes = { failed: 1, usage: 2, interrupted: 130, readerGone: 141 } as const;

/** Why a command stops whose output nobody reads any more: no failure that is to be told. */
const readerGone = new Error('whoever read the output has gone');

export type CliOutput = {
  readonly context: CommandContext;
  /** Takes text that a terminal may be shown. */
  readonly printError: (text: string) => void;
};

/**
 * The command tree. Wrong usage and `--help` throw a CommanderError instead of ending the process.
 * @param isAsked Commands that can be run; of the others there is only what the list of commands shows.
 */
export async function createProgram(
  { context, printError }: CliOutput,
  isAsked: IsAsked = () => true,
): Promise<Command> {
  const program = new Command('medix')
    .description(
      'Train and evaluate medical vision-language models on open-ended questions.\nNot for clinical use.',
    )
    .version(await packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.print(text.trimEnd()),
      writeErr: (text) => printError(readable(text.trimEnd())),
    })
    .showHelpAfterError('(medix --help shows the commands, medix <command> --help their options)')
    .addHelpText('after', help);
  await addCommands(program, commands, context, isAsked);
  program.hook('preAction', (_, command) => refuseEmptyNames(command));
  return program;
}

/** An empty name, as of a variable that is not set in a script, would stand for the present folder. */
function refuseEmptyNames(command: Command): void {
  const refuse = (what: string) =>
    command.error(`error: ${what} is empty. Expected the name of a file or folder.`);
  if (command.processedArgs.flat().includes('')) refuse('an argument');
  for (const option of command.options) {
    const isPath = /<(file|dir|directory|folder)(s\.\.\.)?>/.test(option.flags);
    const value: unknown = command.getOptionValue(option.attributeName());
    if (isPath && [value].flat().includes('')) refuse(`option '${option.flags}'`);
  }
}

/**
 * Runs one command line (without `node` and script).
 * @returns the exit code: 0 done, 1 failed (also to print), 2 wrong usage, 130 interrupted, 141 without a reader.
 */
export async function runCli(argv: readonly string[], output: CliOutput): Promise<number> {
  const { context, printError } = output;
  const program = await createProgram(output, (name) => argv.includes(name));
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    const { aborted, reason } = context.signal;
    const message = describeError(error, context.signal);
    if (message !== undefined) printError(readable(message));
    if (!aborted || reason instanceof MedixError) return exitCodes.failed;
    return reason === readerGone ? exitCodes.readerGone : exitCodes.interrupted;
  }
}

/**
 * A user's error is its message; anything else is a defect of MediX, whose stack helps to repair it. Nothing
 * where what stopped the command has been told.
 */
function describeError(error: unknown, signal: AbortSignal): string | undefined {
  const isEnd = error instanceof MedixError && error.boundary === 'cancelled';
  if (signal.reason === readerGone && (isEnd || !(error instanceof MedixError))) return undefined;
  if (error instanceof MedixError) return error.message;
  if (signal.aborted) return signal.reason instanceof MedixError ? undefined : 'interrupted';
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `This is a defect of MediX, please report it:\n${stack}`;
}

/**
 * The first Ctrl-C asks the command to stop. From then on signals have their usual effect: the second one ends
 * the process at once, whatever it computes. `process.exit` would wait for threads that compute.
 */
function abortOnInterrupt(controller: AbortController): void {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const letThrough = () => {
    for (const signal of signals) process.off(signal, stop);
  };
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      letThrough();
      process.kill(process.pid, signal);
      return;
    }
    controller.abort(new Error('interrupted'));
    // A second one may already be on its way to this listener.
    setImmediate(letThrough);
  };
  for (const signal of signals) process.on(signal, stop);
}

/** Stops the command once its output goes nowhere; without a listener that is a crash. */
function abortOnLostOutput(controller: AbortController, printError: CliOutput['printError']): void {
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    // Further lines meet the same fate.
    process.stdout.on('error', () => {});
    if (error.code === 'EPIPE') {
      controller.abort(readerGone);
      process.on('exit', () => {
        process.exitCode ||= exitCodes.readerGone;
      });
      return;
    }
    const lost = new MedixError('run', [
      {
        where: 'standard output',
        expected: 'a place that takes what is printed',
        got: messageOf(error),
        next: 'make room, or print elsewhere',
      },
    ]);
    printError(readable(lost.message));
    controller.abort(lost);
    process.on('exit', () => {
      process.exitCode ||= exitCodes.failed;
    });
  });
  process.stderr.on('error', () => {});
}

function isEntryPoint(): boolean {
  const script = process.argv[1];
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
}

/** What still computes when a command was interrupted, e.g. a judge in this process, must not keep it alive. */
const graceMs = 1000;

if (isEntryPoint()) {
  const controller = new AbortController();
  const { signal } = controller;
  const printError = (text: string) => process.stderr.write(`${text}\n`);
  abortOnInterrupt(controller);
  abortOnLostOutput(controller, printError);
  const code = await runCli(process.argv.slice(2), {
    context: {
      terminal: createTerminal(process.stdout),
      signal,
      clock: () => Date.now(),
    },
    printError,
  });
  process.exitCode = code;
  if (code === exitCodes.interrupted) setTimeout(endAtOnce, graceMs).unref();
}

/** Not by `process.exit`, which waits for threads that compute and then may crash in ONNX Runtime. */
function endAtOnce(): void {
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
}
