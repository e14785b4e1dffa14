/** The components of a reward and what one of them has to say. */
import { z } from 'zod';
import { failureCauses, type Score } from '../core/outcome.ts';

/**
 * The four components of the reward of MediX-R1 (arXiv 2602.23363) and those that a profile may add, in the
 * order in which they are added up: floating-point sums depend on it.
 */
export const componentNames = [
  'judge',
  'similarity',
  'modality',
  'format',
  'rubric',
  'findings',
  'reading',
] as const;
export type ComponentName = (typeof componentNames)[number];

/** Whom components ask, beside those that are checked by rule. */
export const askedComponents = {
  judge: ['judge', 'rubric'],
  embedder: ['similarity', 'findings', 'reading'],
} as const satisfies Readonly<Record<string, readonly ComponentName[]>>;

type BuiltInComponents = {
  /** Absent where it weighs nothing: then nobody was asked. */
  readonly judge?: Score;
  /** Absent where it weighs nothing. */
  readonly similarity?: Score;
  /** Absent where the ground truth names no modality. */
  readonly modality?: Score;
  readonly format: Score;
  /** Absent where it weighs nothing, and where neither sample nor profile has a rubric. */
  readonly rubric?: Score;
  /** Absent where it weighs nothing. */
  readonly findings?: Score;
  /** Absent where it weighs nothing, and where the sample does not say what can be read off its images. */
  readonly reading?: Score;
};

/** With those of the user's own, by name. */
export type Components = BuiltInComponents & { readonly [name: string]: Score };

/** A yes-or-no score: 1 or 0. `detail` says why, for the record. */
export function binaryScore(holds: boolean, detail?: string): Score {
  return { kind: 'scored', value: holds ? 1 : 0, ...(detail === undefined ? {} : { detail }) };
}

const scoreSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('scored'),
    value: z.number(),
    detail: z.string().exactOptional(),
    disagreement: z.number().exactOptional(),
  }),
  z.object({ kind: z.literal('unscored'), cause: z.enum(failureCauses), message: z.string() }),
]);

/** Components as a run's rollouts and a file of scores keep them. */
export const componentsSchema = z
  .object({
    judge: scoreSchema.exactOptional(),
    similarity: scoreSchema.exactOptional(),
    modality: scoreSchema.exactOptional(),
    format: scoreSchema,
    rubric: scoreSchema.exactOptional(),
    findings: scoreSchema.exactOptional(),
    reading: scoreSchema.exactOptional(),
  })
  .catchall(scoreSchema) satisfies z.ZodType<Components>;
