/** One task in one variant, as a part of the report. */
import {
  correctMean,
  correctProportion,
  type JudgeDraws,
  type JudgeRates,
} from '../../statistics/corrected.ts';
import { isNotApplicable, type JoinedAnswer } from '../results/joined-answers.ts';
import type { Variant } from '../results/records.ts';
import type {
  Causes,
  Corrected,
  Coverage,
  Figure,
  TaskReport,
  TaskScores,
} from '../results/report.ts';
import { countBy } from './count-by.ts';
import { drawScores, figureOf, type Sampling } from './figure.ts';
import { epochsOf, metricsOf, ruleOf, type Scored, subgroupsOf } from './task-figures.ts';

/** The judge's own errors, or why they are not known. */
export type JudgeErrors =
  | { readonly kind: 'known'; readonly rates: JudgeRates; readonly draws: JudgeDraws }
  | { readonly kind: 'unknown'; readonly reason: string };

export type TaskFacts = {
  readonly task: string;
  readonly variant: Variant;
  readonly access: TaskReport['access'];
  readonly rejected: Causes;
};

export type ScoreSettings = Sampling & {
  readonly epochs: number;
  readonly minimumCoverage: number;
  readonly judgeErrors: JudgeErrors;
};

/** A report with what overall figures are combined from. */
export type ScoredTask = {
  readonly report: TaskReport;
  /** Bootstrap draws of the score; undefined where there is no score. */
  readonly draws: Float64Array | undefined;
};

/** @param answers of this task and variant, in order */
export function scoreTask(
  facts: TaskFacts,
  answers: readonly JoinedAnswer[],
  settings: ScoreSettings,
): ScoredTask {
  const applicable = answers.filter((one) => !isNotApplicable(one));
  const scored = applicable.flatMap(toScored);
  const coverage = coverageOf(applicable, scored.length, settings.minimumCoverage);
  const samples = [...new Map(applicable.map(({ sample }) => [sample.id, sample])).values()];
  const name = `${facts.task}/${facts.variant}`;
  const draws = scored.length > 0 ? drawScores(scored, name, settings) : undefined;
  const report: TaskReport = {
    ...facts,
    kinds: countBy(samples, ({ kind }) => kind),
    notApplicable: (answers.length - applicable.length) / settings.epochs,
    coverage,
    failures: {
      answering: countBy(applicable, answeringFailure),
      judging: countBy(applicable, judgingFailure),
    },
    truncated: applicable.filter(({ answer }) => answer?.kind === 'answered' && answer.truncated)
      .length,
    tokens: tokensOf(applicable),
    result: draws
      ? scoresOf(name, applicable, scored, draws, settings)
      : withoutScore(answers.length, coverage),
  };
  return { report, draws };
}

function scoresOf(
  name: string,
  applicable: readonly JoinedAnswer[],
  scored: readonly Scored[],
  draws: Float64Array,
  settings: ScoreSettings,
): TaskScores {
  const figure = figureOf(scored, name, settings);
  return {
    kind: 'scored',
    figure,
    corrected: correctedOf(scored, figure, draws, settings.judgeErrors),
    subgroups: subgroupsOf(name, scored, settings),
    rule: ruleOf(name, applicable, settings),
    epochs: settings.epochs > 1 ? epochsOf(scored, settings.epochs) : null,
    metrics: metricsOf(name, applicable, settings),
  };
}

function withoutScore(expected: number, coverage: Coverage): TaskReport['result'] {
  if (expected === 0) return failed('no-samples', 'its rows were not read yet');
  if (coverage.expected === 0) return { kind: 'not-applicable' };
  if (coverage.answered === 0) return failed('no-answers', 'not one question was answered');
  return failed('no-scores', 'not one answer was judged');
}

function failed(cause: 'no-samples' | 'no-answers' | 'no-scores', message: string) {
  return { kind: 'failed', cause, message } as const;
}

function toScored(one: JoinedAnswer): Scored[] {
  const outcome = one.verdict?.outcome;
  if (outcome?.kind !== 'scored') return [];
  return [{ ...one, cluster: one.sample.cluster, value: outcome.score }];
}

function coverageOf(
  applicable: readonly JoinedAnswer[],
  scored: number,
  minimum: number,
): Coverage {
  const expected = applicable.length;
  const answered = applicable.filter(({ answer }) => answer?.kind === 'answered').length;
  return { expected, answered, scored, isComplete: expected > 0 && scored >= minimum * expected };
}

function answeringFailure({ answer }: JoinedAnswer): string | undefined {
  if (answer === undefined) return 'not-asked';
  return answer.kind === 'failed' ? answer.cause : undefined;
}

function judgingFailure({ answer, verdict }: JoinedAnswer): string | undefined {
  if (answer?.kind !== 'answered') return undefined;
  if (verdict === undefined) return 'not-judged';
  return verdict.outcome.kind === 'failed' ? verdict.outcome.cause : undefined;
}

function tokensOf(answers: readonly JoinedAnswer[]): TaskReport['tokens'] {
  const counts = answers.flatMap(({ answer }) =>
    answer?.kind === 'answered' && answer.tokens ? [answer.tokens] : [],
  );
  if (counts.length === 0) return null;
  return {
    answers: counts.length,
    prompt: counts.reduce((sum, { prompt }) => sum + prompt, 0),
    completion: counts.reduce((sum, { completion }) => sum + completion, 0),
  };
}

function correctedOf(
  scored: readonly Scored[],
  { score, method, answers, clusters }: Figure,
  draws: Float64Array,
  errors: JudgeErrors,
): Corrected {
  if (errors.kind === 'unknown') return { kind: 'uncorrected', reason: errors.reason };
  if (scored.some(({ sample }) => sample.kind === 'report')) {
    return { kind: 'uncorrected', reason: 'scores of reports are graded, not right or wrong' };
  }
  const isIndependent = method === 'wilson' && answers === clusters;
  const corrected = isIndependent
    ? correctProportion({ successes: Math.round(score * answers), trials: answers }, errors.rates)
    : correctMean(score, draws, errors.rates, errors.draws);
  if (corrected.kind === 'uncorrectable') return { kind: 'uncorrected', reason: corrected.reason };
  return { kind: 'corrected', score: corrected.accuracy, interval: corrected.interval };
}
