/**
 * Joins samples, responses and verdicts of a task; scores, comparisons and reports are computed from these.
 */
import { digestOfBytes } from '../../core/digest.ts';
import { resultsFile } from './layout.ts';
import {
  type AnswerKey,
  notApplicable,
  type ResponseRow,
  responseRowSchema,
  type SampleRow,
  sampleRowSchema,
  type Variant,
  type VerdictRow,
  verdictRowSchema,
} from './records.ts';
import { keysOf, readRows, textOfKey } from './rows.ts';

/** What scoring needs of a sample. */
type SampleFacts = Pick<SampleRow, 'id' | 'index' | 'kind' | 'cluster' | 'subgroups'>;

type AnswerFacts =
  | {
      readonly kind: 'answered';
      readonly truncated: boolean;
      readonly latencyMs: number;
      readonly tokens?: { readonly prompt: number; readonly completion: number };
    }
  | { readonly kind: 'failed'; readonly cause: string };

type VerdictFacts = Pick<VerdictRow, 'ruleCorrect' | 'metrics'> & {
  readonly outcome:
    | { readonly kind: 'scored'; readonly score: number }
    | { readonly kind: 'failed'; readonly cause: string };
};

/** One expected answer. */
export type JoinedAnswer = {
  readonly taskId: string;
  readonly key: AnswerKey;
  readonly sample: SampleFacts;
  /** Undefined where nobody has asked. */
  readonly answer: AnswerFacts | undefined;
  /** Undefined where nobody has judged this very answer. */
  readonly verdict: VerdictFacts | undefined;
};

/** Whether the variant changes nothing in the sample, so that there is nothing to answer. */
export function isNotApplicable({ answer }: JoinedAnswer): boolean {
  return answer?.kind === 'failed' && answer.cause === notApplicable;
}

/** Which answers of a task are expected. */
export type Expected = { readonly variants: readonly Variant[]; readonly epochs: number };

/**
 * All answers of a task, by sample, variant and epoch, whatever the order of rows in the files. Texts are
 * not kept: memory holds a few hundred bytes for each answer.
 *
 * @param judgingName name of the judging whose verdicts are taken
 */
export async function readJoinedAnswers(
  folder: string,
  judgingName: string,
  taskId: string,
  { variants, epochs }: Expected,
): Promise<JoinedAnswer[]> {
  const samples: SampleFacts[] = [];
  for await (const { value } of readRows(resultsFile.samples(folder, taskId), sampleRowSchema)) {
    const { id, index, kind, cluster, subgroups } = value;
    samples.push({ id, index, kind, cluster, subgroups });
  }
  const answers = await readAnswers(folder, taskId);
  const verdicts = await readVerdicts(folder, judgingName, taskId, answers);
  return samples
    .sort((a, b) => a.index - b.index)
    .flatMap((sample) =>
      keysOf(sample.id, variants, epochs).map((key) => {
        const text = textOfKey(key);
        const answer = answers.get(text)?.facts;
        return { taskId, key, sample, answer, verdict: verdicts.get(text) };
      }),
    );
}

type DigestedAnswer = { readonly facts: AnswerFacts; readonly digest: string | undefined };

async function readAnswers(folder: string, taskId: string): Promise<Map<string, DigestedAnswer>> {
  const answers = new Map<string, DigestedAnswer>();
  for await (const { value } of readRows(
    resultsFile.responses(folder, taskId),
    responseRowSchema,
  )) {
    answers.set(textOfKey(value), digested(value));
  }
  return answers;
}

function digested({ outcome }: ResponseRow): DigestedAnswer {
  if (outcome.kind === 'failed') {
    return { facts: { kind: 'failed', cause: outcome.cause }, digest: undefined };
  }
  const { text, stopReason, latencyMs, tokens } = outcome;
  const truncated = stopReason === 'length';
  const facts = { kind: 'answered', truncated, latencyMs, ...(tokens ? { tokens } : {}) } as const;
  return { facts, digest: digestOfBytes(text) };
}

/** A verdict on a response that was replaced later does not count. */
async function readVerdicts(
  folder: string,
  judgingName: string,
  taskId: string,
  answers: ReadonlyMap<string, DigestedAnswer>,
): Promise<Map<string, VerdictFacts>> {
  const verdicts = new Map<string, VerdictFacts>();
  const path = resultsFile.verdicts(folder, judgingName, taskId);
  for await (const { value } of readRows(path, verdictRowSchema)) {
    const key = textOfKey(value);
    if (answers.get(key)?.digest === value.responseDigest) verdicts.set(key, factsOf(value));
  }
  return verdicts;
}

function factsOf({ outcome, ruleCorrect, metrics }: VerdictRow): VerdictFacts {
  return {
    outcome: outcome.kind === 'scored' ? outcome : { kind: 'failed', cause: outcome.cause },
    ...(ruleCorrect === undefined ? {} : { ruleCorrect }),
    ...(metrics === undefined ? {} : { metrics }),
  };
}
