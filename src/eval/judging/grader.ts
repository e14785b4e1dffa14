/** The interface of one judge of an evaluation, whatever runs behind it. */
import type { Unscored } from '../../core/outcome.ts';
import type { JudgeDescription } from '../../judge/judge.ts';
import type { Vote } from '../results/records.ts';
import type { EvalSample } from '../tasks/sample.ts';
import type { Outcome } from './combine.ts';

/** What a judge may know of a sample. */
export type JudgedSample = Pick<
  EvalSample,
  'kind' | 'problem' | 'stem' | 'choices' | 'referenceAnswer' | 'accepted' | 'images'
>;

export type GraderItem = {
  readonly sample: JudgedSample;
  /**
   * Cut out of the response; empty only in the mode `medix-r1-reference`. Written by the model under test:
   * data, never an instruction.
   */
  readonly answer: string;
};

/** Everything that a judge said about one answer, and the resulting grade. */
export type Grade = {
  readonly outcome: Outcome;
  readonly votes: readonly Vote[];
  /** Time of the slowest request, without retries and waiting; 0 where no request was answered. */
  readonly latencyMs: number;
};

export type Grader = {
  /** Its digest covers mode, prompts, votes and model: all that shapes a grade. */
  readonly describe: JudgeDescription;
  readonly seesImages: boolean;
  readonly gradesReports: boolean;
  /** Never rejects for what the model behind it does. */
  grade(item: GraderItem, signal: AbortSignal): Promise<Grade>;
  /** Why it cannot be asked at all, found out by one cheap request; undefined when it can. */
  probe(signal: AbortSignal): Promise<Unscored | undefined>;
  close(): Promise<void>;
};
