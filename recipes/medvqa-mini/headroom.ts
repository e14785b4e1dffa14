/**
 * Three seeds of this recipe, and why reinforcement learning adds so little to them.
 *
 *     npx tsx recipes/medvqa-mini/headroom.ts run [OUT]        trains what is not there yet
 *     npx tsx recipes/medvqa-mini/headroom.ts measure [OUT]    asks each model what is not asked yet
 *     npx tsx recipes/medvqa-mini/headroom.ts table [OUT]      prints the tables and the test over all seeds
 *
 * Answers are greedy, but where sampled ones are spoken of. Nothing is chosen by them.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readConfig } from '../../src/config/read-config.ts';
import { trainConfigSchema } from '../../src/config/train-config.ts';
import { systemClock } from '../../src/core/async/clock.ts';
import { digestOf } from '../../src/core/digest.ts';
import { defined } from '../../src/core/errors.ts';
import { rngFromKey } from '../../src/core/rng.ts';
import { detectableDifference } from '../../src/statistics/detectable.ts';
import { pairedDifference } from '../../src/statistics/paired.ts';
import { isCorrect } from '../../src/train/before-after.ts';
import { imageVariants } from '../../src/train/image-variants.ts';
import { openTraining } from '../../src/train/open-training.ts';
import type { SampleSet } from '../../src/train/sample-order.ts';
import { validate } from '../../src/train/validation.ts';
import { isThere, mean, type Passes, passesOf, percent, rightByQuestion } from '../measures.ts';

const seeds = [0, 1, 2];
const stages = ['sft', 'rl'] as const;
type Stage = (typeof stages)[number];

/** Answers to each of the first held-out questions, for pass@k. */
const sampled = { questions: 400, answers: 8 } as const;
/** Of those that it was trained on. */
const trainingQuestions = 910;

const folderOf = (seed: number) => `s${seed}`;
const configOf = (stage: Stage) => `recipes/medvqa-mini/${stage === 'sft' ? 'sft' : 'train'}.yaml`;

async function trainAll(out: string): Promise<void> {
  for (const seed of seeds) {
    const folder = folderOf(seed);
    await mkdir(join(out, folder), { recursive: true });
    for (const stage of stages) {
      const run = join(out, folder, stage);
      if (await isThere(join(run, 'model'))) continue;
      const command = stage === 'sft' ? 'sft' : 'train';
      const model = stage === 'sft' ? [] : [`model=${join(out, folder, 'sft', 'model')}`];
      const words = (await isThere(join(run, 'manifest.json')))
        ? ['--resume', run]
        : [configOf(stage), `seed=${seed}`, `out=${run}`, 'engine.threads=1', ...model];
      await promisify(execFile)('npx', ['tsx', 'src/cli/main.ts', command, ...words], {
        maxBuffer: 1 << 28,
      });
      console.log(`${run} done`);
    }
  }
}

/** Of one question: its image, whether the greedy answer is right, and the share of sampled ones, where it was sampled. */
type Question = { readonly image: string; readonly right: number; readonly sampled?: number };

/** By question, and shares of questions. */
type Measured = {
  readonly heldOut: { readonly [id: string]: Question };
  readonly grey: number;
  readonly other: number;
  readonly trained: number;
  readonly own: Passes;
  readonly swapped: Passes;
};

async function measureAll(out: string): Promise<void> {
  for (const folder of seeds.map(folderOf)) {
    for (const stage of stages) {
      const file = join(out, folder, `${stage}.json`);
      const model = join(out, folder, stage, 'model');
      if ((await isThere(file)) || !(await isThere(model))) continue;
      await writeFile(file, JSON.stringify(await measured(model)));
      console.log(`${file} done`);
    }
  }
}

async function measured(model: string): Promise<Measured> {
  const asked = { base: configOf('rl'), overrides: [`model=${model}`, 'out=runs/none'] };
  const config = await readConfig(trainConfigSchema, asked);
  const { signal } = new AbortController();
  const parts = { hub: {}, secrets: {}, clock: systemClock, signal };
  const training = await openTraining(config, parts);
  const ask = (samples: SampleSet, answers = 0) =>
    validate(
      samples,
      training.prepare,
      training.engine,
      training.scoring.reward,
      { maxCompletionTokens: config.rollout.maxCompletionTokens, samples: answers },
      { limit: 0, next: 'run it again', onRescored: async () => {} },
      signal,
    );
  try {
    const heldOut = imageVariants(defined(training.validationSamples, 'held-out questions'));
    const own = await ask(heldOut.own);
    const drawn = await ask(firstOf(heldOut.own, sampled.questions), sampled.answers);
    const shares = new Map(
      rightByQuestion(drawn, sampled.answers).map((right, i) => [idOf(drawn, i), mean(right)]),
    );
    return {
      heldOut: Object.fromEntries(
        own.map((answer) => {
          const { id, images } = answer.rollout.sample;
          const image = digestOf(images.map(({ bytes }) => bytes));
          const share = shares.get(id);
          const right = Number(isCorrect(answer));
          return [id, { image, right, ...(share === undefined ? {} : { sampled: share }) }];
        }),
      ),
      grey: shareRight(await ask(heldOut.blank)),
      other: shareRight(await ask(heldOut.other)),
      trained: shareRight(await ask(firstOf(training.samples, trainingQuestions))),
      own: passesOf(drawn, sampled.answers),
      swapped: passesOf(
        await ask(firstOf(heldOut.other, sampled.questions), sampled.answers),
        sampled.answers,
      ),
    };
  } finally {
    await training.close();
  }
}

function firstOf(samples: SampleSet, count: number): SampleSet {
  return { ...samples, size: Math.min(count, samples.size), at: (index) => samples.at(index) };
}

type Answers = Awaited<ReturnType<typeof validate>>;

function shareRight(answers: Answers): number {
  return mean(answers.map((answer) => Number(isCorrect(answer))));
}

function idOf(answers: Answers, question: number): string {
  return defined(answers[question * sampled.answers], 'sampled answer').rollout.sample.id;
}

const right = ({ heldOut }: Measured) => mean(Object.values(heldOut).map((one) => one.right));

async function measuresOf(out: string, seed: number): Promise<Record<Stage, Measured> | undefined> {
  const files = stages.map((stage) => join(out, folderOf(seed), `${stage}.json`));
  if (!(await Promise.all(files.map(isThere))).every(Boolean)) return undefined;
  const [sft, rl] = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(file, 'utf8')) as Measured),
  );
  return { sft: defined(sft, 'measures'), rl: defined(rl, 'measures') };
}

async function printTables(out: string): Promise<void> {
  const columns: Readonly<Record<string, (of: Measured) => number>> = {
    'held-out, right': right,
    'with a grey image': ({ grey }) => grey,
    'with another image': ({ other }) => other,
    'image dependence': (of) => right(of) - of.other,
    'questions of training, right': ({ trained }) => trained,
    'pass@1': ({ own }) => own.pass1,
    'pass@8': ({ own }) => own.passK,
    'pass@8, another image': ({ swapped }) => swapped.passK,
  };
  console.log(`| after SFT → after RL, % | ${Object.keys(columns).join(' | ')} |`);
  console.log(`|---|${'---|'.repeat(Object.keys(columns).length)}`);
  const measures: Record<Stage, Measured>[] = [];
  for (const seed of seeds) {
    const found = await measuresOf(out, seed);
    if (found === undefined) continue;
    measures.push(found);
    const cells = Object.values(columns).map(
      (of) => `${percent(of(found.sft))} → ${percent(of(found.rl))}`,
    );
    console.log(`| seed ${seed} | ${cells.join(' | ')} |`);
  }
  printTest('Greedy answers', measures, ({ right }) => right);
  printTest('Sampled answers', measures, ({ sampled: share }) => share);
}

/** Each question counts once, by the means over the seeds; those of one image belong together. */
function printTest(
  name: string,
  measures: readonly Record<Stage, Measured>[],
  shareOf: (question: Question) => number | undefined,
): void {
  const scoreOf = (id: string, stage: Stage) =>
    mean(measures.map((one) => shareOf(defined(one[stage].heldOut[id], id)) ?? Number.NaN));
  const scores = Object.entries(measures[0]?.sft.heldOut ?? {}).flatMap(([id, question]) =>
    shareOf(question) === undefined
      ? []
      : [{ cluster: question.image, baseline: scoreOf(id, 'sft'), candidate: scoreOf(id, 'rl') }],
  );
  const { difference, interval, pValue, standardError, clusters } = pairedDifference(
    scores,
    rngFromKey('medvqa-mini'),
  );
  const error = defined(standardError, 'standard error');
  const least = percent(detectableDifference(error, { alpha: 0.01 }));
  console.log(`
${name}: ${measures.length} seeds together, ${scores.length} questions about ${clusters} images.
Gain ${percent(difference)} points (95 % interval ${percent(interval.low)} to ${percent(interval.high)}), sign-flip test over images p = ${pValue.toPrecision(2)}.
Standard error ${percent(error)} points: with a probability of 80 % a gain of ${least} points is found at p < 0.01.`);
}

const [command, out = 'runs/medvqa-mini'] = process.argv.slice(2);
if (command === 'run') await trainAll(out);
else if (command === 'measure') await measureAll(out);
else if (command === 'table') await printTables(out);
else {
  console.error('usage: headroom.ts run|measure|table [OUT]');
  process.exitCode = 2;
}
