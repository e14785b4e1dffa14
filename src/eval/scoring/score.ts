/** Third stage: a results folder's rows become a report. Asks nobody, writes nothing. */
import type { EvalConfig } from '../../config/eval-config.ts';
import type { WallClock } from '../../core/async/clock.ts';
import { drawJudgeRates, type JudgeRates } from '../../statistics/corrected.ts';
import { quantile } from '../../statistics/quantile.ts';
import {
  type Expected,
  type JoinedAnswer,
  joinAnswers,
  readTaskRows,
} from '../results/joined-answers.ts';
import {
  judgingNames,
  readEvalManifest,
  readJudgingManifest,
  resultsFile,
} from '../results/layout.ts';
import { type EvalManifest, type JudgingManifest, rejectedRowSchema } from '../results/records.ts';
import type { Causes, EvalReport } from '../results/report.ts';
import { readRows } from '../results/rows.ts';
import { countBy } from './count-by.ts';
import { rngFor, type Sampling } from './figure.ts';
import { imageDependence, type VariantScore } from './image-dependence.ts';
import { optionAnswersOf } from './option-answers.ts';
import { type OptionAnswer, optionPermutation } from './option-permutation.ts';
import { agreementOf } from './score-agreement.ts';
import { scoreOverall } from './score-overall.ts';
import { type JudgeErrors, type ScoredTask, type ScoreSettings, scoreTask } from './score-task.ts';

export type ScoreOptions = {
  readonly folder: string;
  readonly config: Pick<EvalConfig, 'judging' | 'variants' | 'sampling' | 'statistics'>;
  /** Milliseconds since 1970. */
  readonly clock: WallClock;
};

/**
 * Scores all tasks of the folder by the verdicts of one judging. The same rows give the same report, apart
 * from its `circumstances`.
 *
 * @throws MedixError 'run' where the folder holds no evaluation, or no judging of this name
 */
export async function scoreEvaluation({
  folder,
  config,
  clock,
}: ScoreOptions): Promise<EvalReport> {
  const manifest = await readEvalManifest(folder);
  const { name, minimumCoverage } = config.judging;
  const judging = await readJudgingManifest(folder, name);
  const expected = { variants: config.variants, epochs: config.sampling.epochs };
  const { fewClusters, ...statistics } = config.statistics;
  const sampling = { draws: statistics.draws, seed: config.sampling.seed, fewClusters };
  const judgeErrors = judgeErrorsOf(judging, sampling);
  const settings = { ...sampling, minimumCoverage, judgeErrors, epochs: expected.epochs };

  const names = await judgingNames(folder);
  const keepOptions = expected.variants.includes('permuted-options');

  const tasks: ScoredTask[] = [];
  const latencies: number[] = [];
  const changes = variantScores(expected);
  const options: OptionAnswer[] = [];
  const agreement = judgedAnswers(names);
  for (const taskId of Object.keys(manifest.tasks).toSorted()) {
    const rows = await readTaskRows(folder, taskId, names, { keepOptions });
    const answers = joinAnswers(rows, name, expected);
    tasks.push(...(await scoreVariants(folder, manifest, taskId, answers, expected, settings)));
    changes.add(answers);
    for (const one of optionAnswersOf(rows, name)) options.push(one);
    agreement.add((judgingName) => joinAnswers(rows, judgingName, expected));
    for (const { answer } of answers) {
      if (answer?.kind === 'answered') latencies.push(answer.latencyMs);
    }
  }
  return {
    model: manifest.model,
    template: manifest.template,
    sampling: config.sampling,
    judging: { name, mode: judging.mode, votes: judging.votes, judges: judging.judges },
    statistics: {
      ...statistics,
      // Reports of earlier versions do not say it.
      ...(fewClusters === 'widened' ? { fewClusters } : {}),
      seed: sampling.seed,
      minimumCoverage,
    },
    tasks: tasks.map(({ report }) => report),
    overall: expected.variants.map((variant) =>
      scoreOverall(
        variant,
        tasks.filter(({ report }) => report.variant === variant),
        { mmluAsOne: config.statistics.mmluAsOne, judgeErrors },
      ),
    ),
    agreement: agreementOf(agreement.judgings, sampling),
    imageDependence: changes.imageDependence(sampling),
    optionPermutation: optionPermutation(options, sampling),
    versions: manifest.versions,
    circumstances: {
      evaluatedAt: manifest.createdAt,
      judgedAt: judging.createdAt,
      scoredAt: new Date(clock()).toISOString(),
      medianLatencyMs: medianOf(latencies),
      modelUsage: manifest.ledger,
      judgeUsage: judging.ledger,
    },
  };
}

async function scoreVariants(
  folder: string,
  manifest: EvalManifest,
  taskId: string,
  answers: readonly JoinedAnswer[],
  { variants }: Expected,
  settings: ScoreSettings,
): Promise<ScoredTask[]> {
  const access = manifest.tasks[taskId]?.access ?? 'private';
  const rejected = await countRejected(folder, taskId);
  return variants.map((variant) =>
    scoreTask(
      { task: taskId, variant, access, rejected },
      answers.filter(({ key }) => key.variant === variant),
      settings,
    ),
  );
}

async function countRejected(folder: string, taskId: string): Promise<Causes> {
  const causes: string[] = [];
  for await (const { value } of readRows(resultsFile.rejected(folder, taskId), rejectedRowSchema)) {
    causes.push(value.cause);
  }
  return countBy(causes, (cause) => cause);
}

/** Only of a judge that stands alone: how often a panel errs is not known from its members. */
function judgeErrorsOf({ judges }: JudgingManifest, { draws, seed }: Sampling): JudgeErrors {
  const [judge] = judges;
  if (judge === undefined || judges.length > 1) {
    return { kind: 'unknown', reason: 'several judges have no certificate together' };
  }
  const { certificate } = judge;
  if (certificate === null) return { kind: 'unknown', reason: 'the judge has no certificate' };
  const { sensitivity, specificity, rightProbes, wrongProbes } = certificate;
  if (rightProbes === undefined || wrongProbes === undefined) {
    return { kind: 'unknown', reason: 'it is not recorded how many answers certified the judge' };
  }
  const rates: JudgeRates = {
    sensitivity: { successes: Math.round(sensitivity * rightProbes), trials: rightProbes },
    specificity: { successes: Math.round(specificity * wrongProbes), trials: wrongProbes },
  };
  return { kind: 'known', rates, draws: drawJudgeRates(rates, rngFor('judge', seed), draws) };
}

/** Scores to be compared between variants; kept only where images are changed. */
function variantScores({ variants }: Expected) {
  const isKept = variants.some((variant) => variant.endsWith('-image'));
  const kept: VariantScore[] = [];
  return {
    add: (answers: readonly JoinedAnswer[]) => {
      if (!isKept) return;
      for (const { key, taskId, sample, verdict } of answers) {
        if (verdict?.outcome.kind !== 'scored') continue;
        kept.push({ ...key, taskId, cluster: sample.cluster, score: verdict.outcome.score });
      }
    },
    imageDependence: (sampling: Sampling) => (isKept ? imageDependence(kept, sampling) : null),
  };
}

/** What each judging says of all tasks; kept only where there are several. */
function judgedAnswers(names: readonly string[]) {
  const judgings = names.map((judgingName) => ({ judgingName, answers: [] as JoinedAnswer[] }));
  return {
    add: (answersOf: (judgingName: string) => readonly JoinedAnswer[]) => {
      if (names.length < 2) return;
      for (const { judgingName, answers } of judgings) {
        for (const one of answersOf(judgingName)) answers.push(one);
      }
    },
    judgings,
  };
}

function medianOf(values: readonly number[]): number | null {
  return values.length > 0 ? quantile(Float64Array.from(values).sort(), 0.5) : null;
}
