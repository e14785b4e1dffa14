/**
 * `medix quickstart`: the whole of MediX in a few minutes on a laptop. A small model that has learned to
 * read synthetic studies is trained by RL to answer questions about them, and asked the same held-out
 * questions before and after.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../config/read-config.ts';
import { type TrainConfig, trainConfigSchema } from '../../config/train-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { fail } from '../../core/errors.ts';
import { linkAt } from '../../core/files.ts';
import { packageFile } from '../../core/package-file.ts';
import { writeFileDurably } from '../../run/durable.ts';
import { requireNewRun } from '../../run/run-writer.ts';
import { compareBeforeAfter } from '../../train/before-after.ts';
import { phantomSet } from '../../train/open-samples.ts';
import { openTraining } from '../../train/open-training.ts';
import { requireSteps } from '../../train/require-steps.ts';
import { runTraining } from '../../train/run-training.ts';
import { validate } from '../../train/validation.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { allowOption, type ResumeOptions, readArguments } from '../config-arguments.ts';
import { decimalNumber, wholeNumber } from '../option-values.ts';
import { withView } from '../view/beside.ts';
import { answerHeldOut, phantomKinds, sightOf } from './held-out.ts';
import { closingTable, exampleAnswers, quickstartObserver } from './quickstart-view.ts';

const startModel = fileURLToPath(packageFile('assets/start-model'));

const heldOutQuestions = 1000;
/** More than a run draws: no study comes twice. */
const trainingStudies = 1_000_000;
const iterations = 110;

type Options = ResumeOptions & {
  readonly seed: number;
  readonly minutes: number;
  readonly out?: string;
  readonly view: boolean;
};

export const setUpQuickstart: SetUpCommand = (command, context) => {
  command
    .argument('[changes...]', 'changes to its config as key=value, those of medix train')
    .option('--seed <number>', 'seed of the studies and of all sampling', wholeNumber(0), 0)
    .option(
      '--out <directory>',
      'run directory (default: runs/quickstart, or runs/quickstart-2, -3, … if that exists)',
    )
    .option(
      '--minutes <number>',
      `end training early after this many minutes; ${iterations} iterations take less on two cores`,
      decimalNumber('above 0', (value) => value > 0),
      5,
    )
    .option('--resume <directory>', 'resume a quickstart that was stopped or killed')
    .addOption(allowOption())
    .option('--view', 'serve the page of `medix view` while it lasts, and print its link', false)
    .addHelpText('after', '\nmedix train --help lists the fields of the config.')
    .action(async (words: string[], options: Options) => {
      const { seed, minutes, resume, allow } = options;
      const { config } =
        resume === undefined
          ? await readQuickstart(seed, options.out, words)
          : await readArguments(trainConfigSchema, 'train', { words, resume, allow });
      const how = { isResumed: resume !== undefined, overrides: words, minutes };
      await withView(options.view, config.out, context, () => runQuickstart(config, how, context));
    });
};

/**
 * An ordinary `medix train` run: DAPO as in MediX-R1, in miniature. Half of the reward is for what the thinking
 * says of the image, only the thinking is credited with it, and what there was to read is shown: otherwise answers get
 * better and the readings behind them worse (recipes/what-rl-teaches).
 */
export function quickstartConfig(seed: number, out: string): TrainConfig {
  return trainConfigSchema.parse(quickstartFields(seed, out));
}

/** @throws MedixError 'config' with all that is wrong with the changes */
async function readQuickstart(seed: number, out: string | undefined, words: readonly string[]) {
  const files = words.filter((word) => !word.includes('='));
  if (files.length > 0) {
    fail('config', {
      where: 'command line',
      expected: 'changes as key=value, since a quickstart has a config of its own',
      got: files.join(' '),
      next: 'to train by a config file, use medix train',
    });
  }
  const folder = out ?? (await firstFreeDirectory('runs/quickstart'));
  const base = { base: quickstartFields(seed, folder), overrides: words };
  return { config: await readConfig(trainConfigSchema, base) };
}

function quickstartFields(seed: number, out: string) {
  return {
    model: startModel,
    out,
    seed,
    iterations,
    data: { train: 'phantoms', trainCount: trainingStudies, seed, template: 'question' },
    rollout: { promptsPerIteration: 64, groupSize: 4, maxCompletionTokens: 40 },
    algorithm: {
      preset: 'dapo',
      credit: 'block',
      showReadings: { weight: 10 },
      maxSampleRounds: 1,
    },
    optimizer: {
      learningRate: 2e-4,
      beta2: 0.99,
      weightDecay: 0,
      schedule: 'cosine',
      warmupSteps: 10,
      stepsPerIteration: 2,
    },
    reward: { profile: 'medix-r1-reading' },
    checkpoint: { every: 20, keepLast: 1 },
  };
}

async function runQuickstart(
  config: TrainConfig,
  {
    isResumed,
    overrides,
    minutes,
  }: {
    readonly isResumed: boolean;
    readonly overrides: readonly string[];
    readonly minutes: number;
  },
  context: CommandContext,
): Promise<void> {
  const { terminal, signal, clock } = context;
  const started = clock();
  if (!isResumed) await requireNewRun(config.out);
  const parts = { hub: {}, secrets: {}, clock: systemClock, signal };
  const training = await openTraining(config, parts);
  const { engine, prepare } = training;
  const { reward } = training.scoring;
  const answers = { maxCompletionTokens: config.rollout.maxCompletionTokens, samples: 0 };
  const { seed } = config.data;
  const heldOut = phantomSet({ seed, split: 'test', size: heldOutQuestions });
  const unscored = {
    limit: config.reward.unscoredLimit,
    next: `run: medix quickstart --resume ${config.out}`,
    onRescored: async () => {},
  };
  const answerAll = () =>
    answerHeldOut(heldOut, (samples) =>
      validate(samples, prepare, engine, reward, answers, unscored, signal),
    );
  terminal.print(
    `A vision-language model with ${engine.model.parameters.toLocaleString('en')} parameters answers ${heldOutQuestions} questions about synthetic studies it has never seen ...`,
  );
  try {
    const before = await answerAll();
    const deadline = clock() + minutes * 60_000;
    const { model, end } = await runTraining(
      training,
      { command: 'quickstart', isResumed, overrides },
      {
        observers: [quickstartObserver(terminal, clock)],
        signal,
        clock,
        isOutOfTime: () => clock() > deadline,
      },
    );
    const last = end.iteration;
    if (last < config.iterations) {
      terminal.print(`stopped after ${last} of ${config.iterations} iterations: time is up`);
    }
    terminal.print('The same questions again ...');
    const after = await answerAll();
    const kindOf = phantomKinds({ seed, split: 'test' }, heldOutQuestions);
    const summary = {
      seed: config.seed,
      iterations: last,
      wallSeconds: (clock() - started) / 1000,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      parameters: engine.model.parameters,
      ...compareBeforeAfter(before.own, after.own, config.seed),
      ...sightOf(before, after, kindOf),
    };
    const summaryFile = join(config.out, 'summary.json');
    await writeFileDurably(summaryFile, `${JSON.stringify(summary, null, 2)}\n`);
    for (const line of exampleAnswers(before.own, after.own)) terminal.print(line);
    for (const line of closingTable(summary)) terminal.print(line);
    terminal.print(`
Judge: reference-match (rules, no language model). Studies are synthetic; not for clinical use.
Run ${config.out}: summary.json, metrics.jsonl, every rollout with every score in rollouts/
Next:
  medix generate --model ${model} --image FILE --prompt "What does this image show?"
  medix train --help`);
    await requireSteps(config.out);
  } finally {
    await training.close();
  }
}

async function firstFreeDirectory(base: string): Promise<string> {
  for (let n = 1; ; n++) {
    const directory = n === 1 ? base : `${base}-${n}`;
    if ((await linkAt(directory)) === 'missing') return directory;
  }
}
