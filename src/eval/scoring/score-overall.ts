/** Means over tasks: macro, as in the paper (arXiv 2602.23363), where each counts once whatever its size. */
import { averageDraws } from '../../statistics/bootstrap.ts';
import { correctMean } from '../../statistics/corrected.ts';
import type { Variant } from '../results/records.ts';
import type { Corrected, OverallReport, TaskScores } from '../results/report.ts';
import { intervalAround } from './figure.ts';
import type { JudgeErrors, ScoredTask } from './score-task.ts';

/** A task, or several that count as one. */
type Part = {
  readonly name: string;
  readonly score: number;
  readonly draws: Float64Array;
  readonly hasInterval: boolean;
  /** Its score may be corrected for the judge's errors. */
  readonly correctable: boolean;
  /** Absent where it is several tasks. */
  readonly task?: TaskScores;
};

export type OverallSettings = {
  /** The MMLU subsets are one part, in which each answer counts the same; the paper takes them as six. */
  readonly mmluAsOne: boolean;
  readonly judgeErrors: JudgeErrors;
};

/** @param tasks all of the variant */
export function scoreOverall(
  variant: Variant,
  tasks: readonly ScoredTask[],
  { mmluAsOne, judgeErrors }: OverallSettings,
): OverallReport {
  const asked = tasks.filter(({ report }) => report.result.kind !== 'not-applicable');
  const parts = partsOf(asked, mmluAsOne);
  const name = ({ report }: ScoredTask) => report.task;
  return {
    variant,
    parts: parts.map((part) => part.name),
    missing: asked.filter(({ report }) => report.result.kind === 'failed').map(name),
    incomplete: asked.filter(({ report }) => !report.coverage.isComplete).map(name),
    result: resultOf(parts, judgeErrors),
  };
}

function resultOf(parts: readonly Part[], errors: JudgeErrors): OverallReport['result'] {
  const [first] = parts;
  if (first === undefined) return { kind: 'failed', message: 'no task has a score' };
  // The mean of one task is that task: two intervals of the same answers would contradict each other.
  if (parts.length === 1 && first.task) {
    const { figure, corrected } = first.task;
    return { kind: 'scored', score: figure.score, interval: figure.interval, corrected };
  }
  const score = parts.reduce((sum, part) => sum + part.score, 0) / parts.length;
  const draws = averageDraws(parts.map((part) => part.draws));
  return {
    kind: 'scored',
    score,
    interval: parts.every(({ hasInterval }) => hasInterval) ? intervalAround(score, draws) : null,
    corrected: correctedOf(parts, score, draws, errors),
  };
}

/** The judge errs alike in every task, so its errors do not average out. */
function correctedOf(
  parts: readonly Part[],
  score: number,
  draws: Float64Array,
  errors: JudgeErrors,
): Corrected {
  if (errors.kind === 'unknown') return { kind: 'uncorrected', reason: errors.reason };
  const graded = parts.filter(({ correctable }) => !correctable);
  if (graded.length > 0) {
    const names = graded.map(({ name }) => name).join(', ');
    return { kind: 'uncorrected', reason: `there is no corrected score of ${names}` };
  }
  const corrected = correctMean(score, draws, errors.rates, errors.draws);
  if (corrected.kind === 'uncorrectable') return { kind: 'uncorrected', reason: corrected.reason };
  return { kind: 'corrected', score: corrected.accuracy, interval: corrected.interval };
}

function partsOf(tasks: readonly ScoredTask[], mmluAsOne: boolean): Part[] {
  const scored = tasks.flatMap(({ report, draws }) =>
    report.result.kind === 'scored' && draws
      ? [{ name: report.task, scores: report.result, draws }]
      : [],
  );
  const isOfMmlu = ({ name }: { readonly name: string }) => mmluAsOne && name.startsWith('mmlu_');
  const subsets = scored.filter(isOfMmlu);
  const own = scored.filter((one) => !isOfMmlu(one)).map((one) => partOf(one.name, [one]));
  const all = subsets.length > 0 ? [...own, partOf('mmlu', subsets)] : own;
  return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

type ScoredPart = { readonly scores: TaskScores; readonly draws: Float64Array };

/** Subsets are drawn each on its own, in their shares of all answers: a stratified bootstrap. */
function partOf(name: string, tasks: readonly ScoredPart[]): Part {
  const answers = tasks.reduce((sum, { scores }) => sum + scores.figure.answers, 0);
  const weighted = (figureOf: (task: ScoredPart) => number) =>
    tasks.reduce((sum, task) => sum + figureOf(task) * task.scores.figure.answers, 0) / answers;
  const [first] = tasks;
  const length = first?.draws.length ?? 0;
  return {
    name,
    score: weighted(({ scores }) => scores.figure.score),
    draws: Float64Array.from({ length }, (_, draw) => weighted(({ draws }) => draws[draw] ?? 0)),
    hasInterval: tasks.every(({ scores }) => scores.figure.interval !== null),
    correctable: tasks.every(({ scores }) => scores.corrected.kind === 'corrected'),
    ...(first && tasks.length === 1 ? { task: first.scores } : {}),
  };
}
