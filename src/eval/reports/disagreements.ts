/**
 * The answers from which one learns most about the evaluation itself: where the rule contradicts the judge,
 * votes or judgings contradict each other, or the same question was answered rightly and wrongly. A pass over
 * the rows finds them by their scores alone; only the few that are shown are read with their texts.
 */
import { digestOfBytes } from '../../core/digest.ts';
import { judgingNames, resultsFile } from '../results/layout.ts';
import {
  type AnswerKey,
  responseRowSchema,
  sampleRowSchema,
  type Variant,
  type VerdictRow,
  verdictRowSchema,
} from '../results/records.ts';
import { type Row, readRows, textOfKey } from '../results/rows.ts';
import { type AnswerTrace, type Found, type JudgedTrace, rateTraces } from './rate-disagreement.ts';

export type FindOptions = {
  readonly folder: string;
  /** The judging that the report rests on. */
  readonly judgingName: string;
  readonly tasks: readonly string[];
  readonly variants: readonly Variant[];
  /** The most of all tasks together. */
  readonly most: number;
};

/** The strongest of each task first, then the second of each, and so on: no task hides the others. */
export async function findDisagreements(options: FindOptions): Promise<Found[]> {
  const { folder, judgingName, tasks, most } = options;
  const others = (await judgingNames(folder)).filter((name) => name !== judgingName);
  const ranked: { readonly rank: number; readonly found: Found }[] = [];
  for (const task of tasks) {
    const traces = await traceAnswers(options, task, [judgingName, ...others]);
    const found = rateTraces(task, traces.values(), judgingName).slice(0, most);
    ranked.push(...found.map((one, rank) => ({ rank, found: one })));
  }
  return ranked
    .toSorted((a, b) => a.rank - b.rank || b.found.strength - a.found.strength)
    .slice(0, most)
    .map(({ found }) => found);
}

async function traceAnswers(
  { folder, variants }: FindOptions,
  taskId: string,
  judgings: readonly string[],
): Promise<Map<string, AnswerTrace>> {
  const places = new Map<string, number>();
  for await (const { value } of readRows(resultsFile.samples(folder, taskId), sampleRowSchema)) {
    places.set(value.id, value.index);
  }
  const traces = new Map<string, AnswerTrace & { readonly digest: string }>();
  const responses = resultsFile.responses(folder, taskId);
  for await (const { value, offset, bytes } of readRows(responses, responseRowSchema)) {
    const { sampleId, variant, epoch, outcome } = value;
    const index = places.get(sampleId);
    const isShown = index !== undefined && variants.includes(variant);
    if (!isShown || outcome.kind === 'failed') {
      traces.delete(textOfKey(value));
      continue;
    }
    const key: AnswerKey = { sampleId, variant, epoch };
    const digest = digestOfBytes(outcome.text);
    traces.set(textOfKey(value), { key, index, digest, response: { offset, bytes }, judged: [] });
  }
  for (const judging of judgings) {
    const last = new Map<string, JudgedTrace>();
    const verdicts = resultsFile.verdicts(folder, judging, taskId);
    for await (const row of readRows(verdicts, verdictRowSchema)) {
      const key = textOfKey(row.value);
      if (traces.get(key)?.digest === row.value.responseDigest)
        last.set(key, judgedTrace(judging, row));
    }
    for (const [key, judged] of last) traces.get(key)?.judged.push(judged);
  }
  return traces;
}

function judgedTrace(judgingName: string, { value, offset, bytes }: Row<VerdictRow>): JudgedTrace {
  const { outcome, votes, ruleCorrect } = value;
  return {
    judgingName,
    score: outcome.kind === 'scored' ? outcome.score : null,
    votes: votes.flatMap((vote) => (vote.outcome.kind === 'judged' ? [vote.outcome.score] : [])),
    ruleCorrect: ruleCorrect ?? null,
    verdict: { offset, bytes },
  };
}
