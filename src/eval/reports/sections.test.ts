import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EvalReport } from '../results/report.ts';
import { EvaluationFixture, failure } from '../stages/evaluation.fixture.ts';
import { csvReport } from './csv.ts';
import { detailSections } from './detail-sections.ts';
import { leadOf } from './score-page.ts';
import { scoreTable } from './score-table.ts';
import { formatTerminal } from './terminal.ts';

const organs = ['liver', 'spleen', 'kidney'];
const rows = Array.from({ length: 6 }, (_, n) => ({
  question: `Which organ is ${n}?`,
  answer: organs[n % 3] ?? '',
  patient: `p${n % 3}`,
  organ: '=HYPERLINK("x"), a',
}));

let evaluation: EvaluationFixture;
beforeEach(async () => {
  evaluation = await EvaluationFixture.create();
});
afterEach(() => evaluation.remove());

function sectionOf(report: EvalReport, id: string) {
  return detailSections(report).find((section) => section.id === id);
}

describe('sections of a report', () => {
  it('show rule, epochs and the order of options where these were asked for', async () => {
    await evaluation.addTask('choice', rows, 'multiple-choice');
    const change = {
      variants: ['original', 'permuted-options'] as ('original' | 'permuted-options')[],
      sampling: { epochs: 2 },
    };
    // It always takes the first option: the liver, or what stands there.
    await evaluation.generate(() => 'A', change);
    await evaluation.judge(change);
    const report = await evaluation.score(change);
    expect(sectionOf(report, 'rule')?.table?.rows.map(([task]) => task)).toEqual([
      'choice',
      'choice · permuted-options',
    ]);
    expect(sectionOf(report, 'epochs')?.table?.rows[0]).toEqual([
      'choice',
      expect.stringMatching(/^\d+\.\d % {3}\d+\.\d %$/),
      '0.0 %',
    ]);
    const order = sectionOf(report, 'option-order');
    expect(order?.table?.rows[0]?.slice(0, 2)).toEqual(['choice', '12']);
    expect(order?.text.at(-1)).toMatch(
      /^choice, how often each letter was chosen where it was offered: A 100\.0 % \(right /,
    );
  });

  it('leave out what was not asked for, and keep coverage, cost and method', async () => {
    await evaluation.addTask('open', rows);
    await evaluation.generate(({ referenceAnswer }) => referenceAnswer);
    await evaluation.judge();
    const ids = detailSections(await evaluation.score()).map(({ id }) => id);
    expect(ids).toEqual(['coverage', 'cost', 'method']);
  });

  it('count failures by cause', async () => {
    await evaluation.addTask('open', rows);
    await evaluation.generate(({ problem, referenceAnswer }) =>
      problem.includes(' 1?') ? failure : problem.includes(' 2?') ? '<think>so' : referenceAnswer,
    );
    await evaluation.judge();
    const report = await evaluation.score();
    expect(sectionOf(report, 'coverage')?.table?.rows).toEqual([
      ['open', '6', '5', '4', '0', '1 timeout', '1 no-answer', '–'],
    ]);
  });
});

describe('the main table', () => {
  it('says why a task has no score, and what the mean goes without', async () => {
    await evaluation.addTask('good', rows);
    await evaluation.addTask('silent', rows);
    await evaluation.generate(({ source, referenceAnswer }) =>
      source === 'silent' ? failure : referenceAnswer,
    );
    await evaluation.judge();
    const table = scoreTable(await evaluation.score()).rows;
    expect(table.find(([task]) => task === 'silent')?.slice(3)).toEqual([
      'none',
      '–',
      '–',
      expect.stringMatching(/; incomplete$/),
    ]);
    expect(table.at(-1)?.at(0)).toBe('mean of 1 task');
    expect(table.at(-1)?.at(-1)).toBe('without silent');
  });
});

describe('what is missing', () => {
  it('is said before anything else, with its causes, on terminal, page and Markdown', async () => {
    await evaluation.addTask('open', [...rows, { question: 'No answer?' }]);
    await evaluation.addTask('whole', rows);
    await evaluation.generate(({ problem, source, referenceAnswer }) => {
      if (source === 'whole') return referenceAnswer;
      return problem.includes(' 1?') ? failure : problem.includes(' 2?') ? '<think>so' : 'liver';
    });
    await evaluation.judge();
    const report = await evaluation.score();
    const said = [
      'Incomplete, without a score: 2 of 12 expected answers (16.7 %); the figures rest on the others.',
      'Incomplete, could not be asked: 1 row of the tasks.',
    ];
    const inTask =
      /^In open: 1 without an answer \(1 timeout\); 1 answered but without a score \(1 no-answer\); 1 not asked at all \(1 [\w-]+\)\.$/;
    expect(formatTerminal(report).slice(1, 4)).toEqual([...said, expect.stringMatching(inTask)]);
    expect(leadOf(report).slice(0, 2)).toEqual(said);
  });

  it('is nothing where every answer has a score', async () => {
    await evaluation.addTask('whole', rows);
    await evaluation.generate(() => 'liver');
    await evaluation.judge();
    const report = await evaluation.score();
    expect(formatTerminal(report)[1]).toBe('');
    expect(leadOf(report)[0]).toMatch(/^Score: /);
  });
});

describe('the CSV', () => {
  it('quotes names and keeps spreadsheets from taking them for formulas', async () => {
    await evaluation.addTask('open', rows);
    await evaluation.generate(({ referenceAnswer }) => referenceAnswer);
    await evaluation.judge();
    const csv = csvReport(await evaluation.score());
    expect(csv).toContain(`open,original,organ,"'=HYPERLINK(""x""), a",`);
  });
});
