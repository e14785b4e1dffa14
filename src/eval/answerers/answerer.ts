/** The model under test, wherever it runs. It knows nothing about references, tasks' files or judges. */
import type { Sample } from '../../core/sample.ts';
import type { AnswerKey, EvalManifest, ResponseRow } from '../results/records.ts';

export type AnswerRequest = {
  readonly key: AnswerKey;
  /** Question and images as the variant has them. */
  readonly sample: Sample;
};

export type AnswerOutcome =
  | ResponseRow['outcome']
  /** The caller gave up before there was an answer. */
  | { readonly kind: 'cancelled' };

export type Answer<Request extends AnswerRequest> = {
  readonly request: Request;
  readonly outcome: AnswerOutcome;
};

export type Answerer = {
  readonly describe: EvalManifest['model'];
  /**
   * Answers every request of a stream, in no particular order; it takes no more of them than it works on.
   * A failure is an outcome of its request and never ends the stream.
   */
  answer<Request extends AnswerRequest>(
    requests: AsyncIterable<Request>,
    signal: AbortSignal,
  ): AsyncIterable<Answer<Request>>;
  close(): Promise<void>;
};

/** Names the random numbers of an answer: the same whatever is asked before or beside it. */
export function randomKey(seed: number, { sampleId, variant, epoch }: AnswerKey): string {
  return `${seed}/${sampleId}/${variant}/${epoch}`;
}
