/**
 * This recipe beside TRL: what each run's own record says, seed by seed.
 *
 *     npx tsx recipes/text-mini/compare.ts [FOLDER]    prints the table and draws docs/images/text-mini.svg
 *
 * FOLDER (default runs/text-mini) holds `train-SEED` of `medix train` and `trl-SEED.json` of test/parity/trl_text_mini.py.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defined } from '../../src/core/errors.ts';
import { readMetrics } from '../../src/run/run-reader.ts';
import { isThere, mean, percent } from '../measures.ts';
import { writePicture } from '../picture.ts';

type Run = {
  /** Mean reward of each iteration. */
  readonly rewards: readonly number[];
  readonly completionTokens: readonly number[];
  readonly seconds: readonly number[];
  /** Shares of the held-out questions. */
  readonly accuracy: { readonly before: number; readonly after: number };
  readonly peakGiB: number;
};

const trainers = [
  { name: 'MediX', read: readRun },
  { name: 'TRL', read: readTrl },
] as const;
const seeds = [0, 1, 2];

async function readRun(folder: string, seed: number): Promise<Run | undefined> {
  const run = join(folder, `train-${seed}`);
  if (!(await isThere(run))) return undefined;
  const values = (await readMetrics(run)).map((line) => line.values);
  const validations = values.flatMap(({ 'validation/reward/mean': right }) => right ?? []);
  const iterations = values.filter((one) => 'reward/mean' in one);
  const of = (name: string) => iterations.map((one) => defined(one[name], name));
  const validating = of('time/validateMs');
  return {
    rewards: of('reward/mean'),
    completionTokens: of('rollout/completionTokens'),
    seconds: of('time/iterationMs').map((ms, i) => (ms - (validating[i] ?? 0)) / 1000),
    accuracy: {
      before: defined(validations[0], 'validation before'),
      after: defined(validations.at(-1), 'validation after'),
    },
    peakGiB: Math.max(...of('usage/peakMemoryMiB')) / 1024,
  };
}

async function readTrl(folder: string, seed: number): Promise<Run | undefined> {
  const file = join(folder, `trl-${seed}.json`);
  return (await isThere(file)) ? (JSON.parse(await readFile(file, 'utf8')) as Run) : undefined;
}

function row(trainer: string, seed: number, run: Run): string {
  const half = run.rewards.length / 2;
  const cells = [
    trainer,
    seed,
    `${percent(run.accuracy.before)} → ${percent(run.accuracy.after)}`,
    mean(run.rewards.slice(0, half)).toFixed(2),
    mean(run.rewards.slice(half)).toFixed(2),
    mean(run.completionTokens).toFixed(1),
    mean(run.seconds).toFixed(1),
    run.peakGiB.toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

const [folder = 'runs/text-mini'] = process.argv.slice(2);
const points = [];
console.log(
  '| | seed | right, % | mean reward, first half | second half | tokens of a completion | seconds an iteration | peak memory, GiB |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const { name, read } of trainers) {
  for (const seed of seeds) {
    const run = await read(folder, seed);
    if (run === undefined) continue;
    console.log(row(name, seed, run));
    points.push(
      ...run.rewards.map((reward, i) => ({ trainer: name, seed, iteration: i + 1, reward })),
    );
  }
}
await writePicture('docs/images/text-mini.svg', {
  title: 'Mean reward of an iteration: mean of the seeds, from the least to the greatest of them',
  data: { values: points },
  width: 560,
  height: 260,
  encoding: {
    x: { field: 'iteration', type: 'quantitative' },
    color: { field: 'trainer', type: 'nominal', title: null },
  },
  layer: [
    {
      mark: { type: 'area', opacity: 0.2 },
      encoding: {
        y: { aggregate: 'min', field: 'reward', title: 'mean reward' },
        y2: { aggregate: 'max', field: 'reward' },
      },
    },
    {
      mark: { type: 'line' },
      encoding: { y: { aggregate: 'mean', field: 'reward' } },
    },
  ],
});
