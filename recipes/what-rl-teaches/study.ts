/**
 * The study of this folder: what reinforcement learning teaches the quickstart's model, by what is rewarded.
 *
 *     npx tsx recipes/what-rl-teaches/study.ts run [OUT] [--jobs 1]    runs what is not there yet
 *     npx tsx recipes/what-rl-teaches/study.ts table [OUT]             prints the tables
 *
 * Each run is `medix quickstart` with changes to its config. One that was killed is resumed.
 */
import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';

type Arm = { readonly name: string; readonly folder: string; readonly changes: readonly string[] };

const arms: readonly Arm[] = [
  { name: 'answers alone', folder: 'answers', changes: ['reward.profile=medix-r1'] },
  { name: 'answers and reading', folder: 'reading', changes: [] },
  {
    name: 'answers and need of the image',
    folder: 'contrast',
    changes: ['reward.profile=medix-r1', 'algorithm.imageContrast={weight: 0.3}'],
  },
];

/** Not those that anything was chosen by. */
const seeds = [0, 1, 2];

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

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function runOne(folder: string, seed: number, changes: readonly string[]): Promise<void> {
  if (await isThere(join(folder, 'summary.json'))) return;
  const words = (await isThere(join(folder, 'manifest.json')))
    ? ['--resume', folder]
    : ['--out', folder, '--seed', `${seed}`, '--minutes', '60', ...changes];
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

const percent = (value: number) => (100 * value).toFixed(1);

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
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

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: 'string', default: '1' } },
});
const [command, out = 'runs/what-rl-teaches'] = positionals;
if (command === 'run') await runAll(out, Number(values.jobs));
else if (command === 'table') await printTables(out);
else {
  console.error('usage: study.ts run|table [OUT] [--jobs N]');
  process.exitCode = 2;
}
