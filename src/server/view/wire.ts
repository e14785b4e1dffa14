/**
 * What `medix view` asks and answers over HTTP: the one list of names that the server and the page share. Shares and
 * rewards lie in [0, 1] unless a profile says otherwise; null is "nothing was measured", never 0.
 */
import { z } from 'zod';

/** `dead`: its process is gone without having said how it ended; it can be resumed. */
export type Status = 'running' | 'finished' | 'stopped' | 'failed' | 'dead';

export type RunSummary = {
  /** Names the run in addresses of this server: its folder below the folder that was given. */
  readonly id: string;
  readonly kind: 'train' | 'sft';
  readonly name: string;
  /** As a command takes it. */
  readonly path: string;
  readonly status: Status;
  readonly iteration: number;
  /** Null where the config does not say. */
  readonly iterations: number | null;
  readonly progress: number | null;
  /** By the pace of the last iterations; null unless it is running. */
  readonly secondsLeft: number | null;
  /** Best validation reward, else best training reward; of `sft` the lowest loss. */
  readonly bestReward: number | null;
  /** The metric behind `bestReward` and `sparkline`. */
  readonly shownMetric: string;
  /** At most 60 values, oldest first. */
  readonly sparkline: readonly (number | null)[];
  readonly createdAt: string | null;
  readonly model: string | null;
  /** Iterations with rollouts on record. */
  readonly rollouts: { readonly training: number; readonly validation: number };
  readonly alarms: number;
  /** What could not be read, in words. */
  readonly problems: readonly string[];
};

export type EvaluationSummary = {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly status: Status;
  readonly model: string | null;
  readonly tasks: readonly string[];
  readonly judgings: readonly string[];
  /** Mean over tasks on unchanged questions; null before it is scored. */
  readonly score: number | null;
  readonly interval: Interval | null;
  readonly createdAt: string | null;
  readonly problems: readonly string[];
};

export type OtherFile = {
  readonly id: string;
  readonly kind: 'certificate' | 'reward-scores';
  readonly path: string;
  /** In words, e.g. a judge's sensitivity and specificity. */
  readonly summary: string;
  /** The whole of a certificate; the first 100 rows of reward scores. */
  readonly content: unknown;
};

type Interval = { readonly low: number; readonly high: number };

export type RunsAnswer = {
  readonly runs: readonly RunSummary[];
  readonly evaluations: readonly EvaluationSummary[];
  readonly others: readonly OtherFile[];
  /** The folders that are shown. */
  readonly folders: readonly string[];
  /** A plain sentence where nothing is there yet, or a folder cannot be read. */
  readonly problems: readonly string[];
  readonly version: string;
  /** A static copy: no events, no labels, and only what was copied. */
  readonly isExport: boolean;
};

export type MetricMeaning = {
  readonly key: string;
  readonly meaning: string;
  readonly healthy: string;
  /** What to do where it is not. */
  readonly otherwise: string;
  readonly section: string;
};

export type Command = {
  readonly what: 'repeat' | 'resume' | 'evaluate' | 'certify' | 'view';
  readonly command: string;
  readonly note: string;
};

type AttemptView = {
  readonly attempt: number;
  readonly fromIteration: number;
  readonly startedAt: string;
  readonly ended: { readonly at: string; readonly how: string } | null;
  readonly overrides: readonly string[];
  readonly host: string;
};

type EventView = {
  readonly at: string;
  readonly attempt: number;
  readonly iteration: number;
  readonly kind: string;
  /** What it means, in a sentence. */
  readonly inWords: string;
  readonly facts: Readonly<Record<string, unknown>>;
};

export type RunAnswer = {
  readonly run: RunSummary;
  readonly config: Readonly<Record<string, unknown>>;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly attempts: readonly AttemptView[];
  readonly events: readonly EventView[];
  /** Of every metric that the run has. */
  readonly meanings: readonly MetricMeaning[];
  readonly commands: readonly Command[];
  /** The first and the last validation. */
  readonly validation: {
    readonly before: ValidationView | null;
    readonly after: ValidationView | null;
  };
  readonly summary: unknown;
};

export type ValidationView = {
  readonly iteration: number;
  readonly values: Readonly<Record<string, number | null>>;
};

export type MetricsAnswer = {
  readonly iterations: readonly number[];
  /** By metric, one value an iteration. */
  readonly values: Readonly<Record<string, readonly (number | null)[]>>;
};

export type ConfigDiffAnswer = {
  readonly run: string;
  readonly with: string;
  readonly differences: readonly {
    /** Path of the field, e.g. `optimizer.learningRate`. */
    readonly field: string;
    /** Absent where only the other has it. */
    readonly here?: unknown;
    readonly there?: unknown;
  }[];
  readonly same: number;
};

export const uses = [
  'trained',
  'distilled',
  'filtered',
  'unscored',
  'baseline',
  'validation',
  'validation-sampled',
] as const;
export type Use = (typeof uses)[number];

/** How far the index of a run has come; what is not indexed yet is in no list. */
export type IndexProgress = {
  readonly filesDone: number;
  readonly files: number;
  readonly rollouts: number;
};

export type GroupRow = {
  readonly part: 'training' | 'validation';
  readonly iteration: number;
  /** Place in its iteration, from 0. */
  readonly group: number;
  readonly sampleId: string;
  readonly images: readonly string[];
  readonly question: string | null;
  readonly reference: string | null;
  readonly modality: string | null;
  readonly source: string | null;
  /** One for each rollout; null where it was not scored. */
  readonly rewards: readonly (number | null)[];
  readonly mean: number | null;
  /** Standard deviation of its rewards. */
  readonly spread: number | null;
  /** What became of the group. */
  readonly use: Use;
  readonly uses: Readonly<Partial<Record<Use, number>>>;
  /** Why it was filtered (`all-right`, …) or not scored (`timeout`, …). */
  readonly cause: string | null;
  readonly truncated: number;
  readonly labels: number;
};

export type GroupsAnswer = {
  readonly total: number;
  readonly offset: number;
  readonly groups: readonly GroupRow[];
  readonly index: IndexProgress;
  /** What the filters can be set to, over the whole run. */
  readonly choices: FilterChoices;
};

export type FilterChoices = {
  readonly iterations: { readonly first: number; readonly last: number } | null;
  readonly uses: readonly string[];
  readonly causes: readonly string[];
  readonly tags: readonly string[];
  readonly sources: readonly string[];
  readonly components: readonly string[];
};

export type ComponentView =
  | {
      readonly kind: 'scored';
      readonly value: number;
      /** Points of the reward that it gave; null where the config does not say. */
      readonly weight: number | null;
      readonly detail: string | null;
      readonly disagreement: number | null;
      /** The judge's own words, where they are on record. */
      readonly words: string | null;
    }
  | { readonly kind: 'unscored'; readonly cause: string; readonly message: string };

/** Pieces of a completion with the sampler's logprob of each token. */
export type TokenView = { readonly text: string; readonly logprob: number };

export type LabelValue = 'right' | 'wrong' | 'judge-wrong';

export type LabelView = {
  readonly key: string;
  readonly label: LabelValue | null;
  readonly note: string;
  readonly at: string;
};

export type RolloutView = {
  readonly key: string;
  readonly part: 'training' | 'validation';
  readonly iteration: number;
  readonly group: number;
  readonly sampleId: string;
  readonly question: string | null;
  readonly reference: string | null;
  readonly images: readonly string[];
  readonly completion: string;
  readonly thinking: string | null;
  readonly answer: string | null;
  readonly reward: number | null;
  readonly components: Readonly<Record<string, ComponentView>>;
  readonly advantage: number | null;
  readonly use: Use;
  readonly completionTokens: number;
  readonly stopReason: 'stop' | 'length';
  /** What judge, similarity and rule say of the answer; by these the filters of the same names go. */
  readonly agreements: {
    readonly judge: Agreement;
    readonly similarity: Agreement;
    readonly rule: Agreement;
  };
  readonly logprob: number | null;
  /** Null in runs that keep no logprobs of tokens. */
  readonly tokens: readonly TokenView[] | null;
  readonly label: LabelView | null;
};

export type GroupAnswer = {
  readonly row: GroupRow;
  /** As the model saw it; null where it is not on record. */
  readonly prompt: string | null;
  readonly accepted: readonly string[];
  readonly rubric: readonly { readonly criterion: string; readonly points: number }[];
  readonly rollouts: readonly RolloutView[];
  /** Neighbours in the order of the run. */
  readonly before: GroupPlace | null;
  readonly after: GroupPlace | null;
};

export type GroupPlace = {
  readonly part: 'training' | 'validation';
  readonly iteration: number;
  readonly group: number;
};

export type RolloutsAnswer = {
  readonly total: number;
  readonly offset: number;
  readonly rollouts: readonly RolloutView[];
  readonly index: IndexProgress;
};

export type Alarm = {
  readonly kind: string;
  readonly severity: 'alarm' | 'watch';
  /** Iterations that the alarm is about. */
  readonly iterations: { readonly first: number; readonly last: number };
  readonly title: string;
  readonly inWords: string;
  readonly value: number;
  readonly limit: number;
  /** What to look at: the query of `/rollouts` or `/groups` that shows it. */
  readonly evidence: { readonly list: 'rollouts' | 'groups'; readonly query: string };
};

export type Agreement = 'right' | 'wrong' | 'none';

export type CheatingAnswer = {
  /** The whole in one sentence. */
  readonly verdict: string;
  readonly level: 'healthy' | 'watch' | 'alarm' | 'too-little';
  readonly alarms: readonly Alarm[];
  /** By component: the share of the advantage that it carries, one value an iteration. */
  readonly advantageShare: Series;
  /** By `<component>/length`, `<component>/hedges`, `<component>/copying`: rank correlations, −1 to 1. */
  readonly correlations: Series;
  /** Groups without spread, by cause, as shares of all groups. */
  readonly zeroVariance: Series;
  /** `equal`, `near-equal`: shares of the answers of an iteration that another question's answers repeat. */
  readonly repeated: Series;
  readonly phrases: readonly {
    readonly phrase: string;
    /** Share of answers that hold it, in the first and the last part of the run. */
    readonly early: number;
    readonly late: number;
    readonly meanReward: number | null;
    readonly query: string;
  }[];
  readonly table: readonly {
    readonly judge: Agreement;
    readonly similarity: Agreement;
    readonly rule: Agreement;
    readonly count: number;
    readonly query: string;
  }[];
  readonly index: IndexProgress;
};

export type Series = {
  readonly iterations: readonly number[];
  readonly values: Readonly<Record<string, readonly (number | null)[]>>;
};

export type EvaluationTask = {
  readonly task: string;
  readonly variant: string;
  readonly access: 'public' | 'credentialed' | 'private';
  readonly score: number | null;
  readonly interval: Interval | null;
  readonly method: string | null;
  readonly coverage: {
    readonly expected: number;
    readonly answered: number;
    readonly scored: number;
    readonly isComplete: boolean;
  };
  readonly failures: {
    readonly answering: Readonly<Record<string, number>>;
    readonly judging: Readonly<Record<string, number>>;
    readonly rejected: Readonly<Record<string, number>>;
  };
  readonly truncated: number;
  /** Why there is no score. */
  readonly problem: string | null;
};

export type EvaluationAnswer = {
  readonly evaluation: EvaluationSummary;
  readonly config: Readonly<Record<string, unknown>>;
  readonly judging: string | null;
  readonly tasks: readonly EvaluationTask[];
  /** As in `report.json`; null before it is scored. */
  readonly report: Readonly<Record<string, unknown>> | null;
  /** Address of the stored HTML report below `/api/evaluations/:id/`, where there is one. */
  readonly htmlReport: string | null;
  readonly commands: readonly Command[];
};

/** `failed`: no verdict, with its cause; it is never counted as wrong. */
export type Outcome = 'right' | 'wrong' | 'partly' | 'failed' | 'not-asked';

export type SampleRowView = {
  readonly task: string;
  readonly sampleId: string;
  readonly index: number;
  readonly kind: string;
  readonly question: string;
  readonly reference: string;
  readonly images: readonly string[];
  readonly outcome: Outcome;
  readonly score: number | null;
  readonly cause: string | null;
  readonly answer: string | null;
  readonly truncated: boolean;
  readonly subgroups: Readonly<Record<string, string>>;
  /** Further right answers. */
  readonly accepted: readonly string[];
  /** Samples of one image or patient, which are not independent. */
  readonly cluster: string;
  /** By judging: the score that it gives this answer, null where it failed. */
  readonly scores: Readonly<Record<string, number | null>>;
  /** Pairs of judgings (`one,other`) that give another score to one of the sample's answers, in whatever variant. */
  readonly differing: readonly string[];
  readonly label: LabelValue | null;
};

export type SamplesAnswer = {
  readonly total: number;
  readonly offset: number;
  readonly samples: readonly SampleRowView[];
};

type VoteView = {
  readonly judge: string;
  readonly score: number | null;
  readonly words: string;
  readonly cause: string | null;
};

export type SampleAnswerView = {
  readonly variant: string;
  readonly epoch: number;
  readonly askedQuestion: string;
  readonly choices: readonly { readonly letter: string; readonly text: string }[];
  /** The whole response; null where the model gave none. */
  readonly response: string | null;
  readonly failure: { readonly cause: string; readonly message: string } | null;
  readonly stopReason: string | null;
  readonly tokens: { readonly prompt: number; readonly completion: number } | null;
  readonly judgings: readonly {
    readonly name: string;
    /** What the judge saw. */
    readonly answer: string;
    readonly outcome: Outcome;
    readonly score: number | null;
    readonly cause: string | null;
    readonly votes: readonly VoteView[];
    readonly ruleCorrect: boolean | null;
  }[];
};

export type SampleAnswer = {
  readonly row: SampleRowView;
  readonly accepted: readonly string[];
  readonly choices: readonly { readonly letter: string; readonly text: string }[];
  readonly answers: readonly SampleAnswerView[];
  readonly label: LabelView | null;
};

export type CompareRow = {
  readonly task: string;
  readonly sampleId: string;
  readonly question: string;
  readonly reference: string;
  readonly images: readonly string[];
  readonly a: { readonly answer: string | null; readonly score: number | null };
  readonly b: { readonly answer: string | null; readonly score: number | null };
  /** b − a; null unless both have a score. */
  readonly difference: number | null;
  readonly flipped: 'better' | 'worse' | null;
};

export type CompareAnswer = {
  readonly a: EvaluationSummary;
  readonly b: EvaluationSummary;
  /** Over all rows that the filters leave. */
  readonly total: number;
  readonly offset: number;
  /** Flipped ones first. */
  readonly rows: readonly CompareRow[];
  readonly significance: {
    readonly compared: number;
    readonly clusters: number;
    readonly aMean: number;
    readonly bMean: number;
    readonly difference: number;
    readonly interval: Interval | null;
    readonly pValue: number;
    readonly better: number;
    readonly worse: number;
    readonly inWords: string;
  } | null;
  readonly onlyA: number;
  readonly onlyB: number;
};

/** A change on disk, as the event stream tells it. */
export type ChangeEvent = {
  readonly run: string;
  readonly changed: readonly (
    | 'manifest'
    | 'metrics'
    | 'events'
    | 'rollouts'
    | 'attempts'
    | 'labels'
    | 'results'
    | 'new'
  )[];
};

/** What every route answers where it fails. */
export type Failure = { readonly error: string; readonly next: string };

const whole = z.coerce.number().int().nonnegative();
const page = {
  offset: whole.default(0),
  limit: whole.max(500).default(50),
};
const text = z.string().max(500).optional();
const agreement = z.enum(['right', 'wrong', 'none']).optional();

const rolloutFilters = {
  /** One iteration, or `10-20`. */
  iteration: z
    .string()
    .regex(/^\d{1,9}(-\d{1,9})?$/)
    .optional(),
  part: z.enum(['training', 'validation']).optional(),
  use: z.enum(uses).optional(),
  /** Of what was filtered or not scored. */
  cause: text,
  /** The judge's verdict. */
  verdict: agreement,
  similarity: agreement,
  rule: agreement,
  tag: text,
  source: text,
  /** In question, reference and completion, whatever the case. */
  text,
  minReward: z.coerce.number().optional(),
  maxReward: z.coerce.number().optional(),
  minTokens: whole.optional(),
  maxTokens: whole.optional(),
  label: z.enum(['right', 'wrong', 'judge-wrong', 'any', 'none']).optional(),
};

/** `GET /api/runs/:id/groups`: a group is listed where one of its rollouts meets every filter. */
export const groupsQuery = z.object({
  ...rolloutFilters,
  sort: z
    .enum(['newest', 'oldest', 'reward', '-reward', 'spread', '-spread', 'tokens', '-tokens'])
    .default('newest'),
  ...page,
});

export const rolloutsQuery = z.object({
  ...rolloutFilters,
  sort: z
    .enum(['newest', 'oldest', 'reward', '-reward', 'tokens', '-tokens', 'advantage', '-advantage'])
    .default('newest'),
  ...page,
});
export type RolloutFilters = Omit<z.infer<typeof rolloutsQuery>, 'sort' | 'offset' | 'limit'>;

export const groupQuery = z.object({
  part: z.enum(['training', 'validation']).default('training'),
});

export const configDiffQuery = z.object({ with: z.string() });

const evaluationFilters = {
  task: text,
  variant: z.string().default('original'),
  kind: text,
  text,
  /** `<dimension>=<value>`, e.g. `modality=CT`. */
  subgroup: text,
};

export const samplesQuery = z.object({
  ...evaluationFilters,
  judging: text,
  outcome: z.enum(['right', 'wrong', 'partly', 'failed', 'not-asked']).optional(),
  cause: text,
  label: z.enum(['right', 'wrong', 'judge-wrong', 'any', 'none']).optional(),
  /** `any`, or two judgings as `one,other`: samples of which one answer has another score by each. */
  differ: text,
  sort: z.enum(['order', 'wrong-first', 'longest']).default('order'),
  ...page,
});

export const compareQuery = z.object({
  a: z.string(),
  b: z.string(),
  ...evaluationFilters,
  flipped: z.enum(['better', 'worse', 'any']).optional(),
  ...page,
});

/** `POST /api/labels`: marks a rollout or a sample; a null label takes the mark away. */
export const labelBody = z.strictObject({
  run: z.string().optional(),
  evaluation: z.string().optional(),
  /** Key of a rollout, or `<task>/<sampleId>` of a sample. */
  key: z.string().min(1).max(2000),
  label: z.enum(['right', 'wrong', 'judge-wrong']).nullable(),
  note: z.string().max(4000).default(''),
});
