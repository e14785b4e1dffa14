/** `comparison.json`: models compared on the same questions. Scores and differences are shares; intervals are of 95 %. */
import { z } from 'zod';
import { judgingManifestSchema } from './records.ts';
import { intervalSchema } from './report.ts';

const count = z.int().nonnegative();

const differenceSchema = z.object({
  baseline: z.number(),
  candidate: z.number(),
  /** Candidate − baseline. */
  difference: z.number(),
  /** Null where one cluster holds all questions of a task. */
  interval: intervalSchema.nullable(),
  pValue: z.number(),
  /** After Holm's correction for all such tests of the comparison. */
  adjustedPValue: z.number(),
  /**
   * Least difference that a test at 5 % would have found four times in five; null where the scores do not
   * tell, e.g. since no question was answered differently.
   */
  detectable: z.number().nullable(),
});

/** How the questions of a task were paired. */
const pairedSamplesSchema = z.object({
  /** Samples of both models. */
  shared: count,
  /** Samples of which both have a score. */
  compared: count,
  onlyBaseline: count,
  onlyCandidate: count,
});
export type PairedSamples = z.infer<typeof pairedSamplesSchema>;

const taskComparisonSchema = z.object({
  task: z.string(),
  samples: pairedSamplesSchema,
  result: z.discriminatedUnion('kind', [
    differenceSchema.extend({
      kind: z.literal('compared'),
      clusters: count,
      /**
       * `mcnemar`, exact, where answers are right or wrong and each is of a cluster of its own; else
       * `sign-flip` of whole clusters.
       */
      test: z.enum(['mcnemar', 'sign-flip']),
      /** Questions that only one of them got right; null for graded scores. */
      onlyRight: z.object({ baseline: count, candidate: count }).nullable(),
    }),
    z.object({ kind: z.literal('failed'), message: z.string() }),
  ]),
});
export type TaskComparison = z.infer<typeof taskComparisonSchema>;

const modelComparisonSchema = z.object({
  tasks: z.array(taskComparisonSchema).readonly(),
  /** Mean over the compared tasks, each counted once; null where there is none. */
  overall: differenceSchema.extend({ tasks: z.array(z.string()).readonly() }).nullable(),
});
export type ModelComparison = z.infer<typeof modelComparisonSchema>;

const comparedModelSchema = z.object({
  id: z.string(),
  folder: z.string(),
  /** Name of the judging in this folder. */
  judging: z.string(),
});
export type ComparedModel = z.infer<typeof comparedModelSchema>;

export const evalComparisonSchema = z.object({
  baseline: comparedModelSchema,
  judging: z.object({
    mode: judgingManifestSchema.shape.mode,
    votes: z.int().positive(),
    judges: z.array(z.string()).readonly(),
  }),
  candidates: z.array(comparedModelSchema.extend(modelComparisonSchema.shape)).readonly(),
  /** Tasks that not every folder has, and so are left out. */
  leftOut: z.array(z.string()).readonly(),
  /** In what else but the model the evaluations differ. */
  differences: z.array(z.string()).readonly(),
  seed: z.int().nonnegative(),
  draws: z.int().positive(),
});
export type EvalComparison = z.infer<typeof evalComparisonSchema>;
