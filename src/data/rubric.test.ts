import { describe, expect, it } from 'vitest';
import { messageOf } from '../core/errors.ts';
import type { DataFile } from './data-file.ts';
import { toOutcome } from './row.ts';
import { rubricColumn } from './rubric.ts';

const items = [
  { criterion: 'Names the fracture', points: 5 },
  { criterion: 'Invents a finding', points: -3 },
];
const read = (value: unknown) => rubricColumn.safeParse(value);

describe('a rubric of a data set', () => {
  it('becomes part of its sample, and makes a broken one the rejection of its row', async () => {
    const file = { name: 'rows.jsonl', folder: '.', format: 'jsonl' } as DataFile;
    const outcomeOf = (rubric: unknown) => {
      const fields = { problem: 'What?', solution: '<CT_SCAN>liver', rubric };
      return toOutcome(file, { kind: 'fields', row: 0, fields });
    };
    const read = await outcomeOf(JSON.stringify(items));
    expect(read).toMatchObject({ kind: 'sample', sample: { rubric: items } });
    const without = await outcomeOf(null);
    expect(without.kind === 'sample' && 'rubric' in without.sample).toBe(false);
    expect(await outcomeOf('prose')).toMatchObject({
      kind: 'rejected',
      problem: expect.stringContaining('rubric: is the text "prose", not a list'),
    });
  });

  it('is a list, or the same as JSON text; tags are passed over and whole numbers may be bigint', () => {
    const forms = [
      items,
      JSON.stringify(items),
      items.map((item) => ({ ...item, tags: ['axis:accuracy'] })),
      items.map(({ criterion, points }) => ({
        criterion: ` ${criterion}\n`,
        points: BigInt(points),
      })),
    ];
    for (const form of forms) expect(read(form).data).toEqual(items);
  });

  it.each([
    ['prose', 'Names the fracture', /is the text "Names the fracture", not a list/],
    ['no items', [], /has no items/],
    ['a criterion that is empty', [{ criterion: ' ', points: 1 }], /0\.criterion.*is empty/],
    ['no points', [{ criterion: 'a' }], /0\.points.*is missing/],
    ['points that change nothing', [{ criterion: 'a', points: 0 }], /a number other than 0/],
    ['endless points', '[{"criterion": "a", "points": 1e999}]', /0\.points/],
    ['punishments alone', [{ criterion: 'a', points: -1 }], /no item with points above 0/],
    ['a criterion twice', [items[0], { ...items[0], points: 2 }], /has a criterion twice/],
    [
      'more than a judge can keep apart',
      Array.from({ length: 101 }, (_, i) => ({ criterion: `c${i}`, points: 1 })),
      /more than 100 items/,
    ],
  ])('is refused for %s', (_, value, problem) => {
    const { error } = read(value);
    expect(error && messageOf(error)).toMatch(problem);
  });
});
