/**
 * Rubrics as data sets and reward profiles write them: a list of {criterion, points}. The rows of HealthBench
 * (arXiv 2505.08775) have this form, with tags that are not read.
 */
import { z } from 'zod';
import { nameOf } from '../core/quoted.ts';
import type { RubricItem } from '../core/sample.ts';

/** One request asks about all items; a judge that marks more at once loses count. */
const mostItems = 100;

const wrong = (expected: string) => ({
  error: ({ input }: { readonly input?: unknown }) =>
    input === undefined ? 'is missing' : `is ${nameOf(input)}, not ${expected}`,
});

/** Parquet columns of whole numbers come as bigint. */
const points = z
  .union([z.number(), z.bigint().transform(Number)], wrong('a number'))
  .refine((value) => Number.isFinite(value) && value !== 0, 'a number other than 0');

export const rubricSchema = z
  .array(
    z.object(
      {
        criterion: z.string(wrong('text')).trim().min(1, 'is empty'),
        points,
      },
      wrong('{criterion, points}'),
    ),
    wrong('a list of {criterion, points}'),
  )
  .min(1, 'has no items')
  .max(mostItems, `has more than ${mostItems} items`)
  .superRefine((items, context) => {
    const problem = (message: string) => context.addIssue({ code: 'custom', message });
    if (!items.some((item) => item.points > 0)) problem('has no item with points above 0');
    const criteria = new Set(items.map(({ criterion }) => criterion));
    if (criteria.size < items.length) problem('has a criterion twice');
  }) satisfies z.ZodType<readonly RubricItem[]>;

/** The same where a column holds it as JSON text, as Parquet and CSV often do. */
export const rubricColumn = z.preprocess(
  (value) => (typeof value === 'string' ? parsed(value) : value),
  rubricSchema,
);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
