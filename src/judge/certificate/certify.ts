/**
 * Certifying a judge: it is asked about labelled answers of many kinds, in several rounds; how often it is
 * right, gives no verdict, fails, or changes its mind is recorded. A policy finds whatever passes a judge,
 * so a judge is worth its weakest category.
 */
import type { WallClock } from '../../core/async/clock.ts';
import { aborted, orAborted } from '../../core/async/or-aborted.ts';
import { defined } from '../../core/errors.ts';
import type { Embedder } from '../../embed/embedder.ts';
import type { Ledger } from '../../http/ledger.ts';
import { quantile } from '../../statistics/quantile.ts';
import type { Judge } from '../judge.ts';
import { type Certificate, digestOfFindings, type Findings } from './certificate.ts';
import { figuresOf, kappaOf, rateOf, type VerdictPair, verdictOf } from './figures.ts';
import type { ProbePack } from './probes.ts';
import { type FindConflict, type Similarity, similaritiesOf } from './similarity.ts';
import { failInterrupted, type Trial, type TrialOptions, tryJudge } from './trials.ts';

export type CertifyOptions = {
  /** Pack that MediX ships. */
  readonly shipped: ProbePack;
  /** The user's labelled file. */
  readonly own?: ProbePack;
  /** Rounds; from 2 on, flips are seen. */
  readonly repeats: number;
  /** An embedder to compare with, and how its cosine is read. */
  readonly similarity?: {
    readonly embedder: Embedder;
    readonly threshold: number;
    readonly findConflict: FindConflict;
  };
  /** Counts the requests of judge and embedder. */
  readonly ledger?: Pick<Ledger, 'summary'>;
  /** Version of MediX. */
  readonly medix: string;
  /** Milliseconds since 1970. */
  readonly clock: WallClock;
} & Pick<TrialOptions, 'signal' | 'openRecord' | 'onProgress'>;

export type Certification = {
  /** Holds no text of any probe, so that it may be shown where a user's labelled answers may not. */
  readonly certificate: Certificate;
  readonly trials: readonly Trial[];
};

/**
 * @param openJudge Called for every round; the judge must remember nothing, see {@link tryJudge}.
 * @throws MedixError 'judge' when the judge cannot be asked at all or a cap is reached, 'cancelled' when the
 *   signal aborted.
 */
export async function certifyJudge(
  openJudge: () => Promise<Judge>,
  options: CertifyOptions,
): Promise<Certification> {
  const { shipped, own, repeats, ledger, medix, clock, signal, openRecord, onProgress } = options;
  const probes = [...shipped.probes, ...(own?.probes ?? [])];
  let judge: Judge['describe'] | undefined;
  const open = async () => {
    const opened = await openJudge();
    judge ??= opened.describe;
    return opened;
  };
  const trials = await tryJudge(open, probes, {
    rounds: repeats,
    signal,
    ...(openRecord ? { openRecord } : {}),
    ...(onProgress ? { onProgress } : {}),
  });
  const findings: Findings = {
    version: 1,
    medix,
    judge: describe(defined(judge, 'judge that was opened')),
    shipped: packFacts(shipped),
    own: own ? packFacts(own) : null,
    repeats,
    overall: figuresOf(trials),
    categories: figuresByCategory(trials),
    similarity: await compareWithEmbedder(trials, options),
    usage: ledger?.summary() ?? null,
  };
  return {
    certificate: {
      ...findings,
      createdAt: new Date(clock()).toISOString(),
      latencyMs: latenciesOf(trials),
      digest: digestOfFindings(findings),
    },
    trials,
  };
}

function describe({ id, kind, digest }: Findings['judge']): Findings['judge'] {
  return { id, kind, digest };
}

function packFacts({ probes, digest }: ProbePack): Findings['shipped'] {
  return { probes: probes.length, digest };
}

function figuresByCategory(trials: readonly Trial[]): Findings['categories'] {
  const categories = new Set(trials.map(({ probe }) => probe.category));
  return Object.fromEntries(
    [...categories].map((category) => [
      category,
      figuresOf(trials.filter(({ probe }) => probe.category === category)),
    ]),
  );
}

async function compareWithEmbedder(
  trials: readonly Trial[],
  { similarity, signal }: CertifyOptions,
): Promise<Findings['similarity']> {
  if (similarity === undefined) return null;
  const { embedder, threshold, findConflict } = similarity;
  const probes = trials.map(({ probe }) => probe);
  const similarities = await orAborted(
    similaritiesOf(probes, embedder, findConflict, signal),
    signal,
  );
  if (similarities === aborted || signal.aborted) return failInterrupted();
  const pairs = trials.flatMap((trial, index): VerdictPair[] => {
    const verdict = verdictOf(trial);
    const found = similarities[index];
    if (verdict === undefined || found?.kind !== 'compared') return [];
    return [[verdict, found.cosine >= threshold]];
  });
  return {
    embedder: describe(embedder.describe),
    threshold,
    agreement: rateOf(pairs.filter(([one, other]) => one === other).length, pairs.length),
    kappa: kappaOf(pairs),
    unscored: countFailures(similarities),
  };
}

function countFailures(similarities: readonly Similarity[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const found of similarities) {
    if (found.kind === 'unscored') counts[found.cause] = (counts[found.cause] ?? 0) + 1;
  }
  return counts;
}

function latenciesOf(trials: readonly Trial[]): Certificate['latencyMs'] {
  const latencies = trials
    .flatMap(({ outcomes }) => outcomes)
    .flatMap((one) => (one.kind === 'judged' && one.source === 'model' ? [one.latencyMs] : []));
  if (latencies.length === 0) return null;
  const sorted = Float64Array.from(latencies).sort();
  return {
    median: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
  };
}
