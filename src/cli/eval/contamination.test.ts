import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rngFromKey } from '../../core/rng.ts';
import type { OverlapReport } from '../../eval/contamination/overlap-report.ts';
import { writeEvaluation } from '../../eval/review/stored-evaluation.fixture.ts';
import { setUpEvalContamination } from './contamination.ts';

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-contamination-'));
  await writeFile(at('scans.yaml'), taskFile('scans', 'public'));
  await writeFile(at('closed.yaml'), taskFile('closed', 'credentialed'));
  const rows: object[] = [];
  for (let place = 0; place < 6; place++) {
    await writeFile(at(`${place}.png`), await scan(`scan ${place}`));
    rows.push({ image: `${place}.png`, question: `What is shown?`, answer: `thing ${place}` });
  }
  await writeLines('rows.jsonl', rows);
  const half = await sharp(at('1.png')).resize(100, 100).jpeg().toBuffer();
  await writeLines('train.jsonl', [
    { image: '0.png', problem: 'what is SHOWN', solution: 'untagged' },
    { images: [{ bytes: half.toString('base64') }], problem: 'Which organ is in the middle?' },
    { image: 'gone.png', problem: 'Something else?' },
    { solution: 'neither question nor image' },
  ]);
  await writeEvaluation(at('results'), {
    model: 'model',
    taskFile: at('scans.yaml'),
    answer: ({ reference }) => reference,
    score: ({ index }) => Number(index < 2),
  });
});
afterAll(() => rm(folder, { recursive: true }));

function taskFile(id: string, access: string): string {
  return `id: ${id}
title: Scans
input: image
kind: open
source: { path: rows.jsonl }
rows: 6
licence: null
access: ${access}
rubric: binary
layouts:
  - columns: [image, question, answer]
    question: "{{ question }}"
    reference: { text: answer }
    images: { columns: [image] }
    cluster: image
`;
}

async function scan(key: string): Promise<Buffer> {
  const rng = rngFromKey(key);
  const size = 128;
  const blobs = Array.from({ length: 12 }, () => {
    const [x, y, grey] = [rng.integer(size), rng.integer(size), 60 + rng.integer(190)];
    return `<circle cx="${x}" cy="${y}" r="${6 + rng.integer(20)}" fill="rgb(${grey},${grey},${grey})"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}">${blobs.join('')}</svg>`;
  return sharp(Buffer.from(svg)).flatten().png().toBuffer();
}

async function writeLines(name: string, rows: readonly object[]): Promise<void> {
  await writeFile(at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

async function run(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const terminal = {
    print: (line: string) => lines.push(line),
    write: () => {},
    showStatus: () => {},
    printJson: () => {},
    writeBold: () => {},
    isInteractive: false,
  };
  const group = new Command('eval');
  await setUpEvalContamination(
    group.command('contamination'),
    {
      terminal,
      signal: new AbortController().signal,
      clock: () => 0,
    },
    () => false,
  );
  for (const command of group.commands) {
    command.exitOverride().configureOutput({ writeErr: () => {} });
  }
  await group.parseAsync(['contamination', '--cache', folder, ...args], { from: 'user' });
  return lines.join('\n');
}

it('reports files and pictures that training rows have, rows it could not compare, and both scores', async () => {
  const out = at('report.json');
  const view = await run(
    ...['--task', at('scans.yaml'), '--train', at('train.jsonl')],
    ...['--results', at('results'), '--out', out],
  );
  expect(view).toContain(
    `${at('train.jsonl')}: 3 rows, 2 images; not compared: 1 × missing-image, 1 × neither-question-nor-image`,
  );
  expect(view).toMatch(/scans +6 +6 \+ 0 +1 \+ 1 +1 \+ 0 +33\.3 %/);
  expect(view).toContain('the image of 2 of 6 samples (33.3 %) is in the training sets');
  expect(view).toContain('score 100.0 % on these, 0.0 % on the others');
  expect(view).toContain('not that a model has memorised it');
  const report = JSON.parse(await readFile(out, 'utf8')) as OverlapReport;
  expect(
    report.tasks[0]?.examples.map(({ index, matches }) => ({ index, ...matches })),
  ).toMatchObject([
    { index: 0, both: { how: 'exact', place: `${at('train.jsonl')}: row 0` } },
    { index: 1, image: { how: 'near', place: `${at('train.jsonl')}: row 1` } },
  ]);
});

it('shows no question of a credentialed task', async () => {
  const view = await run('--task', at('closed.yaml'), '--train', at('train.jsonl'));
  expect(view).toMatch(/closed-[0-9a-f]{16}: exact in /);
  expect(view).not.toContain('What is shown');
});

it('adds up several training sets', async () => {
  await writeLines('more.jsonl', [{ image: '4.png' }]);
  const view = await run(
    '--task',
    at('scans.yaml'),
    '--train',
    at('train.jsonl'),
    at('more.jsonl'),
  );
  expect(view).toContain(`${at('more.jsonl')}: 1 rows, 1 images`);
  expect(view).toContain('the image of 3 of 6 samples');
});

it.each([
  ['no tasks', ['--train', 'x'], /required option '--task/],
  [
    'a training set without usable rows',
    ['--task', 'SCANS', '--train', 'EMPTY'],
    /rows with questions or images, got 1 × neither/,
  ],
  [
    'results of other tasks',
    ['--task', 'CLOSED', '--train', 'x', '--results', 'RESULTS'],
    /results of closed, got scans/,
  ],
  [
    'a misspelt id',
    ['--task', 'SCANS', '--train', 'x', '--data', 'scan=x'],
    /one of scans, got scan/,
  ],
])('refuses %s', async (_, args, message) => {
  await writeLines('empty.jsonl', [{ solution: 'x' }]);
  const paths: Readonly<Record<string, string>> = {
    SCANS: at('scans.yaml'),
    CLOSED: at('closed.yaml'),
    EMPTY: at('empty.jsonl'),
    RESULTS: at('results'),
  };
  await expect(run(...args.map((arg) => paths[arg] ?? arg))).rejects.toThrow(message);
});
