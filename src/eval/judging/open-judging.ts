/** The judging that a config names: its judges, each with a ledger of its own, and its metrics. */
import type { JudgingConfig } from '../../config/eval-config.ts';
import { isChatJudge, type JudgeConfig } from '../../config/judge-config.ts';
import type { LoadModule } from '../../config/load-module.ts';
import type { Clock } from '../../core/async/clock.ts';
import { defined, MedixError, type Problem } from '../../core/errors.ts';
import type { LedgerSummary } from '../../core/usage.ts';
import { createLedger, type Ledger } from '../../http/ledger.ts';
import { vetJudge } from '../../judge/certificate/assess.ts';
import { relatedJudges } from '../../judge/certificate/families.ts';
import { repeatedJudges } from '../../judge/open-panel.ts';
import type { JudgingManifest } from '../results/records.ts';
import { askingProblems } from './asking-problems.ts';
import type { Grader } from './grader.ts';
import { createJudge, type Judging } from './judging.ts';
import { createMetricService, type MetricService } from './metric-service.ts';
import { openGrader } from './open-grader.ts';

export type JudgingContext = {
  /** One for each judge of the config, in its order; undefined for those without. */
  readonly apiKeys: readonly (string | undefined)[];
  readonly clock: Clock;
  /** Seed of the random jitter between retries; it shapes no verdict. */
  readonly seed: number;
  /** Names that may tell the family of the model that is judged: id, path, architecture. */
  readonly modelNames: readonly string[];
  /** How code of the user's own is found. @default {@link loadModule} */
  readonly load?: LoadModule;
  /** `usage()` of earlier processes of the same judging, so that caps also count it. */
  readonly earlierUsage?: LedgerSummary;
};

type Panelist = {
  readonly config: JudgeConfig;
  readonly grader: Grader;
  readonly ledger: Ledger;
  /** Name under which its usage is summed up. */
  readonly use: string;
};

/**
 * Opens models, stores and certificates; no server is contacted yet.
 * @throws MedixError 'config' with all that the mode cannot do, 'judge' when a judge cannot be opened or
 *   its config refuses it because it has no certificate.
 */
export async function openJudging(
  config: JudgingConfig,
  context: JudgingContext,
): Promise<Judging> {
  const problems = askingProblems(config);
  if (problems.length > 0) throw new MedixError('config', problems);
  const { mode, votes } = config;
  const metricLedger = createLedger();
  const panel: Panelist[] = [];
  const metrics: MetricService[] = [];
  const close = async () => {
    for (const metric of metrics) metric.close();
    await Promise.all(panel.map(({ grader }) => grader.close()));
  };
  try {
    for (const index of config.judges.keys()) {
      panel.push(await openPanelist(config, index, context));
    }
    requireDistinct(panel);
    const { clock } = context;
    metrics.push(
      ...config.metrics.map((one) => createMetricService(one, { clock, ledger: metricLedger })),
    );
    const vetted = await vetPanel(panel, context.modelNames);
    const graders = panel.map(({ grader }) => grader);
    return {
      describe: { mode, votes, judges: vetted.judges },
      warnings: vetted.warnings,
      seesImages: graders.some(({ seesImages }) => seesImages),
      gradesReports: graders.every(({ gradesReports }) => gradesReports),
      judge: createJudge({ mode, graders, metrics }),
      requireReachable: (signal) => requireReachable(graders, signal),
      capReached: () =>
        panel.map(({ ledger }) => ledger.capReached()).find((one) => one !== undefined),
      usage: () => ({
        ...Object.assign({}, ...panel.map(usageOf)),
        ...metricLedger.summary(),
      }),
      metricFailures: () =>
        Object.fromEntries(metrics.map(({ name, failures }) => [name, failures()])),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Each judge has its own prices and caps, so each has its own ledger. */
async function openPanelist(
  { judges, mode, votes }: JudgingConfig,
  index: number,
  { apiKeys, clock, seed, load, earlierUsage = {} }: JudgingContext,
): Promise<Panelist> {
  const config = defined(judges[index], 'judge of the config');
  const apiKey = apiKeys[index];
  const use = judges.length === 1 ? 'judge' : `judge/${index + 1}`;
  const ledger = createLedger(
    isChatJudge(config) ? { prices: config.prices, cap: config.cap } : {},
  );
  const earlier = earlierUsage[use];
  if (earlier !== undefined) ledger.merge({ judge: earlier });
  const opening = {
    seed,
    clock,
    ledger,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(load === undefined ? {} : { load }),
  };
  return { config, grader: await openGrader(config, { mode, votes }, opening), ledger, use };
}

function usageOf({ ledger, use }: Panelist): LedgerSummary {
  const { judge } = ledger.summary();
  return judge === undefined ? {} : { [use]: judge };
}

async function vetPanel(
  panel: readonly Panelist[],
  modelNames: readonly string[],
): Promise<{
  readonly judges: JudgingManifest['judges'];
  readonly warnings: readonly string[];
}> {
  const judges: JudgingManifest['judges'] = [];
  const warnings: string[] = [];
  for (const { config, grader } of panel) {
    const vetted = await vetJudge(config, grader.describe, modelNames);
    warnings.push(...vetted.warnings);
    judges.push({ ...grader.describe, certificate: ratesOf(vetted.certificate, grader) });
  }
  const ids = panel.map(({ grader }) => grader.describe.id);
  return { judges, warnings: [...warnings, ...relatedJudges(ids)] };
}

/** Only a certificate of this very judge says how often it errs. */
function ratesOf(
  certificate: Awaited<ReturnType<typeof vetJudge>>['certificate'],
  { describe }: Grader,
): JudgingManifest['judges'][number]['certificate'] {
  if (certificate?.judge.digest !== describe.digest) return null;
  const { sensitivity, specificity } = certificate.overall;
  if (sensitivity === null || specificity === null) return null;
  const { digest } = certificate;
  return {
    digest,
    sensitivity: sensitivity.value,
    specificity: specificity.value,
    rightProbes: sensitivity.of,
    wrongProbes: specificity.of,
  };
}

function requireDistinct(panel: readonly Panelist[]): void {
  const problems = repeatedJudges(
    panel.map(({ grader }) => grader),
    (index) => `judging.judges.${index}`,
    'leave it out, or raise judging.votes',
  );
  if (problems.length > 0) throw new MedixError('config', problems);
}

async function requireReachable(graders: readonly Grader[], signal: AbortSignal): Promise<void> {
  const found = await Promise.all(
    graders.map(async ({ describe, probe }): Promise<readonly Problem[]> => {
      const failure = await probe(signal);
      if (failure === undefined) return [];
      return [
        {
          where: `judge ${describe.id}`,
          expected: 'an answer',
          got: `${failure.cause}: ${failure.message}`,
          next: 'start its server, or correct its url, model or apiKeyEnv in judging.judges',
        },
      ];
    }),
  );
  signal.throwIfAborted();
  if (found.flat().length > 0) throw new MedixError('judge', found.flat());
}
