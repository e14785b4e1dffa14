/** Who decides whether answers are right: can it be reached, is it certified, how long does it take, what does it cost. */
import { isChatJudge } from '../../../config/judge-config.ts';
import type { TrainConfig } from '../../../config/train-config.ts';
import type { Clock } from '../../../core/async/clock.ts';
import type { Sample } from '../../../core/sample.ts';
import { vetJudge } from '../../../judge/certificate/assess.ts';
import { shareOfProfile } from '../../../reward/aggregate.ts';
import { type OpenedReward, requireReachable } from '../../../reward/open-reward.ts';
import { quantile } from '../../../statistics/quantile.ts';
import type { Pilot } from './pilot.ts';
import {
  attempt,
  look,
  notChecked,
  type Remark,
  remarksOf,
  type Section,
  sectionOf,
} from './section.ts';

export type JudgeFacts = {
  readonly judge: string;
  readonly embedder: string;
  readonly profile: string;
  /** Null where the config names none. */
  readonly certificate: {
    readonly sensitivity: number | null;
    readonly specificity: number | null;
    readonly kappa: number | null;
  } | null;
  /** Of one verdict, in milliseconds; null where no model is asked, or it could not be. */
  readonly latency: {
    readonly median: number;
    readonly p95: number;
    readonly asked: number;
  } | null;
  /** Of one text, in milliseconds, asked for several at once; null where it could not be asked. */
  readonly embedMs: number | null;
  readonly run: RunCosts | null;
};

/** Estimates for the whole run; null where no model behind a server judges. */
type RunCosts = {
  readonly rollouts: number;
  /** Whether they follow from what the sampled groups took; else every rollout is taken to need a request. */
  readonly isMeasured: boolean;
  readonly requests: number;
  readonly tokens: number | null;
  /** In the currency of the prices; null without. */
  readonly money: number | null;
};

/** Answers that the judge is asked about, and texts that the embedder is given. */
const asked = 8;

export type MeasuredJudge = {
  readonly remarks: readonly Remark[];
  readonly facts: Omit<JudgeFacts, 'run'>;
  readonly isReachable: boolean;
  /** Whether the reward counts its verdicts; else it is never asked. */
  readonly isCounted: boolean;
};

/** @param architecture of the policy, undefined where it is not known */
export async function measureJudge(
  config: TrainConfig,
  scoring: OpenedReward,
  samples: readonly Sample[],
  architecture: string | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<MeasuredJudge> {
  const names = [config.model, ...(architecture === undefined ? [] : [architecture])];
  const vetted = await attempt(signal, () =>
    vetJudge(config.reward.judge, scoring.judge.describe, names),
  );
  const reached = await attempt(signal, () => requireReachable(scoring, signal));
  const isReachable = reached.kind === 'done';
  const { judge, embedder, profile } = scoring.facts;
  const share = shareOfProfile(profile);
  const isCounted = share * profile.weights.judge > 0;
  const isCompared = isReachable && share * profile.weights.similarity > 0;
  const overall = vetted.kind === 'done' ? vetted.value.certificate?.overall : undefined;
  const facts = {
    judge: judge.id,
    embedder: embedder.id,
    profile: profile.name,
    certificate:
      overall === undefined
        ? null
        : {
            sensitivity: overall.sensitivity?.value ?? null,
            specificity: overall.specificity?.value ?? null,
            kappa: overall.kappa?.value ?? null,
          },
    latency: isReachable && isCounted ? await timeJudge(scoring, samples, signal) : null,
    embedMs: isCompared ? await timeEmbedder(scoring, samples, clock, signal) : null,
  };
  const warnings =
    vetted.kind === 'done' ? vetted.value.warnings.map((text) => look(`${text}.`)) : [];
  return {
    facts,
    isReachable,
    isCounted,
    remarks: [...remarksOf(vetted), ...remarksOf(reached), ...warnings],
  };
}

/** Each question is put with the answer to the next one: mostly wrong, so that no rule decides. */
async function timeJudge(
  { judge, seesImages }: OpenedReward,
  samples: readonly Sample[],
  signal: AbortSignal,
): Promise<JudgeFacts['latency']> {
  const chosen = samples.slice(0, asked);
  const items = chosen.map(({ problem, referenceAnswer, accepted, images }, place) => ({
    question: problem,
    answer: chosen[(place + 1) % chosen.length]?.referenceAnswer ?? '',
    referenceAnswer,
    accepted,
    ...(seesImages ? { images } : {}),
  }));
  const outcomes = await judge.judge(items, signal);
  signal.throwIfAborted();
  const times = outcomes.flatMap((outcome) =>
    outcome.kind === 'judged' && outcome.source === 'model' ? [outcome.latencyMs] : [],
  );
  if (times.length === 0) return null;
  const ascending = Float64Array.from(times).sort();
  return {
    median: quantile(ascending, 0.5),
    p95: quantile(ascending, 0.95),
    asked: times.length,
  };
}

async function timeEmbedder(
  { embedder }: OpenedReward,
  samples: readonly Sample[],
  clock: Clock,
  signal: AbortSignal,
): Promise<number | null> {
  const texts = samples.slice(0, asked).map(({ referenceAnswer }) => referenceAnswer);
  if (texts.length === 0) return null;
  const startedAt = clock.now();
  await embedder.embed(texts, signal);
  signal.throwIfAborted();
  return (clock.now() - startedAt) / texts.length;
}

/**
 * @param measured undefined where judge and embedder could not be opened
 * @param rollouts of the whole run, validations included
 */
export function inspectJudge(
  config: TrainConfig,
  measured: MeasuredJudge,
  pilot: Pilot | undefined,
  rollouts: number,
): Section<JudgeFacts> {
  const isPaid = isChatJudge(config.reward.judge) && measured.isCounted;
  const run = isPaid ? runCosts(config, pilot, rollouts) : null;
  const remarks = [...measured.remarks, ...capRemarks(config, run)];
  if (run !== null && pilot === undefined) {
    remarks.push(
      notChecked('How many rollouts need the judge: nothing was sampled, so that each is counted.'),
    );
  }
  return sectionOf({ ...measured.facts, run }, remarks);
}

function runCosts(
  { reward: { judge } }: TrainConfig,
  pilot: Pilot | undefined,
  rollouts: number,
): RunCosts {
  const used = pilot?.usage['judge'];
  if (pilot === undefined || used === undefined) {
    const requests = pilot === undefined ? rollouts : 0;
    return { rollouts, isMeasured: pilot !== undefined, requests, tokens: null, money: null };
  }
  const sampled = pilot.groups.reduce((sum, group) => sum + group.rollouts.length, 0);
  const scale = rollouts / sampled;
  const isMetered = used.unmetered === 0 && used.requests > 0;
  const prices = isChatJudge(judge) ? judge.prices : null;
  const money = prices
    ? (used.inputTokens * prices.input + used.outputTokens * prices.output) / 1e6
    : null;
  return {
    rollouts,
    isMeasured: true,
    requests: Math.round(used.requests * scale),
    tokens: isMetered ? Math.round((used.inputTokens + used.outputTokens) * scale) : null,
    money: money === null || !isMetered ? null : money * scale,
  };
}

function capRemarks({ reward: { judge } }: TrainConfig, run: RunCosts | null): Remark[] {
  if (!isChatJudge(judge) || run === null) return [];
  const { cap } = judge;
  const expected = [
    ['calls', cap.calls, run.requests],
    ['tokens', cap.tokens, run.tokens],
    ['money', cap.money, run.money],
  ] as const;
  return expected.flatMap(([name, most, needed]) =>
    most !== null && needed !== null && needed > most
      ? [look(`The run is expected to pass reward.judge.cap.${name} (${most}) and to pause there.`)]
      : [],
  );
}
