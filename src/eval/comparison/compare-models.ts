/** Paired comparison of models, task by task and over all tasks. Pure: it sees answers and scores only. */
import { rngFromKey } from '../../core/rng.ts';
import { averageDraws, clipped, percentileInterval } from '../../statistics/bootstrap.ts';
import { detectableDifference, detectablePairedDifference } from '../../statistics/detectable.ts';
import { holmAdjust } from '../../statistics/holm.ts';
import { mcnemarPValue } from '../../statistics/mcnemar.ts';
import {
  type PairedDifference,
  type PairedScore,
  pairedDifference,
  signFlipPValue,
} from '../../statistics/paired.ts';
import type { ModelComparison, TaskComparison } from '../results/comparison.ts';
import type { JoinedAnswer } from '../results/joined-answers.ts';
import { pairAnswers } from './pair-answers.ts';

/** Answers of a task, of the baseline and of each candidate. */
export type ComparedTask = {
  readonly task: string;
  readonly baseline: readonly JoinedAnswer[];
  readonly candidates: readonly (readonly JoinedAnswer[])[];
};

type Settings = { readonly seed: number; readonly draws: number };

/** @returns one entry a candidate */
export function compareTasks(
  tasks: readonly ComparedTask[],
  settings: Settings,
): ModelComparison[] {
  const candidates = tasks[0]?.candidates.length ?? 0;
  const compared = Array.from({ length: candidates }, (_, place) =>
    compareModel(tasks, place, settings),
  );
  const ofTasks = adjuster(compared.flatMap((one) => one.tasks.map(pValueOf)));
  const ofMeans = adjuster(compared.map(({ overall }) => overall?.pValue));
  return compared.map(({ tasks: each, overall }) => ({
    tasks: each.map((one) => {
      const adjusted = ofTasks();
      if (one.result.kind === 'failed' || adjusted === undefined) return one;
      return { ...one, result: { ...one.result, adjustedPValue: adjusted } };
    }),
    overall: adjustedOverall(overall, ofMeans()),
  }));
}

function adjustedOverall(overall: ModelComparison['overall'], adjusted: number | undefined) {
  return overall && adjusted !== undefined ? { ...overall, adjustedPValue: adjusted } : overall;
}

function pValueOf({ result }: TaskComparison): number | undefined {
  return result.kind === 'compared' ? result.pValue : undefined;
}

/** Hands out adjusted p-values in the order of the raw ones, which may have gaps. */
function adjuster(pValues: readonly (number | undefined)[]): () => number | undefined {
  const adjusted = holmAdjust(pValues.filter((p) => p !== undefined)).values();
  const raw = pValues.values();
  return () => (raw.next().value === undefined ? undefined : adjusted.next().value);
}

type Paired = {
  readonly taskId: string;
  readonly scores: readonly PairedScore[];
  readonly found: PairedDifference;
};

function compareModel(
  tasks: readonly ComparedTask[],
  place: number,
  settings: Settings,
): ModelComparison {
  const paired: Paired[] = [];
  const compared = tasks.map(({ task: taskId, baseline, candidates }): TaskComparison => {
    const { samples, scores } = pairAnswers(baseline, candidates[place] ?? []);
    if (scores.length === 0) {
      const message = 'no question has a score of both models';
      return { task: taskId, samples, result: { kind: 'failed', message } };
    }
    const rng = rngFromKey(`compare/${settings.seed}/${place}/${taskId}`);
    const found = pairedDifference(scores, rng, settings.draws);
    paired.push({ taskId, scores, found });
    return { task: taskId, samples, result: resultOf(scores, found) };
  });
  const rng = rngFromKey(`compare/${settings.seed}/${place}`);
  const alone = paired.length === 1 ? compared.find(isCompared) : undefined;
  if (alone) return { tasks: compared, overall: overallOfOne(alone) };
  const overall =
    paired.length === 0
      ? null
      : overallOf(paired, (gains) => signFlipPValue(gains, rng, settings.draws));
  return { tasks: compared, overall };
}

type Compared = TaskComparison & { readonly result: { readonly kind: 'compared' } };

function isCompared(one: TaskComparison): one is Compared {
  return one.result.kind === 'compared';
}

/** The mean over one task is that task: two tests of the same answers would contradict each other. */
function overallOfOne({ task, result }: Compared): NonNullable<ModelComparison['overall']> {
  const { baseline, candidate, difference, interval, pValue, detectable } = result;
  return {
    tasks: [task],
    baseline,
    candidate,
    difference,
    interval,
    pValue,
    adjustedPValue: pValue,
    detectable,
  };
}

function resultOf(
  scores: readonly PairedScore[],
  found: PairedDifference,
): TaskComparison['result'] {
  const isBinary = scores.every(
    ({ baseline, candidate }) => isRightOrWrong(baseline) && isRightOrWrong(candidate),
  );
  const isMcnemar = isBinary && found.clusters === found.questions;
  const count = (sign: number) =>
    scores.filter(({ baseline, candidate }) => candidate - baseline === sign).length;
  const onlyRight = { baseline: count(-1), candidate: count(1) };
  const pValue = isMcnemar ? mcnemarPValue(onlyRight.baseline, onlyRight.candidate) : found.pValue;
  const discordance = (onlyRight.baseline + onlyRight.candidate) / scores.length;
  return {
    kind: 'compared',
    clusters: found.clusters,
    baseline: found.baselineMean,
    candidate: found.candidateMean,
    difference: found.difference,
    interval: found.clusters < 2 ? null : clipped(found.interval, -1, 1),
    test: isMcnemar ? 'mcnemar' : 'sign-flip',
    onlyRight: isBinary ? onlyRight : null,
    pValue,
    adjustedPValue: pValue,
    detectable: isMcnemar
      ? detectableByMcnemar(scores.length, discordance)
      : detectableBy(found.standardError),
  };
}

/**
 * The mean difference over tasks. Under the null hypothesis every cluster's gain could as well have the
 * other sign; its weight in the mean follows from its task.
 */
function overallOf(
  paired: readonly Paired[],
  pValueOfGains: (gains: { values: Float64Array; weights: Float64Array }) => number,
): NonNullable<ModelComparison['overall']> {
  const tasks = paired.length;
  const average = (of: (found: PairedDifference) => number) =>
    paired.reduce((sum, { found }) => sum + of(found), 0) / tasks;
  const errors = paired.flatMap(({ found }) => found.standardError ?? []);
  const squares = errors.reduce((sum, error) => sum + error ** 2, 0);
  const isKnown = errors.length === tasks;
  const values = Float64Array.from(paired.flatMap(weightedGains(tasks)));
  const pValue = pValueOfGains({ values, weights: values.map(() => 1) });
  return {
    tasks: paired.map(({ taskId }) => taskId),
    baseline: average((found) => found.baselineMean),
    candidate: average((found) => found.candidateMean),
    difference: average((found) => found.difference),
    interval: isKnown
      ? clipped(percentileInterval(averageDraws(paired.map(({ found }) => found.draws))), -1, 1)
      : null,
    pValue,
    adjustedPValue: pValue,
    detectable: isKnown ? detectableBy(Math.sqrt(squares) / tasks) : null,
  };
}

function weightedGains(tasks: number): (paired: Paired) => number[] {
  return ({ scores }) => {
    const gains = new Map<string, number>();
    for (const { cluster, baseline, candidate } of scores) {
      gains.set(cluster, (gains.get(cluster) ?? 0) + candidate - baseline);
    }
    return [...gains]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, gain]) => gain / (scores.length * tasks));
  };
}

function detectableByMcnemar(questions: number, discordance: number): number | null {
  if (discordance === 0) return null;
  return detectablePairedDifference(questions, discordance) ?? null;
}

/** Without any spread there is no estimate: 0 would claim that every difference is found. */
function detectableBy(standardError: number | undefined): number | null {
  return standardError ? detectableDifference(standardError) : null;
}

function isRightOrWrong(score: number): boolean {
  return score === 0 || score === 1;
}
