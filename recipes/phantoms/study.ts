/**
 * The study of this folder: algorithms under one reward, rewards under one algorithm, three seeds each.
 *
 *     npx tsx recipes/phantoms/study.ts run [OUT] [--jobs 2]    trains what is not there yet
 *     npx tsx recipes/phantoms/study.ts table [OUT]             prints the tables
 *
 * A run that was killed is resumed. All runs are judged alike, by the shipped profile's judge, whatever they were
 * rewarded for.
 */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openReward, type Reward } from '../../src/library/reward.ts';
import { readMetrics, readRollouts } from '../../src/library/run.ts';

type Arm = { readonly name: string; readonly changes: readonly string[] };

const noKl = 'algorithm.loss.klCoefficient=0';
const dapo = 'algorithm.preset=dapo';

const algorithms: readonly Arm[] = [
  { name: 'GRPO', changes: ['algorithm.preset=grpo', noKl] },
  { name: 'DAPO', changes: [dapo] },
  { name: 'GSPO', changes: ['algorithm.preset=gspo'] },
  { name: 'Dr. GRPO', changes: ['algorithm.preset=dr-grpo'] },
  { name: 'RLOO', changes: ['algorithm.preset=grpo', 'algorithm.advantage=rloo', noKl] },
  { name: 'CISPO', changes: ['algorithm.preset=cispo'] },
  { name: 'SAPO', changes: ['algorithm.preset=sapo'] },
  { name: 'MaxRL', changes: ['algorithm.preset=dr-grpo', 'algorithm.advantage=maxrl'] },
  {
    name: 'DPPO',
    changes: [
      'algorithm.preset=dr-grpo',
      'algorithm.loss.kind=dppo-tv',
      'algorithm.loss.clipLow=0.15',
      'algorithm.loss.clipHigh=0.15',
      'algorithm.loss.lossAverage=token',
    ],
  },
];

const profile = (name: string) => `reward.profile=recipes/phantoms/profiles/${name}.yaml`;

const rewards: readonly Arm[] = [
  { name: 'judge', changes: [dapo, profile('judge')] },
  { name: 'embedder', changes: [dapo, profile('embedder')] },
  { name: 'judge and embedder', changes: [dapo, profile('judge-embedder')] },
  {
    name: 'all four, part by part',
    changes: [dapo, 'algorithm.filter=any-part', profile('per-component')],
  },
  { name: 'three, gated by format', changes: [dapo, profile('gated')] },
];

const seeds = [0, 1, 2];
const iterations = 40;

type Run = { readonly arm: Arm; readonly seed: number; readonly folder: string };

function runsOf(arms: readonly Arm[], out: string): readonly Run[] {
  return arms.flatMap((arm) =>
    seeds.map((seed) => {
      const name = arm.name.toLowerCase().replaceAll(/[^a-z]+/g, '-');
      return { arm, seed, folder: join(out, `${name}-${seed}`) };
    }),
  );
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function trainRun({ arm, seed, folder }: Run): Promise<void> {
  if (await isThere(join(folder, 'model'))) return;
  const words = (await isThere(join(folder, 'manifest.json')))
    ? ['--resume', folder]
    : ['recipes/phantoms/base.yaml', `out=${folder}`, `seed=${seed}`, ...arm.changes];
  await promisify(execFile)('npx', ['tsx', 'src/cli/main.ts', 'train', ...words], {
    maxBuffer: 1 << 28,
  });
  console.log(`${folder} done`);
}

async function trainAll(runs: readonly Run[], jobs: number): Promise<void> {
  const waiting = [...runs];
  const worker = async () => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) await trainRun(run);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

type Result = {
  readonly accuracy: number;
  readonly passAt8: number;
  readonly reward: number | null;
  readonly minutes: number;
};

/** Right answers of the last validation: greedy ones, and questions with one right answer among eight. */
async function resultOf({ folder }: Run, judge: Reward): Promise<Result> {
  const lines = await readRollouts(folder, iterations, 'validation');
  const outcomes = await judge.score(
    lines.map(({ question, reference, accepted, completion }) => ({
      sample: {
        problem: question ?? '',
        images: [],
        referenceAnswer: reference ?? '',
        accepted: accepted ?? [],
      },
      response: completion,
    })),
  );
  const isRight = outcomes.map(({ components }) => {
    const score = components.judge;
    if (score?.kind !== 'scored') throw new Error(`${folder}: an answer has no verdict`);
    return score.value === 1;
  });
  const greedy = lines.flatMap(({ use }, i) => (use === 'validation' ? [isRight[i]] : []));
  const solved = new Map<string, boolean>();
  for (const [i, { use, sampleId }] of lines.entries()) {
    if (use !== 'validation-sampled') continue;
    solved.set(sampleId, (solved.get(sampleId) ?? false) || isRight[i] === true);
  }
  const metrics = await readMetrics(folder);
  const last = metrics.at(-1)?.values ?? {};
  const milliseconds = metrics.reduce(
    (sum, { values }) => sum + (values['time/iterationMs'] ?? 0),
    0,
  );
  return {
    accuracy: share(greedy),
    passAt8: share([...solved.values()]),
    reward: last['validation/reward/mean'] ?? null,
    minutes: milliseconds / 60_000,
  };
}

function share(values: readonly (boolean | undefined)[]): number {
  return values.filter((value) => value === true).length / values.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (values.length - 1));
}

const percent = (value: number) => (100 * value).toFixed(1);

async function printTable(title: string, arms: readonly Arm[], out: string): Promise<void> {
  const judge = await openReward();
  console.log(`| ${title} | accuracy, three seeds | mean ± sd | pass@8 | reward | minutes |`);
  console.log('|---|---|---|---|---|---|');
  for (const arm of arms) {
    const runs = runsOf([arm], out);
    const results = await Promise.all(runs.map((run) => resultOf(run, judge)));
    const accuracies = results.map(({ accuracy }) => accuracy);
    const cells = [
      arm.name,
      accuracies.map(percent).join(', '),
      `${percent(mean(accuracies))} ± ${percent(deviation(accuracies))} %`,
      `${percent(mean(results.map(({ passAt8 }) => passAt8)))} %`,
      mean(results.map(({ reward }) => reward ?? Number.NaN)).toFixed(3),
      mean(results.map(({ minutes }) => minutes)).toFixed(1),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  await judge.close();
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: 'string', default: '2' } },
});
const [command, out = 'runs/phantoms'] = positionals;
if (command === 'run') {
  await trainAll([...runsOf(algorithms, out), ...runsOf(rewards, out)], Number(values.jobs));
} else if (command === 'table') {
  await printTable('algorithm', algorithms, out);
  await printTable('reward', rewards, out);
} else {
  console.error('usage: study.ts run|table [OUT] [--jobs N]');
  process.exitCode = 2;
}
