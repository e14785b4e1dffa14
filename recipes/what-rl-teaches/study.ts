/**
 * The study of this folder: what reinforcement learning teaches the quickstart's model, by what is rewarded.
 *
 *     npx tsx recipes/what-rl-teaches/study.ts run [OUT] [--jobs 1]    runs what is not there yet
 *     npx tsx recipes/what-rl-teaches/study.ts pass [OUT]              samples answers, where it is not done yet
 *     npx tsx recipes/what-rl-teaches/study.ts table [OUT]             prints the tables
 *     npx tsx recipes/what-rl-teaches/study.ts picture [OUT]           draws docs/images/what-rl-teaches.svg
 *
 * Each run is `medix quickstart` with changes to its config. One that was killed is resumed.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { quickstartConfig } from '../../src/cli/quickstart/quickstart.ts';
import { systemClock } from '../../src/core/async/clock.ts';
import { imageVariants } from '../../src/train/image-variants.ts';
import { phantomSet } from '../../src/train/open-samples.ts';
import { openTraining } from '../../src/train/open-training.ts';
import { validate } from '../../src/train/validation.ts';
import { isThere, mean, type Passes, passesOf, percent } from '../measures.ts';
import { writePicture } from '../picture.ts';

type Arm = { readonly name: string; readonly folder: string; readonly changes: readonly string[] };

/** One thread a run, since several run at a time; longer than the quickstart. */
const everyArm = ['engine.threads=1', 'iterations=160'];

/** In place of the quickstart's: no credit by block, no readings that are shown. */
const plain = 'algorithm={preset: dapo, maxSampleRounds: 1}';

const arms: readonly Arm[] = [
  { name: 'answers alone', folder: 'answers', changes: ['reward.profile=medix-r1', plain] },
  {
    name: 'answers and need of the image',
    folder: 'contrast',
    changes: ['reward.profile=medix-r1', plain, 'algorithm.imageContrast={weight: 0.3}'],
  },
  { name: 'answers and reading', folder: 'together', changes: [plain] },
  {
    name: 'answers and reading, by block',
    folder: 'credit',
    changes: ['algorithm={preset: dapo, credit: block, maxSampleRounds: 1}'],
  },
  { name: 'by block, readings shown', folder: 'shown', changes: [] },
];

/** Not those that anything was chosen by. */
const seeds = [3, 4, 5];

type Change = { readonly before: number; readonly after: number };
type Summary = {
  readonly wallSeconds: number;
  readonly before: { readonly accuracy: number };
  readonly after: { readonly accuracy: number };
  readonly accuracyGain: { readonly points: number; readonly ci95: readonly [number, number] };
  readonly mcnemarP: number;
  readonly byKind: Readonly<Record<string, Change & { readonly questions: number }>>;
  readonly readingAccuracy: Change;
  readonly blindAccuracy: Change;
  readonly imageDependence: Change;
};

const folderOf = (out: string, { folder }: Arm, seed: number) => join(out, `${folder}-${seed}`);

async function runOne(folder: string, seed: number, changes: readonly string[]): Promise<void> {
  if (await isThere(join(folder, 'summary.json'))) return;
  const words = (await isThere(join(folder, 'manifest.json')))
    ? ['--resume', folder]
    : ['--out', folder, '--seed', `${seed}`, '--minutes', '60', ...everyArm, ...changes];
  await promisify(execFile)('npx', ['tsx', 'src/cli/main.ts', 'quickstart', ...words], {
    maxBuffer: 1 << 28,
  });
  console.log(`${folder} done`);
}

async function runAll(out: string, jobs: number): Promise<void> {
  const waiting = seeds.flatMap((seed) => arms.map((arm) => ({ arm, seed })));
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await runOne(folderOf(out, next.arm, next.seed), next.seed, next.arm.changes);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

async function summariesOf(out: string, arm: Arm): Promise<readonly Summary[]> {
  const files = seeds.map((seed) => join(folderOf(out, arm, seed), 'summary.json'));
  const there = await Promise.all(files.map(isThere));
  return Promise.all(
    files
      .filter((_, i) => there[i])
      .map(async (file) => JSON.parse(await readFile(file, 'utf8')) as Summary),
  );
}

/** Mean over the seeds, before and after. */
function changed(summaries: readonly Summary[], of: (summary: Summary) => Change): string {
  const [before, after] = (['before', 'after'] as const).map((when) =>
    percent(mean(summaries.map((summary) => of(summary)[when]))),
  );
  return `${before} → ${after}`;
}

async function printTables(out: string): Promise<void> {
  const rows = await Promise.all(
    arms.map(async (arm) => ({ arm, summaries: await summariesOf(out, arm) })),
  );
  const there = rows.filter(({ summaries }) => summaries.length > 0);
  console.log(
    '| rewarded | seeds | right, % | gain at each seed, points | thinking says all, % | right with a grey image, % | image dependence, points | minutes |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  for (const { arm, summaries } of there) {
    const right = ({ before, after }: Summary) => {
      return { before: before.accuracy, after: after.accuracy };
    };
    const cells = [
      arm.name,
      summaries.length,
      changed(summaries, right),
      summaries.map(({ accuracyGain }) => accuracyGain.points.toFixed(1)).join(', '),
      changed(summaries, (summary) => summary.readingAccuracy),
      changed(summaries, (summary) => summary.blindAccuracy),
      changed(summaries, (summary) => summary.imageDependence),
      mean(summaries.map(({ wallSeconds }) => wallSeconds / 60)).toFixed(1),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  const kinds = Object.keys(there[0]?.summaries[0]?.byKind ?? {});
  console.log(`\n| right by kind of question, % | ${kinds.join(' | ')} |`);
  console.log(`|---|${kinds.map(() => '---|').join('')}`);
  for (const { arm, summaries } of there) {
    const cells = kinds.map((kind) => changed(summaries, ({ byKind }) => shareOf(byKind, kind)));
    console.log(`| ${arm.name} | ${cells.join(' | ')} |`);
  }
}

function shareOf(byKind: Summary['byKind'], kind: string): Change {
  const share = byKind[kind];
  if (share === undefined) throw new Error(`no question of the kind ${kind}`);
  return share;
}

/** Questions and answers to each for pass@k. */
const sampled = { questions: 200, answers: 8 } as const;

type PassesByImage = Readonly<Record<'own' | 'other', Passes>>;

/** Of the model that a run begins or ends with; kept in its folder once it is known. */
async function keptPasses(
  folder: string,
  seed: number,
  when: 'before' | 'after',
): Promise<PassesByImage> {
  const file = join(folder, `pass-${when}.json`);
  if (await isThere(file)) return JSON.parse(await readFile(file, 'utf8')) as PassesByImage;
  const start = quickstartConfig(seed, folder);
  const config = when === 'before' ? start : { ...start, model: join(folder, 'model') };
  const { signal } = new AbortController();
  const parts = { hub: {}, secrets: {}, clock: systemClock, signal };
  const training = await openTraining(config, parts);
  try {
    const variants = imageVariants(phantomSet({ seed, split: 'test', size: sampled.questions }));
    const ask = async (image: 'own' | 'other') =>
      passesOf(
        await validate(
          variants[image],
          training.prepare,
          training.engine,
          training.scoring.reward,
          { maxCompletionTokens: config.rollout.maxCompletionTokens, samples: sampled.answers },
          { limit: 0, next: 'run it again', onRescored: async () => {} },
          signal,
        ),
        sampled.answers,
      );
    const found = { own: await ask('own'), other: await ask('other') };
    await writeFile(file, JSON.stringify(found));
    return found;
  } finally {
    await training.close();
  }
}

async function samplePasses(out: string): Promise<void> {
  for (const seed of seeds) {
    for (const [index, arm] of arms.entries()) {
      const folder = folderOf(out, arm, seed);
      if (!(await isThere(join(folder, 'summary.json')))) continue;
      // All arms begin with the same model.
      if (index === 0) await keptPasses(folder, seed, 'before');
      await keptPasses(folder, seed, 'after');
      console.log(`${folder} done`);
    }
  }
}

async function printPasses(out: string): Promise<void> {
  const k = sampled.answers;
  console.log(
    `\n| ${sampled.questions} questions, ${k} sampled answers each, % | pass@1 | pass@${k} | pass@1 with another image | pass@${k} with another image |`,
  );
  console.log('|---|---|---|---|---|');
  const start = { name: 'before', folder: arms[0]?.folder ?? '', changes: [] };
  for (const arm of [start, ...arms]) {
    const when = arm === start ? 'before' : 'after';
    const files = seeds.map((seed) => join(folderOf(out, arm, seed), `pass-${when}.json`));
    const there = await Promise.all(files.map(isThere));
    if (!there.every(Boolean)) continue;
    const found = await Promise.all(
      files.map(async (file) => JSON.parse(await readFile(file, 'utf8')) as PassesByImage),
    );
    const cells = [
      (one: PassesByImage) => one.own.pass1,
      (one: PassesByImage) => one.own.passK,
      (one: PassesByImage) => one.other.pass1,
      (one: PassesByImage) => one.other.passK,
    ].map((of) => percent(mean(found.map(of))));
    console.log(`| ${arm.name} | ${cells.join(' | ')} |`);
  }
}

/** What each reward changed, a point a seed. */
async function drawPicture(out: string): Promise<void> {
  const measures: Readonly<Record<string, (summary: Summary) => Change>> = {
    'right answers': ({ before, after }) => ({ before: before.accuracy, after: after.accuracy }),
    'thinking says all that can be read': ({ readingAccuracy }) => readingAccuracy,
    'right with a grey image': ({ blindAccuracy }) => blindAccuracy,
    'right, less right with another image': ({ imageDependence }) => imageDependence,
  };
  const rows = [];
  for (const arm of arms) {
    for (const summary of await summariesOf(out, arm)) {
      for (const [measure, of] of Object.entries(measures)) {
        const { before, after } = of(summary);
        rows.push({ rewarded: arm.name, measure, points: 100 * (after - before) });
      }
    }
  }
  const of = (field: string, sort: readonly string[]) => {
    return { field, type: 'nominal' as const, title: null, sort: [...sort] };
  };
  const names = arms.map(({ name }) => name);
  await writePicture('docs/images/what-rl-teaches.svg', {
    title:
      'What reinforcement learning changed: percentage points of 1,000 held-out questions, a mark a seed',
    data: { values: rows },
    columns: 2,
    facet: { ...of('measure', Object.keys(measures)), header: { title: null, labelFontSize: 12 } },
    spec: {
      width: 300,
      height: 110,
      layer: [
        {
          mark: { type: 'rule', color: '#888' },
          encoding: { x: { datum: 0, type: 'quantitative' } },
        },
        {
          mark: { type: 'point', size: 70, filled: true, opacity: 0.8 },
          encoding: {
            x: { field: 'points', type: 'quantitative', title: 'change in points' },
            y: { ...of('rewarded', names), axis: { labelLimit: 260 } },
            color: { ...of('rewarded', names), legend: null },
          },
        },
      ],
    },
  });
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: 'string', default: '1' } },
});
const [command, out = 'runs/what-rl-teaches'] = positionals;
if (command === 'run') await runAll(out, Number(values.jobs));
else if (command === 'pass') await samplePasses(out);
else if (command === 'table') {
  await printTables(out);
  await printPasses(out);
} else if (command === 'picture') await drawPicture(out);
else {
  console.error('usage: study.ts run|pass|table|picture [OUT] [--jobs N]');
  process.exitCode = 2;
}
