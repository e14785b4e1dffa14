/**
 * What turns a response into a verdict: its answer is cut out, every judge grades it, and what they say
 * is combined. Multiple choice is read by rule as well, and reports are sent to external metrics. It
 * knows nothing about files: whoever stores verdicts calls it with one response after another.
 */
import type { LedgerSummary } from '../../core/usage.ts';
import type { JudgingManifest, VerdictRow } from '../results/records.ts';
import type { EvalSample } from '../tasks/sample.ts';
import { answerOf, paperAnswerOf } from './answer-of.ts';
import { takesReference } from './choice.ts';
import { combine } from './combine.ts';
import type { Grader, JudgedSample } from './grader.ts';
import type { MetricService } from './metric-service.ts';

/** One response with what is known of its question. */
export type JudgingItem = {
  /** With question and choices as the model was shown them: letters mean what they meant to the model. */
  readonly sample: JudgedSample & Pick<EvalSample, 'id'>;
  readonly response: string;
  /** It was cut off at the token limit. */
  readonly truncated: boolean;
};

/** A verdict without the key of its answer. */
type Verdict = Omit<VerdictRow, 'sampleId' | 'variant' | 'epoch' | 'responseDigest'>;

export type Judging = {
  /** Written to `judging.json`. */
  readonly describe: Omit<JudgingManifest, 'createdAt' | 'ledger'>;
  /** Warnings for the user before any work; empty where there is nothing to warn of. */
  readonly warnings: readonly string[];
  /** Whether a judge is shown images, so that the samples need theirs. */
  readonly seesImages: boolean;
  /** Whether every judge can grade reports; where not, reports come out `failed`. */
  readonly gradesReports: boolean;
  /**
   * May be called for many items at once; what is asked at once is bounded by each judge's own
   * `concurrency`. Never rejects for what a judge or service does. After `signal` aborts, an open verdict
   * comes back `failed` with the cause `cancelled`, and is not worth keeping.
   */
  judge(item: JudgingItem, signal: AbortSignal): Promise<Verdict>;
  /**
   * Asks every judge once, before any work depends on it.
   * @throws MedixError 'judge' naming every one that does not answer, and why.
   */
  requireReachable(signal: AbortSignal): Promise<void>;
  /** Which judge's cap is reached and how to resume; undefined while there is room. */
  capReached(): string | undefined;
  /** What judges and metric services were asked, earlier processes included, and what it cost. */
  usage(): LedgerSummary;
  /** Reports without a value, by metric and cause. */
  metricFailures(): Readonly<Record<string, Readonly<Record<string, number>>>>;
  close(): Promise<void>;
};

export type JudgingParts = {
  readonly mode: JudgingManifest['mode'];
  /** One judge, or a panel. */
  readonly graders: readonly Grader[];
  readonly metrics: readonly MetricService[];
};

/** Judges one response: the core of {@link Judging}. */
export function createJudge({ mode, graders, metrics }: JudgingParts): Judging['judge'] {
  const cutOut = mode === 'medix-r1' ? answerOf : paperAnswerOf;

  const grade = async (
    { sample }: JudgingItem,
    answer: string,
    signal: AbortSignal,
  ): Promise<Pick<Verdict, 'outcome' | 'votes'>> => {
    const item = { sample, answer };
    const grades = await Promise.all(graders.map((grader) => grader.grade(item, signal)));
    return {
      outcome: combine(
        sample.kind,
        grades.map(({ outcome }) => outcome),
      ),
      votes: grades.flatMap(({ votes }) => votes),
    };
  };

  const measure = async (
    { sample }: JudgingItem,
    candidate: string,
    signal: AbortSignal,
  ): Promise<Pick<Verdict, 'metrics'>> => {
    if (sample.kind !== 'report' || metrics.length === 0) return {};
    const report = { id: sample.id, candidate, reference: sample.referenceAnswer };
    const values = metrics.map(
      async ({ name, score }) => [name, await score(report, signal)] as const,
    );
    return { metrics: Object.fromEntries(await Promise.all(values)) };
  };

  return async (item, signal) => {
    const { truncated } = item;
    const found = cutOut(item.response);
    if (found.kind === 'none') {
      const outcome = { kind: 'failed', cause: 'no-answer', message: found.message } as const;
      return { answer: '', truncated, outcome, votes: [], ...byRule(item) };
    }
    const answer = found.text;
    const [graded, measured] = await Promise.all([
      grade(item, answer, signal),
      measure(item, answer, signal),
    ]);
    const verdict = { answer, truncated, ...graded, ...byRule(item), ...measured };
    // A metric that was cut off would stay null for ever beside a verdict that is kept.
    return signal.aborted ? { ...verdict, outcome: cancelledOutcome } : verdict;
  };
}

const cancelledOutcome = {
  kind: 'failed',
  cause: 'cancelled',
  message: 'cancelled by the caller',
} as const;

/** From the answer as MediX reads it, whatever the judges are shown. */
function byRule({ sample, response }: JudgingItem): Pick<Verdict, 'ruleCorrect'> {
  if (sample.kind !== 'multiple-choice') return {};
  const found = answerOf(response);
  return {
    ruleCorrect: found.kind === 'none' ? null : (takesReference(found.text, sample) ?? null),
  };
}
