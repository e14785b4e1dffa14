/** `medix-r1/eval`: run, read and compare evaluations. */
import type { z } from 'zod';
import { evalConfigSchema } from '../config/eval-config.ts';
import { readConfig } from '../config/read-config.ts';
import { digestOfBytes } from '../core/digest.ts';
import type { OwnAnswerer } from '../eval/answerers/own.ts';
import { openEvaluatedTask, openEvaluation } from '../eval/evaluation/open-evaluation.ts';
import {
  openReachableJudging,
  runGenerate,
  runJudge,
  type StageContext,
} from '../eval/evaluation/run-stages.ts';
import { writeReports } from '../eval/reports/write-reports.ts';
import {
  judgingNames,
  readEvalManifest,
  readJudgingManifest,
  resultsFile,
} from '../eval/results/layout.ts';
import {
  type EvalManifest,
  type JudgingManifest,
  type ResponseRow,
  responseRowSchema,
  type SampleRow,
  sampleRowSchema,
  type VerdictRow,
  verdictRowSchema,
} from '../eval/results/records.ts';
import type { EvalReport } from '../eval/results/report.ts';
import { readRows, textOfKey } from '../eval/results/rows.ts';
import { scoreEvaluation } from '../eval/scoring/score.ts';
import type { OwnJudge } from '../judge/own-judge.ts';
import type { JudgeSettings } from './judge.ts';
import { createOwnObjects } from './own-objects.ts';

export type { Message } from '../core/message.ts';
export type {
  OwnAnswer as Answer,
  OwnAnswerer as Answerer,
  OwnQuestion as Question,
} from '../eval/answerers/own.ts';
export { compareEvaluations } from '../eval/comparison/compare.ts';
export { type EvalComparison, evalComparisonSchema } from '../eval/results/comparison.ts';
export { readEvalReport } from '../eval/results/layout.ts';
export {
  type AnswerKey,
  type EvalManifest,
  evalManifestSchema,
  type JudgingManifest,
  judgingManifestSchema,
  type ResponseRow,
  responseRowSchema,
  type SampleRow,
  sampleRowSchema,
  type VerdictRow,
  verdictRowSchema,
} from '../eval/results/records.ts';
export { type EvalReport, evalReportSchema } from '../eval/results/report.ts';

type ConfigInput = z.input<typeof evalConfigSchema>;

/** The config of `medix eval`; model and judges may be objects of your own. */
export type EvaluationSettings = Omit<ConfigInput, 'model' | 'judging'> & {
  readonly model: ConfigInput['model'] | OwnAnswerer;
  readonly judging?: Omit<NonNullable<ConfigInput['judging']>, 'judges'> & {
    /** @default one that matches with the reference by rule */
    readonly judges?: readonly (JudgeSettings | OwnJudge)[];
  };
};

export type EvaluationOptions = {
  /** Once it aborts, the evaluation ends; the same call then goes on. @default never */
  readonly signal?: AbortSignal;
  /** Hears how far each stage is. @default nobody */
  readonly onProgress?: StageContext['onProgress'];
  /** Hears what speaks against a judge, before any work. @default nobody */
  readonly onWarning?: (warning: string) => void;
};

/**
 * Evaluates a model: asks it the questions of the tasks, has the answers judged, and scores them. Everything
 * is in the folder `out` as it comes: the same call goes on where it stopped and asks again only what failed.
 * Reports are written beside (`report.json`, `.md`, `.csv`, `.html`).
 *
 * @throws MedixError 'config' with all that is wrong with the settings, 'judge' where a judge or a server
 *   cannot be asked, 'run' where the folder is of another evaluation or its report has scores that are gone, 'cancelled' once the signal aborts.
 * @example
 * ```ts
 * const report = await evaluate({
 *   model: { kind: 'openai', url: 'http://127.0.0.1:8000/v1', model: 'medix-r1-8b' },
 *   tasks: ['medqa'],
 *   out: 'evals/medix-r1-8b',
 * });
 * for (const { task, result } of report.tasks) {
 *   if (result.kind === 'scored') console.log(task, result.figure.score, result.figure.interval);
 * }
 * ```
 */
export async function evaluate(
  settings: EvaluationSettings,
  { signal = never, onProgress = ignore, onWarning = ignore }: EvaluationOptions = {},
): Promise<EvalReport> {
  const objects = createOwnObjects();
  const { model, judging = {} } = settings;
  const { judges, ...asking } = judging;
  const base = {
    ...settings,
    model: objects.settingsOf(model),
    judging: {
      ...asking,
      ...(judges === undefined ? {} : { judges: judges.map(objects.settingsOf) }),
    },
  };
  const config = await readConfig(evalConfigSchema, { base, overrides: [] });
  const clock = () => Date.now();
  const context = { signal, clock, onProgress, onWarning, load: objects.load };

  const evaluation = await openEvaluation(config, { generates: true, judges: true });
  const panel = await openReachableJudging(evaluation, context);
  try {
    await runGenerate(evaluation, context);
  } catch (error) {
    await panel.close();
    throw error;
  }
  await runJudge(evaluation, panel, context);
  const report = await scoreEvaluation({ folder: config.out, config, clock });
  const openTask = (id: string) => openEvaluatedTask(id, config);
  await writeReports(config.out, report, { openTask, signal });
  return report;
}

const never = new AbortController().signal;
const ignore = () => {};

/** What a results folder is about. */
export type StoredEvaluation = {
  /** Model, tasks, prompt template, config and versions. */
  readonly manifest: EvalManifest;
  /** Who judged the answers, by name of the judging. */
  readonly judgings: Readonly<Record<string, JudgingManifest>>;
};

/**
 * @param folder Results folder.
 * @throws MedixError 'run' where it holds no evaluation.
 * @example
 * ```ts
 * const { manifest, judgings } = await readEvaluation('evals/medix-r1-8b');
 * console.log(manifest.model.id, Object.keys(manifest.tasks), Object.keys(judgings));
 * ```
 */
export async function readEvaluation(folder: string): Promise<StoredEvaluation> {
  const manifest = await readEvalManifest(folder);
  const names = await judgingNames(folder);
  const judgings = await Promise.all(
    names.map(async (name) => [name, await readJudgingManifest(folder, name)] as const),
  );
  return { manifest, judgings: Object.fromEntries(judgings) };
}

/**
 * The questions of a task, in its order.
 *
 * @param folder Results folder.
 * @param task Id of a task; the keys of `manifest.tasks`.
 * @example
 * ```ts
 * const questions = new Map((await readSamples('evals/a', 'medqa')).map((one) => [one.id, one.question]));
 * ```
 */
export async function readSamples(folder: string, task: string): Promise<readonly SampleRow[]> {
  const samples: SampleRow[] = [];
  for await (const { value } of readRows(resultsFile.samples(folder, task), sampleRowSchema)) {
    samples.push(value);
  }
  return samples.sort((a, b) => a.index - b.index);
}

/**
 * What the model said, one row for each sample, variant and epoch that was asked.
 *
 * @example
 * ```ts
 * const failed = (await readResponses('evals/a', 'medqa')).filter(({ outcome }) => outcome.kind === 'failed');
 * ```
 */
export async function readResponses(folder: string, task: string): Promise<readonly ResponseRow[]> {
  const latest = new Map<string, ResponseRow>();
  for await (const { value } of readRows(resultsFile.responses(folder, task), responseRowSchema)) {
    latest.set(textOfKey(value), value);
  }
  return [...latest.values()];
}

/**
 * What the judges said, one row for each response that was judged; a verdict on a response that has been
 * asked for again since is left out.
 *
 * @param judging Name of the judging. @default 'judge', as in a config
 * @example
 * ```ts
 * for (const { sampleId, outcome } of await readVerdicts('evals/a', 'medqa')) {
 *   if (outcome.kind === 'scored') console.log(sampleId, outcome.score);
 * }
 * ```
 */
export async function readVerdicts(
  folder: string,
  task: string,
  judging = 'judge',
): Promise<readonly VerdictRow[]> {
  const digests = new Map<string, string>();
  for (const row of await readResponses(folder, task)) {
    if (row.outcome.kind === 'answered') {
      digests.set(textOfKey(row), digestOfBytes(row.outcome.text));
    }
  }
  const latest = new Map<string, VerdictRow>();
  const path = resultsFile.verdicts(folder, judging, task);
  for await (const { value } of readRows(path, verdictRowSchema)) {
    const key = textOfKey(value);
    if (digests.get(key) === value.responseDigest) latest.set(key, value);
  }
  return [...latest.values()];
}
