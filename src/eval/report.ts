/**
 * What an evaluation found, as one plain JSON record. The same rows give the same record whatever their
 * order in the files; only `circumstances` may differ between two evaluations that came to the same
 * answers. Scores are shares in [0, 1]; intervals are of 95 %.
 */
import type { LedgerSummary } from '../judge/ledger.ts';
import type { Interval } from '../statistics/quantile.ts';
import type { ImageDependence } from './image-dependence.ts';
import type { OptionPermutation } from './option-permutation.ts';
import type { JudgingManifest, TaskKind, Variant } from './records.ts';

/** A mean over scored answers; without the failed ones, which show in the coverage. */
export type Figure = {
  readonly score: number;
  /** Null where all answers are of one cluster, which cannot tell how clusters vary. */
  readonly interval: Interval | null;
  /**
   * `wilson` where every cluster has one answer that is right or wrong, and, over clusters, where all
   * answers are right or all are wrong; else percentiles of a bootstrap that draws whole clusters.
   */
  readonly method: 'wilson' | 'cluster-bootstrap';
  /** Scored answers it rests on. */
  readonly answers: number;
  readonly clusters: number;
};

export type Coverage = {
  /** Answers there should be: applicable samples × epochs. */
  readonly expected: number;
  readonly answered: number;
  /** Answers with a score. */
  readonly scored: number;
  /** `scored` is at least the share of `expected` that the config asks for. */
  readonly isComplete: boolean;
};

/** Accuracy with the judge's own errors taken out (Rogan & Gladen 1978). */
export type Corrected =
  | {
      readonly kind: 'corrected';
      readonly score: number;
      /** Includes what is unknown of the judge's sensitivity and specificity. */
      readonly interval: Interval;
    }
  | { readonly kind: 'uncorrected'; readonly reason: string };

export type Subgroup = {
  /** `kind`, or a dimension of the task, e.g. `modality`. */
  readonly dimension: string;
  readonly value: string;
  readonly figure: Figure;
};

/** Multiple choice read by rule, beside the judge and whether or not the judge came to a verdict. */
export type RuleComparison = {
  /** Over answers in which the rule finds an option. */
  readonly figure: Figure | null;
  /** Answers in which it finds none. */
  readonly unreadable: number;
  /** Answers that both rule and judge have a verdict on. */
  readonly compared: number;
  readonly onlyJudgeRight: number;
  readonly onlyRuleRight: number;
};

/** How the score varies over repeated answers to the same questions. */
export type EpochSpread = {
  /** Score of each epoch; null where none of its answers has one. */
  readonly scores: readonly (number | null)[];
  /** Of those scores; null below two. */
  readonly standardDeviation: number | null;
};

/** Mean of an external metric, in the metric's own unit. */
export type MetricFigure = {
  readonly name: string;
  /** Null where the service gave no value at all. */
  readonly mean: number | null;
  /** Null without a mean, and for a single cluster. */
  readonly interval: Interval | null;
  readonly answers: number;
  /** Answers on which the service failed. */
  readonly failed: number;
};

export type TaskScores = {
  readonly kind: 'scored';
  readonly figure: Figure;
  readonly corrected: Corrected;
  /** By kind where the task has several, then by the task's dimensions. */
  readonly subgroups: readonly Subgroup[];
  /** Null where no sample is multiple choice. */
  readonly rule: RuleComparison | null;
  /** Null for a single epoch. */
  readonly epochs: EpochSpread | null;
  readonly metrics: readonly MetricFigure[];
};

/** Counts by cause. */
export type Causes = Readonly<Record<string, number>>;

/** One task in one variant. */
export type TaskReport = {
  readonly task: string;
  readonly variant: Variant;
  readonly access: 'public' | 'credentialed' | 'private';
  /** Samples asked, by kind. */
  readonly kinds: Readonly<Partial<Record<TaskKind, number>>>;
  /** Rows of the source that could not be asked. */
  readonly rejected: Causes;
  /** Samples that the variant does not apply to, e.g. a blank image without images. */
  readonly notApplicable: number;
  readonly coverage: Coverage;
  readonly failures: {
    /** Expected answers that are not there; `not-asked` where nobody has asked yet. */
    readonly answering: Causes;
    /** Answers without a score; `not-judged` where nobody has judged them yet. */
    readonly judging: Causes;
  };
  /** Answers cut off at the token limit. */
  readonly truncated: number;
  /** Sums over the answers whose model reports them; null where none does. */
  readonly tokens: {
    readonly answers: number;
    readonly prompt: number;
    readonly completion: number;
  } | null;
  readonly result:
    | TaskScores
    /** There is no sample that the variant changes. */
    | { readonly kind: 'not-applicable' }
    /** Nothing to score: an error, never a score of 0. */
    | {
        readonly kind: 'failed';
        readonly cause: 'no-samples' | 'no-answers' | 'no-scores';
        readonly message: string;
      };
};

/** Mean over tasks, each counted once whatever its size, as in the paper. */
export type OverallReport = {
  readonly variant: Variant;
  /** Tasks, or groups of tasks, that the mean is over. */
  readonly parts: readonly string[];
  /** Tasks of the evaluation without a score. A mean without them compares with no other. */
  readonly missing: readonly string[];
  /** Tasks whose coverage is too small. */
  readonly incomplete: readonly string[];
  readonly result:
    | {
        readonly kind: 'scored';
        readonly score: number;
        /** Null where a part has none. */
        readonly interval: Interval | null;
        readonly corrected: Corrected;
      }
    | { readonly kind: 'failed'; readonly message: string };
};

/** How far several judgings of the same answers agree. */
export type AgreementReport = {
  /** `binary`: right or wrong, nominal; `graded`: reports, interval scale. */
  readonly scale: 'binary' | 'graded';
  readonly judgings: readonly string[];
  /** Answers that at least two of them have scored. */
  readonly answers: number;
  /** Krippendorff's alpha; null where all scores are the same. */
  readonly alpha: { readonly value: number; readonly interval: Interval | null } | null;
  readonly pairs: readonly {
    readonly one: string;
    readonly other: string;
    readonly answers: number;
    /** Share of equal scores. */
    readonly agreement: number;
    /** Cohen's kappa, binary only; null where chance alone makes both agree throughout. */
    readonly kappa: { readonly value: number; readonly interval: Interval } | null;
  }[];
};

export type EvalReport = {
  readonly model: { readonly id: string; readonly kind: string; readonly digest: string };
  readonly template: { readonly name: string; readonly digest: string };
  /** As in the config. */
  readonly sampling: Readonly<Record<string, unknown>>;
  readonly judging: {
    readonly name: string;
    readonly mode: JudgingManifest['mode'];
    /** Of each judge. */
    readonly votes: number;
    readonly judges: JudgingManifest['judges'];
  };
  readonly statistics: {
    readonly draws: number;
    readonly seed: number;
    readonly mmluAsOne: boolean;
    readonly minimumCoverage: number;
  };
  /** By task, then variant. */
  readonly tasks: readonly TaskReport[];
  /** One a variant. */
  readonly overall: readonly OverallReport[];
  /** Empty where the folder has one judging. */
  readonly agreement: readonly AgreementReport[];
  /** Null where no variant changes images. */
  readonly imageDependence: ImageDependence | null;
  /** One a task with permuted options. */
  readonly optionPermutation: readonly OptionPermutation[];
  readonly versions: Readonly<Record<string, string>>;
  /** What differs between two runs that came to the same answers. */
  readonly circumstances: {
    readonly evaluatedAt: string;
    readonly judgedAt: string;
    readonly scoredAt: string;
    readonly medianLatencyMs: number | null;
    /** Calls, tokens and money of the model under test; empty for one in this process. */
    readonly modelUsage: LedgerSummary;
    readonly judgeUsage: LedgerSummary;
  };
};
