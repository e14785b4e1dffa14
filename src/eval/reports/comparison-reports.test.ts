import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EvalComparison } from '../results/comparison.ts';
import { formatComparison, renderComparisonPage, writeComparison } from './comparison-reports.ts';

const hostile = '<script>alert(1)</script>"><img src=x onerror=alert(1)>|[x](javascript:1)';

function comparison(
  change: Partial<EvalComparison['candidates'][number]> = {},
  other: Partial<EvalComparison> = {},
): EvalComparison {
  const figures = {
    baseline: 0.5,
    candidate: 0.6,
    difference: 0.1,
    interval: { low: 0.02, high: 0.18 },
    pValue: 0.01,
    adjustedPValue: 0.02,
    detectable: 0.11,
  };
  return {
    baseline: { id: 'base', folder: 'a', judging: 'main' },
    judging: { mode: 'medix-r1', votes: 3, judges: ['judge'] },
    candidates: [
      {
        id: 'tuned',
        folder: 'b',
        judging: 'main',
        tasks: [
          {
            task: 'organs',
            samples: { shared: 400, compared: 300, onlyBaseline: 1, onlyCandidate: 2 },
            result: {
              ...figures,
              kind: 'compared',
              clusters: 300,
              test: 'mcnemar',
              onlyRight: { baseline: 20, candidate: 50 },
            },
          },
          {
            task: 'bones',
            samples: { shared: 0, compared: 0, onlyBaseline: 4, onlyCandidate: 0 },
            result: { kind: 'failed', message: 'no question has a score of both models' },
          },
        ],
        overall: { ...figures, tasks: ['organs'] },
        ...change,
      },
    ],
    leftOut: [],
    differences: [],
    seed: 1,
    draws: 10_000,
    ...other,
  };
}

describe('the comparison on a terminal', () => {
  it('shows difference, interval, test and coverage of each task', () => {
    const lines = formatComparison(comparison());
    const organs = lines.find((line) => line.startsWith('organs'));
    expect(organs).toMatch(
      /300 +75\.0 % +50\.0 % +60\.0 % +\+10\.0 \[\+2\.0, \+18\.0\] +20 +50 +0\.010 +0\.020 +11\.0 +mcnemar$/,
    );
  });

  it('says why a task was not compared', () => {
    const bones = formatComparison(comparison()).find((line) => line.startsWith('bones'));
    expect(bones).toMatch(/no question has a score of both models$/);
  });

  it('calls a difference by its sign, and only where the test holds', () => {
    const { overall } = comparison().candidates[0] ?? {};
    if (!overall) throw new Error('no overall');
    const text = (change: Partial<typeof overall>) =>
      formatComparison(comparison({ overall: { ...overall, ...change } })).join('\n');
    expect(text({})).toContain('p = 0.020: better.');
    expect(text({ difference: -0.1 })).toContain(': worse.');
    expect(text({ adjustedPValue: 0.3 })).toContain(
      'no difference is shown. A difference of 11.0 points would probably have been found.',
    );
  });

  it('warns of all that speaks against the figures', () => {
    const other = { leftOut: ['skin'], differences: ['b: another sampling than the baseline'] };
    const lines = formatComparison(comparison({}, other));
    expect(lines).toContain('warning: b: another sampling than the baseline');
    expect(lines).toContain('warning: Left out because not every folder has these tasks: skin');
  });

  it('says so where nothing can be compared', () => {
    const lines = formatComparison(comparison({ tasks: [], overall: null }));
    expect(lines).toContain('Nothing can be compared.');
  });
});

describe('the page of a comparison', () => {
  it('shows names of models and tasks as text, whatever is in them', async () => {
    const [candidate] = comparison().candidates;
    const tasks = (candidate?.tasks ?? []).map((one) => ({ ...one, task: hostile }));
    const page = await renderComparisonPage(comparison({ id: hostile, tasks }));
    expect(page).not.toMatch(/<script|<img|"><img/);
    expect(page).toContain('&lt;script&gt;');
  });

  it('allows nothing but its own style sheet and data images', async () => {
    const page = await renderComparisonPage(comparison());
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const digest = createHash('sha256').update(style).digest('base64');
    expect(policy.replaceAll('&#39;', "'")).toMatch(/^default-src 'none'/);
    expect(policy).toContain(digest);
    expect(page).not.toMatch(/ (style|on\w+)="/);
    expect(page).not.toMatch(/(src|href)="https?:/);
  });

  it('draws each difference with its interval around a line of no difference', async () => {
    const page = await renderComparisonPage(comparison());
    expect(page).toContain('aria-label="Difference in score on each task with its 95 % interval"');
    expect(page).toContain('<title>organs: +10.0 [+2.0, +18.0]</title>');
    expect(page).toContain('<title>bones: not compared</title>');
    expect(page.match(/<line class="origin"/g)).toHaveLength(1);
    expect(page.match(/<circle/g)).toHaveLength(2);
  });

  it('draws differences of any size without a figure that is no number', async () => {
    for (const difference of [0, 1e-9, -0.049, 0.3, -1, 1]) {
      const { overall } = comparison().candidates[0] ?? {};
      if (!overall) throw new Error('no overall');
      const interval = { low: difference, high: difference };
      const page = await renderComparisonPage(
        comparison({ tasks: [], overall: { ...overall, difference, interval } }),
      );
      expect(page).not.toMatch(/NaN|Infinity/);
      expect(page.match(/<line class="origin"/g)).toHaveLength(1);
    }
  });
});

describe('the files of a comparison', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'medix-comparison-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are JSON, Markdown and a page, in a folder that is made', async () => {
    const paths = await writeComparison(join(folder, 'new', 'deep'), comparison());
    expect(paths.map((path) => basename(path))).toEqual([
      'comparison.json',
      'comparison.md',
      'comparison.html',
    ]);
    expect(JSON.parse(await readFile(paths[0] ?? '', 'utf8'))).toEqual(comparison());
  });

  it('keep names from becoming markup in Markdown', async () => {
    const [, path = ''] = await writeComparison(folder, comparison({ id: hostile }));
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain('<script>');
    expect(text).not.toContain('[x](javascript');
    expect(text).toMatch(/^\| organs \| 300 \| 75\.0 % \|/m);
  });
});
