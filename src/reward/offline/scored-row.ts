/** What `medix reward score` says of a row: a line of its output, written by `exactJson`. */
import { z } from 'zod';
import type { RewardOutcome } from '../composite.ts';
import { componentsSchema } from '../score.ts';
import type { ReadRow } from './read-rows.ts';

export const scoredRowSchema = z.object({
  /** Null where the input's own could not be read. */
  id: z.union([z.string(), z.number(), z.bigint()]).nullable(),
  /** Line of the input, from 1. */
  line: z.int().positive(),
  /** Null where there is none: the row was malformed, or a component failed. */
  reward: z.number().nullable(),
  /** `malformed`, or what the judge or the embedder met. Absent where there is a reward. */
  cause: z.string().exactOptional(),
  message: z.string().exactOptional(),
  /** Share of the penalty for length that was taken off. */
  overlong: z.number().exactOptional(),
  /** Absent where the row was malformed. */
  components: componentsSchema.exactOptional(),
});
export type ScoredRow = z.output<typeof scoredRowSchema>;

/** The line of a row whose components have been scored. */
export function scoredRow(
  { id, line }: Pick<ReadRow, 'id' | 'line'>,
  outcome: RewardOutcome,
): ScoredRow {
  const { components } = outcome;
  if (outcome.kind === 'unscored') {
    const { cause, message } = outcome;
    return { id, line, reward: null, cause, message, components };
  }
  const { reward, overlong } = outcome;
  return { id, line, reward, ...(overlong === undefined ? {} : { overlong }), components };
}

/** The line of a row that could not be scored at all. */
export function malformedRow({ id, line, message }: ReadRow & { kind: 'malformed' }): ScoredRow {
  return { id, line, reward: null, cause: 'malformed', message };
}
