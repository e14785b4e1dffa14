import { expect, it } from 'vitest';
import { columnsOf, markdownReport, markdownTable, textTable } from './table.ts';

const table = {
  columns: columnsOf('task', '>n', 'remark'),
  rows: [
    ['medqa', '1,273', ''],
    ['rad_vqa', '451', 'incomplete'],
  ],
};

it('aligns text to the left and numbers to the right on a terminal', () => {
  expect(textTable(table)).toEqual([
    'task         n  remark',
    '───────  ─────  ──────────',
    'medqa    1,273',
    'rad_vqa    451  incomplete',
  ]);
});

it('writes the same table as Markdown', () => {
  expect(markdownTable(table)).toEqual([
    '| task | n | remark |',
    '| --- | ---: | --- |',
    '| medqa | 1,273 |  |',
    '| rad_vqa | 451 | incomplete |',
  ]);
});

it('lets no name of others end a cell, begin a line, or become a link or HTML', () => {
  const name = 'a | b\n# c <img src=x> [d](javascript:1) `e` *f* 1 [2, 3]';
  const [, , row] = markdownTable({ columns: columnsOf('task'), rows: [[name]] });
  expect(row).toBe('| a \\| b # c \\<img src=x\\> [d\\](javascript:1) \\`e\\` \\*f\\* 1 [2, 3] |');
});

it('puts headings, sentences and tables one below the other', () => {
  const section = { id: 'scores', title: 'Scores', text: ['One.', 'Two.'], table };
  expect(markdownReport('A report', [section]).split('\n\n').slice(0, 4)).toEqual([
    '# A report',
    '## Scores',
    'One.',
    'Two.',
  ]);
});
