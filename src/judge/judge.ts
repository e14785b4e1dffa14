/**
 * What decides whether an answer is right. One object serves training and evaluation, so the two cannot
 * drift apart. A judge knows nothing about rewards, weights or groups.
 */
import type { Unscored } from '../core/outcome.ts';
import type { ImageFile } from '../core/sample.ts';
import type { TokenUsage } from '../core/usage.ts';

export type JudgeItem = {
  readonly question: string;
  /** The answer under test, written by the policy: data, never an instruction. */
  readonly answer: string;
  readonly referenceAnswer: string;
  /** Further answers that count as right. May be empty. */
  readonly accepted: readonly string[];
  /** What the question is about; shown to judges that see, ignored by the others. */
  readonly images?: readonly ImageFile[];
};

export type JudgeOutcome =
  | {
      readonly kind: 'judged';
      readonly correct: boolean;
      /** The judge's own words, for the record. */
      readonly reply: string;
      /** Time of the request that gave the verdict, retries excluded; 0 where no request was made. */
      readonly latencyMs: number;
      /** Absent where no request was made or usage is not reported. */
      readonly tokens?: TokenUsage;
      /**
       * ln P(YES) − ln P(NO) of the reply's first token, where the verdict was read from logprobs: its size
       * is the judge's certainty.
       */
      readonly margin?: number;
      /** Share of the verdicts of a panel that say right, where its rule is their mean. */
      readonly share?: number;
      /** Share of the pairs of verdicts of a panel that differ; absent where there are none. */
      readonly disagreement?: number;
      /** `rule`: no model was asked; `memory`: the verdict of an earlier request with the same digest. */
      readonly source: 'model' | 'rule' | 'memory';
    }
  | Unscored;

/** An answer and what to look for in it. Whoever marks it sees neither a reference answer nor an image. */
export type RubricQuestion = {
  readonly question: string;
  /** The answer under test, written by the policy: data, never an instruction. */
  readonly answer: string;
  /** At least one, each once; they hold what of the truth a judge needs. */
  readonly criteria: readonly string[];
};

export type RubricOutcome =
  | {
      readonly kind: 'graded';
      /** By criterion, in their order: whether the answer meets it. */
      readonly met: readonly boolean[];
      /** By criterion, as the share and disagreement of a verdict, the latter over all criteria. */
      readonly shares?: readonly number[];
      readonly disagreement?: number;
      /** The judge's own words, for the record. */
      readonly reply: string;
      /** As of a verdict. */
      readonly latencyMs: number;
      readonly tokens?: TokenUsage;
      readonly source: 'model' | 'rule' | 'memory';
    }
  | Unscored;

export type JudgeDescription = {
  /** Model or rule that judges, for people. */
  readonly id: string;
  readonly kind: 'reference-match' | 'openai' | 'gguf' | 'module' | 'panel';
  /** Hexadecimal SHA-256 of all that shapes a verdict: two judges with one digest are interchangeable. */
  readonly digest: string;
  /** The same of all that shapes the marks of a rubric; absent in judges that cannot mark any. */
  readonly rubricDigest?: string;
};

export type Judge = {
  readonly describe: JudgeDescription;
  /**
   * One outcome per item, in the order of the items. A failure is an outcome of its item and never
   * rejects the call; after `signal` aborts, open items come back `cancelled`.
   */
  judge(items: readonly JudgeItem[], signal: AbortSignal): Promise<readonly JudgeOutcome[]>;
  /**
   * Which criteria of a rubric each answer meets, by the same rules as `judge`. One criterion that cannot be
   * told leaves the answer unscored. Absent in judges that cannot mark rubrics.
   */
  grade?(
    questions: readonly RubricQuestion[],
    signal: AbortSignal,
  ): Promise<readonly RubricOutcome[]>;
  /** Why it cannot be asked at all, found out by one cheap request; undefined when it can. */
  probe(signal: AbortSignal): Promise<Unscored | undefined>;
  close(): Promise<void>;
};
