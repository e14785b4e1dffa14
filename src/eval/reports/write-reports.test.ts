import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { evalConfigSchema } from '../../config/eval-config.ts';
import { fail } from '../../core/errors.ts';
import { writeEvaluation, writeScansTask } from '../review/stored-evaluation.fixture.ts';
import { scoreEvaluation } from '../scoring/score.ts';
import type { OpenedTask } from '../stages/asked-samples.ts';
import { openTask } from '../tasks/open-task.ts';
import { openTaskSource } from '../tasks/task-source.ts';
import { formatTerminal } from './terminal.ts';
import { writeReports } from './write-reports.ts';

const hostile =
  '</div><script>alert(1)</script><img src=x onerror="alert(2)"> =cmd|calc \u202Ereversed';

let root: string;
let folder: string;
let taskFile: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'medix-reports-'));
  folder = join(root, 'results');
});
afterEach(() => rm(root, { recursive: true }));

/** Votes of every answer are split, so that every one is a disagreement. */
async function evaluate(access = 'public'): Promise<void> {
  taskFile = await writeScansTask(join(root, 'task'), 4, access);
  await writeEvaluation(folder, {
    model: `org/${hostile}`,
    taskFile,
    answer: ({ index }) => (index === 7 ? undefined : `${hostile} ${index}`),
    score: ({ index }) => (index === 6 ? null : index % 2),
  });
  const path = join(folder, 'judgings', 'judge', 'scans.jsonl');
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  const votes = [0, 1].map((score) => ({
    judge: hostile,
    outcome: { kind: 'judged', score, reply: `${hostile} ${'very '.repeat(500)}long` },
  }));
  const rows = lines.map((line) => ({ ...(JSON.parse(line) as object), votes }));
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

async function score() {
  const model = { kind: 'file', path: 'none', name: 'none' } as const;
  const config = evalConfigSchema.parse({ out: folder, model, tasks: [taskFile] });
  return scoreEvaluation({ folder, config, clock: () => 0 });
}

async function openScans(): Promise<OpenedTask> {
  const task = await openTask(taskFile);
  return { task, source: await openTaskSource(task, { hub: {}, cache: '' }) };
}

async function write(open: () => Promise<OpenedTask> = openScans) {
  const report = await score();
  const { signal } = new AbortController();
  const paths = await writeReports(folder, report, { openTask: open, signal });
  const [json = '', markdown = '', csv = '', page = ''] = await Promise.all(
    paths.map((path) => readFile(path, 'utf8')),
  );
  return { report, paths, json, markdown, csv, page };
}

describe('the files of a report', () => {
  it('are JSON, Markdown, CSV and a page in the results folder', async () => {
    await evaluate();
    const { report, paths, json } = await write();
    const names = ['report.json', 'report.md', 'report.csv', 'report.html'];
    expect(paths.map((path) => basename(path))).toEqual(names);
    expect(JSON.parse(json)).toEqual(report);
  });

  it('are kept where an earlier report has a score and a new one has none', async () => {
    await evaluate();
    const { json, page, paths } = await write();
    await rm(join(folder, 'judgings', 'judge', 'scans.jsonl'));
    await expect(write()).rejects.toThrow(
      /report\.json: task scans \(original\): expected a score, .* the earlier report is kept/,
    );
    expect(await readFile(paths[0] ?? '', 'utf8')).toBe(json);
    expect(await readFile(paths[3] ?? '', 'utf8')).toBe(page);
  });

  it.each(['{"model": ', '{}', ''])('replace an earlier report that says %j', async (text) => {
    await evaluate();
    await rm(join(folder, 'judgings', 'judge', 'scans.jsonl'));
    await writeFile(join(folder, 'report.json'), text);
    expect(JSON.parse((await write()).json).tasks[0].result.kind).toBe('failed');
  });

  it('are the same when they are written again', async () => {
    await evaluate();
    const { markdown, csv, page } = await write();
    const again = await write();
    expect([again.markdown, again.csv, again.page]).toEqual([markdown, csv, page]);
  });

  it('have a row of CSV for each task and subgroup, and for the mean', async () => {
    await evaluate();
    const { csv } = await write();
    const [head = '', ...rows] = csv.trimEnd().split('\r\n');
    const cells = rows.map((row) => row.split(','));
    expect(head.split(',').slice(0, 4)).toEqual(['task', 'variant', 'dimension', 'value']);
    expect(cells.map((row) => row.slice(0, 4).join(' ').trim())).toEqual([
      'scans original',
      'scans original kind closed',
      'scans original kind open',
      'overall original',
    ]);
    expect(new Set(cells.map((row) => row.length))).toEqual(new Set([head.split(',').length]));
  });
});

describe('the page of a report', () => {
  it('shows what models and judges wrote as text, whatever it is', async () => {
    await evaluate();
    const { page, markdown } = await write();
    expect(page).not.toMatch(/<script|<img src=x| on\w+="/);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(markdown).not.toContain('<script>');
    expect([page, markdown].some((text) => text.includes('\u202E'))).toBe(false);
  });

  it('allows nothing but its own style sheet and data images, and loads nothing', async () => {
    await evaluate();
    const { page } = await write();
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const digest = createHash('sha256').update(style).digest('base64');
    expect(policy.replaceAll('&#39;', "'")).toBe(
      `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'`,
    );
    expect(page).not.toMatch(/ style="/);
    expect(page).not.toMatch(/(src|href)="(?!#|data:)/);
  });

  it('shows a disagreement with its image, question, reference, answer and the judge’s words', async () => {
    await evaluate();
    const { page } = await write();
    const cards = page.split('<article').slice(1);
    expect(cards).toHaveLength(7);
    expect(cards[0]).toContain('<li>votes of judge differ</li>');
    expect(cards[0]).toMatch(
      /<img src="data:image\/jpeg;base64,[\w+/=]+" width="320" height="240"/,
    );
    expect(cards[0]).toContain('Is there a bright band in scan 0?');
    expect(cards[0]).toMatch(
      /<h4>Reference answer<\/h4>\s*<div class="text" dir="auto">yes<\/div>/,
    );
    expect(cards[0]).toContain('more characters');
  });

  it('shows neither texts nor images of data that is not public', async () => {
    await evaluate('credentialed');
    const { page, markdown, csv, json } = await write();
    expect(page.split('<article')).toHaveLength(8);
    expect(page).toContain('Texts and images of credentialed data are not shown.');
    expect(page).not.toContain('<img src="data:image');
    for (const text of [page, markdown, csv, json]) {
      expect(text).not.toMatch(/bright band|Which organ|Liver/);
    }
  });

  it('says why an image is not there, and shows the rest', async () => {
    await evaluate();
    const { page } = await write(async () =>
      fail('data', { where: 'scans', expected: 'rows', got: 'none', next: 'look for them' }),
    );
    expect(page).not.toContain('<img src="data:image');
    expect(page).toContain('No image: scans: expected rows, got none; look for them');
    expect(page).toContain('Is there a bright band in scan 0?');
  });

  it('draws the interval of each task and of the mean, broken where coverage is too small', async () => {
    await evaluate();
    const { page } = await write();
    expect(page).toContain('<g class="doubtful">');
    expect(page).toContain('<g class="summary">');
    expect(page).not.toMatch(/NaN|Infinity/);
    expect(page).toContain('The mean of 1 task is incomplete: scans.');
  });
});

describe('the report on a terminal', () => {
  it('has a line for each task with coverage, score and what to know before believing it', async () => {
    await evaluate();
    const lines = formatTerminal(await score());
    expect(lines.find((line) => line.startsWith('scans'))).toMatch(
      /^scans +8 +75\.0 % +50\.0 % \[[\d.]+, [\d.]+\] +– +– +incomplete$/,
    );
    expect(lines.join('\n')).not.toContain('dimension');
  });

  it('shows subgroups on request', async () => {
    await evaluate();
    const lines = formatTerminal(await score(), { subgroups: true });
    expect(lines.find((line) => /^scans +kind +closed/.test(line))).toBeDefined();
  });
});
