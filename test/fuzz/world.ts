/** A folder with a small one of everything that a command reads: data, a model, a run, results, a review. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { phantomSample } from '../../src/data/phantoms/study.ts';
import { writeSamples } from '../../src/data/write.fixture.ts';
import { runLine } from './run-line.ts';

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));

const organs = ['liver', 'spleen', 'kidney', 'lung'];
const evaluation = (out: string, answers: string) => [
  `out=${out}`,
  `model={kind: file, path: ${answers}, name: vlm}`,
  'tasks=[tasks/organs.yaml, tasks/options.yaml, medqa]',
  'data={medqa: data/medqa.jsonl}',
  'imageRoots={options: tasks}',
];

/** Makes it in the present folder, by the commands themselves where they write what others read. */
export async function makeWorld(): Promise<void> {
  await makeFiles();
  for (const [out, shift] of [
    ['results', 0],
    ['other', 1],
  ] as const) {
    const ids: { id: string; question: string }[] = [];
    for (const [task, ...places] of [
      ['tasks/organs.yaml'],
      ['tasks/options.yaml', '--images', 'tasks'],
      ['medqa', '--data', 'data/medqa.jsonl'],
    ] as const) {
      const listed = await done('eval', 'samples', task, ...places);
      ids.push(
        ...listed
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
    }
    await writeRows(
      `data/${out}.jsonl`,
      ids.map(({ id }, n) => ({
        id,
        response: `<think>So.</think> ${organs[(n * (1 + shift)) % 4]}`,
      })),
    );
    await done('eval', 'run', ...evaluation(out, `data/${out}.jsonl`));
  }
  await done(
    'review',
    'create',
    '--from',
    'results',
    '--from',
    'other',
    '--out',
    'review',
    '--raters',
    '2',
    '--images',
    'options=tasks',
  );
  await writeRatings();
  await done('judge', 'certify', 'embedder=null', 'out=data/certificate.json');
  await done(
    'reward',
    'score',
    'data/rows.jsonl',
    '--out',
    'data/scores.jsonl',
    'reward.profile=data/profile.yaml',
  );
}

async function writeRatings(): Promise<void> {
  const { items } = JSON.parse(await readFile('review/review.json', 'utf8')) as {
    readonly items: readonly { readonly id: string }[];
  };
  await mkdir('review/answers');
  for (const rater of ['rater-1', 'rater-2']) {
    await writeRows(
      `review/answers/${rater}.jsonl`,
      items.map(({ id }, n) => ({
        item: id,
        at: '2026-01-01T00:00:00.000Z',
        order: [n % 2, 1 - (n % 2)],
        preference: n % 3 === 0 ? 'left' : 'right',
        grades: ['correct', n % 2 === 0 ? 'partly' : 'wrong'],
        comment: '',
      })),
    );
  }
}

async function makeFiles(): Promise<void> {
  for (const folder of ['data', 'tasks', 'cache']) await mkdir(folder);
  const copies = {
    'earlier-version/run/model': 'model',
    'qwen3-vl-tiny/images/photo.jpg': 'data/photo.jpg',
    'qwen3-vl-tiny/images/small-color.png': 'data/image.png',
    'earlier-version/evaluation/tasks': 'tasks',
    'earlier-version/run/killed': 'run',
    'eval-rows/medqa/rows.jsonl': 'data/medqa.jsonl',
    'parquet/images/struct.parquet': 'data/rows.parquet',
  };
  for (const [from, to] of Object.entries(copies)) {
    await cp(join(fixtures, from), to, { recursive: true });
  }
  const attempt = 'run/attempts/0001.json';
  const ofThisMachine = `"host": ${JSON.stringify(hostname())}`;
  await writeFile(
    attempt,
    (await readFile(attempt, 'utf8')).replace('"host": "vm"', ofThisMachine),
  );

  const shipped = fileURLToPath(new URL('../../assets/', import.meta.url));
  await cp(join(shipped, 'reward-profiles/medix-r1.yaml'), 'data/profile.yaml');
  await writeSamples(
    'data/train.parquet',
    [0, 1, 2].map((index) => phantomSample({ seed: 1, split: 'train', index })),
  );
  await writeRows(
    'data/train.jsonl',
    [0, 1, 2].map((n) => ({
      id: n,
      problem: 'Which organ?',
      solution: `<X_RAY>${organs[n]}`,
      images: ['image.png'],
    })),
  );
  await writeRows(
    'data/rows.jsonl',
    [0, 1, 2, 3].map((n) => ({
      id: n,
      question: 'Which organ?',
      response: `<CT_SCAN><thinking>so</thinking><answer>${organs[n]}</answer>`,
      ground_truth: `<CT_SCAN>${organs[0]}`,
      reward: 0.5,
      group: `g${n >> 1}`,
    })),
  );
  await writeRows('data/completions.jsonl', [
    { id: 1, prompt: 'Hi', completion: 'Yes' },
    { id: 2, prompt: 'Hi', completion: [5, 6], images: ['image.png'], end: true },
  ]);
  await writeRows('data/journal.jsonl', [
    {
      at: '2026-01-01T00:00:00.000Z',
      route: '/v1/rewards',
      ms: 1,
      items: [
        {
          id: 'a',
          question: 'Which organ?',
          response: 'liver',
          ground_truth: 'liver',
          images: [],
          outcome: { reward: 0.5, components: {} },
        },
      ],
    },
  ]);
  await writeRows('data/probes.jsonl', [
    { question: 'Which lung?', reference: 'Left', answer: 'Left lung', correct: true },
    { question: 'Which lung?', reference: 'Left', answer: 'Right lung', correct: false },
  ]);
  await writeFile('data/template.jinja', '{{ problem }} Answer in one word.');
  await writeFile(
    'data/train.yaml',
    'model: model\ndata: {train: data/train.jsonl, template: question}\niterations: 1\n',
  );
  await writeFile(
    'data/eval.yaml',
    'model: {kind: file, path: data/results.jsonl, name: vlm}\ntasks: [tasks/organs.yaml]\n',
  );
  await writeFile('data/reward.yaml', 'reward: {profile: medix-r1}\n');
}

/** What the command printed. */
async function done(...argv: readonly string[]): Promise<string> {
  const { code, output, errors } = await runLine(argv, Number.POSITIVE_INFINITY);
  if (code !== 0) throw new Error(`medix ${argv.join(' ')} ended with ${code}: ${errors}`);
  return output;
}

function writeRows(path: string, rows: readonly unknown[]): Promise<void> {
  return writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
