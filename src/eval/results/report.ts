/**
 * `report.json`: what an evaluation found, as one plain JSON record. The same rows give the same record
 * whatever their order in the files; only `circumstances` may differ between two evaluations that came to
 * the same answers. Scores are shares in [0, 1]; intervals are of 95 %.
 */
import { z } from 'zod';
import { ledgerSummarySchema } from '../../core/usage.ts';
import { judgingManifestSchema, taskKinds, variants } from './records.ts';

const count = z.int().nonnegative();
const share = z.number();
const variant = z.enum(variants);

/** Of 95 %. */
export const intervalSchema = z.object({ low: z.number(), high: z.number() });

/** A mean over scored answers; without the failed ones, which show in the coverage. */
const figureSchema = z.object({
  score: share,
  /** Null where all answers are of one cluster, which cannot tell how clusters vary. */
  interval: intervalSchema.nullable(),
  /**
   * `wilson` where every cluster has one answer that is right or wrong, and, over clusters, where all
   * answers are right or all are wrong; else percentiles of a bootstrap that draws whole clusters, widened
   * where there are fewer than 50.
   */
  method: z.enum(['wilson', 'cluster-bootstrap']),
  /** Scored answers it rests on. */
  answers: count,
  clusters: count,
});
export type Figure = z.infer<typeof figureSchema>;

const coverageSchema = z.object({
  /** Expected answers: applicable samples × epochs. */
  expected: count,
  answered: count,
  /** Answers with a score. */
  scored: count,
  /** `scored` is at least the share of `expected` that the config asks for. */
  isComplete: z.boolean(),
});
export type Coverage = z.infer<typeof coverageSchema>;

/** Accuracy corrected for the judge's own errors (Rogan & Gladen 1978). */
const correctedSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('corrected'),
    score: share,
    /** Includes what is unknown of the judge's sensitivity and specificity. */
    interval: intervalSchema,
  }),
  z.object({ kind: z.literal('uncorrected'), reason: z.string() }),
]);
export type Corrected = z.infer<typeof correctedSchema>;

const subgroupSchema = z.object({
  /** `kind`, or a dimension of the task, e.g. `modality`. */
  dimension: z.string(),
  value: z.string(),
  figure: figureSchema,
});
export type Subgroup = z.infer<typeof subgroupSchema>;

/** Multiple choice read by rule, beside the judge and whether or not the judge came to a verdict. */
const ruleComparisonSchema = z.object({
  /** Over answers in which the rule finds an option. */
  figure: figureSchema.nullable(),
  /** Answers in which it finds none. */
  unreadable: count,
  /** Answers that both rule and judge have a verdict on. */
  compared: count,
  onlyJudgeRight: count,
  onlyRuleRight: count,
});
export type RuleComparison = z.infer<typeof ruleComparisonSchema>;

/** How the score varies over repeated answers to the same questions. */
const epochSpreadSchema = z.object({
  /** Score of each epoch; null where none of its answers has one. */
  scores: z.array(share.nullable()).readonly(),
  /** Standard deviation of those scores; null for fewer than two. */
  standardDeviation: z.number().nullable(),
});
export type EpochSpread = z.infer<typeof epochSpreadSchema>;

/** Mean of an external metric, in the metric's own unit. */
const metricFigureSchema = z.object({
  name: z.string(),
  /** Null where the service gave no value at all. */
  mean: z.number().nullable(),
  /** Null without a mean, and for a single cluster. */
  interval: intervalSchema.nullable(),
  answers: count,
  /** Answers on which the service failed. */
  failed: count,
});
export type MetricFigure = z.infer<typeof metricFigureSchema>;

const taskScoresSchema = z.object({
  kind: z.literal('scored'),
  figure: figureSchema,
  corrected: correctedSchema,
  /** By kind where the task has several, then by the task's dimensions. */
  subgroups: z.array(subgroupSchema).readonly(),
  /** Null where no sample is multiple choice. */
  rule: ruleComparisonSchema.nullable(),
  /** Null for a single epoch. */
  epochs: epochSpreadSchema.nullable(),
  metrics: z.array(metricFigureSchema).readonly(),
});
export type TaskScores = z.infer<typeof taskScoresSchema>;

/** Counts by cause. */
const causesSchema = z.record(z.string(), count);
export type Causes = Readonly<z.infer<typeof causesSchema>>;

/** One task in one variant. */
const taskReportSchema = z.object({
  task: z.string(),
  variant,
  access: z.enum(['public', 'credentialed', 'private']),
  /** Samples asked, by kind. */
  kinds: z.partialRecord(z.enum(taskKinds), count),
  /** Rows of the source that could not be asked. */
  rejected: causesSchema,
  /** Samples that the variant does not apply to, e.g. a blank image without images. */
  notApplicable: z.int(),
  coverage: coverageSchema,
  failures: z.object({
    /** Expected answers that are not there; `not-asked` where nobody has asked yet. */
    answering: causesSchema,
    /** Answers without a score; `not-judged` where nobody has judged them yet. */
    judging: causesSchema,
  }),
  /** Answers cut off at the token limit. */
  truncated: count,
  /** Sums over the answers whose model reports them; null where none does. */
  tokens: z.object({ answers: count, prompt: count, completion: count }).nullable(),
  result: z.discriminatedUnion('kind', [
    taskScoresSchema,
    /** There is no sample that the variant changes. */
    z.object({ kind: z.literal('not-applicable') }),
    /** Nothing to score: an error, never a score of 0. */
    z.object({
      kind: z.literal('failed'),
      cause: z.enum(['no-samples', 'no-answers', 'no-scores']),
      message: z.string(),
    }),
  ]),
});
export type TaskReport = z.infer<typeof taskReportSchema>;

/** Mean over tasks, each counted once whatever its size, as in the paper. */
const overallReportSchema = z.object({
  variant,
  /** Tasks, or groups of tasks, that the mean is over. */
  parts: z.array(z.string()).readonly(),
  /** Tasks of the evaluation without a score. A mean without them compares with no other. */
  missing: z.array(z.string()).readonly(),
  /** Tasks whose coverage is too small. */
  incomplete: z.array(z.string()).readonly(),
  result: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('scored'),
      score: share,
      /** Null where a part has none. */
      interval: intervalSchema.nullable(),
      corrected: correctedSchema,
    }),
    z.object({ kind: z.literal('failed'), message: z.string() }),
  ]),
});
export type OverallReport = z.infer<typeof overallReportSchema>;

/** How far several judgings of the same answers agree. */
const agreementReportSchema = z.object({
  /** `binary`: right or wrong, nominal; `graded`: reports, interval scale. */
  scale: z.enum(['binary', 'graded']),
  judgings: z.array(z.string()).readonly(),
  /** Answers that at least two of them have scored. */
  answers: count,
  /** Krippendorff's alpha; null where all scores are the same. */
  alpha: z.object({ value: z.number(), interval: intervalSchema.nullable() }).nullable(),
  pairs: z
    .array(
      z.object({
        one: z.string(),
        other: z.string(),
        answers: count,
        /** Share of equal scores. */
        agreement: share,
        /** Cohen's kappa, binary only; null where chance alone makes both agree throughout. */
        kappa: z.object({ value: z.number(), interval: intervalSchema }).nullable(),
      }),
    )
    .readonly(),
});
export type AgreementReport = z.infer<typeof agreementReportSchema>;

export const imageVariants = ['blank-image', 'shuffled-image', 'wrong-image'] as const;

/** A mean score; its interval is null where one cluster holds all answers. */
const meanScoreSchema = z.object({ score: share, interval: intervalSchema.nullable() });
export type MeanScore = z.infer<typeof meanScoreSchema>;

const imageChangeSchema = z.object({
  variant: z.enum(imageVariants),
  /** Samples with a score on the true image and on the changed one: all figures here rest on them. */
  samples: count,
  clusters: count,
  trueImage: meanScoreSchema,
  changedImage: meanScoreSchema,
  /** Changed − true: below 0 where the image helps. */
  difference: meanScoreSchema,
  /**
   * Changed ÷ true, guesses included: 1 where the image makes no difference. Null where nothing was right
   * with the true image; its interval null also where so little was that a bootstrap draw has none.
   */
  survives: meanScoreSchema.nullable(),
  /** What the figures say, in a sentence. */
  inWords: z.string(),
});
export type ImageChange = z.infer<typeof imageChangeSchema>;

const imageDependenceSchema = z.object({
  /** By name; those with scores on both the true and a changed image. */
  tasks: z
    .array(
      z.object({
        task: z.string(),
        changes: z.array(imageChangeSchema).readonly(),
        /** The score on blank images, which words and guesses alone give; null where nobody asked for it. */
        textOnlyFloor: meanScoreSchema.nullable(),
      }),
    )
    .readonly(),
  /** Means over the tasks that have the variant, each counted once; empty below two tasks. */
  overall: z.array(imageChangeSchema.extend({ tasks: z.array(z.string()).readonly() })).readonly(),
});
export type ImageDependence = z.infer<typeof imageDependenceSchema>;

const letterUseSchema = z.object({
  letter: z.string(),
  /** Answers to questions that offer the letter, and those of them that choose it. */
  offered: count,
  taken: count,
  /** Answers to questions whose right option has this letter. */
  right: count,
  /** Share of those answers that choose it; null where it never is right. */
  recall: share.nullable(),
});
export type LetterUse = z.infer<typeof letterUseSchema>;

const optionPermutationSchema = z.object({
  task: z.string(),
  /** Pairs of an original and a permuted answer of one epoch, where an option can be read from both. */
  pairs: count,
  /** Share of these pairs in which another option is chosen once the options have changed places. */
  changed: figureSchema.nullable(),
  /** The same share between the first two epochs of unchanged questions, which sampling alone explains. */
  changedBetweenEpochs: figureSchema.nullable(),
  /** Permuted − original accuracy, over pairs that both have a score. */
  difference: z
    .object({
      value: z.number(),
      /** Null for a single cluster. */
      interval: intervalSchema.nullable(),
      pairs: count,
    })
    .nullable(),
  /** Counted over all original and permuted answers from which an option can be read. */
  letters: z.array(letterUseSchema).readonly(),
  /**
   * Standard deviation of the letters' recalls (RStd of arXiv 2309.03882): 0 where the letter does not
   * matter; null below two letters.
   */
  recallSpread: z.number().nullable(),
});
export type OptionPermutation = z.infer<typeof optionPermutationSchema>;

export const evalReportSchema = z.object({
  model: z.object({ id: z.string(), kind: z.string(), digest: z.string() }),
  template: z.object({ name: z.string(), digest: z.string() }),
  /** As in the config. */
  sampling: z.record(z.string(), z.unknown()),
  judging: z.object({
    name: z.string(),
    mode: judgingManifestSchema.shape.mode,
    /** Votes of each judge. */
    votes: z.int().positive(),
    judges: judgingManifestSchema.shape.judges,
  }),
  statistics: z.object({
    draws: z.int().positive(),
    /** Absent where intervals over few clusters are as they were drawn, as in evaluations of earlier versions. */
    fewClusters: z.literal('widened').exactOptional(),
    seed: z.int().nonnegative(),
    mmluAsOne: z.boolean(),
    minimumCoverage: share,
  }),
  /** By task, then variant. */
  tasks: z.array(taskReportSchema).readonly(),
  /** One a variant. */
  overall: z.array(overallReportSchema).readonly(),
  /** Empty where the folder has one judging. */
  agreement: z.array(agreementReportSchema).readonly(),
  /** Null where no variant changes images. */
  imageDependence: imageDependenceSchema.nullable(),
  /** One a task with permuted options. */
  optionPermutation: z.array(optionPermutationSchema).readonly(),
  versions: z.record(z.string(), z.string()),
  /** What differs between two runs that came to the same answers. */
  circumstances: z.object({
    evaluatedAt: z.string(),
    judgedAt: z.string(),
    scoredAt: z.string(),
    medianLatencyMs: z.number().nullable(),
    /** Calls, tokens and money of the model under test; empty for one in this process. */
    modelUsage: ledgerSummarySchema,
    judgeUsage: ledgerSummarySchema,
  }),
});
export type EvalReport = z.infer<typeof evalReportSchema>;
