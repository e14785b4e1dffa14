/** Advantages, mini-batches and optimizer steps of one iteration. */
import { decoupledAdvantages } from '../advantage/decoupled.ts';
import { type AdvantageName, advantageEstimators } from '../advantage/estimators.ts';
import { defined } from '../core/errors.ts';
import { type Mean, type Metrics, meanOf, mergeMetrics } from '../core/metrics.ts';
import type { AdamParameters, Engine, Loss, Sequence } from '../engine/engine.ts';
import type { Rollout } from '../rollout/rollout.ts';
import {
  type LossRollout,
  lossTerms,
  type PolicyLossSettings,
  policyLoss,
} from '../update/policy-loss.ts';
import type { CollectedGroup } from './collect-groups.ts';

/** A rollout that trains the policy. */
export type TrainingRollout = Rollout & { readonly advantage: number };

export type UpdateSettings = {
  readonly loss: PolicyLossSettings;
  /** Optimizer steps to take; fewer when there are fewer groups. */
  readonly miniBatches: number;
  /** The n-th optimizer step of the run, from 0. */
  readonly adamAt: (step: number) => AdamParameters;
  /** Steps taken before. */
  readonly steps: number;
};

export type UpdateReport = {
  readonly metrics: Metrics;
  /** Steps taken by the end, skipped ones included. */
  readonly steps: number;
  readonly skipped: number;
};

/**
 * Advantages of the scored rollouts of each trained group; groups stay whole and in order. Rewards that come
 * with their parts are compared part by part (GDPO, arXiv 2601.05242), the others as they are.
 */
export function withAdvantages(
  groups: readonly CollectedGroup[],
  estimator: AdvantageName,
): TrainingRollout[][] {
  const trained = groups
    .filter(({ use }) => use === 'trained')
    .map(({ rollouts }) =>
      rollouts.flatMap(({ rollout, outcome }) =>
        outcome.kind === 'scored' ? [{ rollout, outcome }] : [],
      ),
    );
  const parts = trained.map((group) =>
    group.flatMap(({ outcome }) => (outcome.parts ? [outcome.parts] : [])),
  );
  const isDecoupled = parts.some((group) => group.length > 0);
  const advantages = isDecoupled
    ? decoupledAdvantages(parts, estimator)
    : trained.map((group) =>
        advantageEstimators[estimator](group.map(({ outcome }) => outcome.reward)),
      );
  return trained.map((group, g) =>
    group.map(({ rollout }, i) => ({
      ...rollout,
      advantage: defined(advantages[g]?.[i], 'advantage'),
    })),
  );
}

/**
 * One optimizer step per mini-batch; a mini-batch never splits a group.
 *
 * Where the engine guarantees that sampler and trainer agree, the sampler's logprobs are the old policy's;
 * PPO implementations that compute them again come to the same. Elsewhere they are computed before the first
 * step, and `update/samplerGap` is the mean absolute difference of the two.
 */
export async function updatePolicy(
  engine: Engine,
  groups: readonly (readonly TrainingRollout[])[],
  settings: UpdateSettings,
  signal: AbortSignal,
): Promise<UpdateReport> {
  const parts: Metrics[] = [];
  let { steps } = settings;
  let skipped = 0;
  const known = await withOldLogprobs(engine, groups, signal);
  if (known.gap) parts.push({ 'update/samplerGap': known.gap });
  for (const miniBatch of split(known.groups, settings.miniBatches)) {
    const rollouts = miniBatch.flat();
    const sequences = rollouts.map(({ prompt, completion }) => ({ prompt, completion }));
    const inputs = await lossInputs(engine, rollouts, sequences, settings.loss, signal);
    const loss = lossFor(engine, settings.loss, inputs);
    const report = await engine.forwardBackward(sequences, loss, signal);
    const adam = settings.adamAt(steps);
    const step = await engine.optimStep(adam);
    steps++;
    if (step.kind === 'skipped-nonfinite') skipped++;
    parts.push(report.metrics, {
      'update/loss': meanOf(report.loss),
      'update/learningRate': meanOf(adam.learningRate),
      'update/skippedSteps': meanOf(step.kind === 'skipped-nonfinite' ? 1 : 0),
      ...(step.kind === 'applied' ? { 'update/gradNorm': meanOf(step.gradNorm) } : {}),
    });
  }
  return { metrics: mergeMetrics(parts), steps, skipped };
}

type KnownRollout = TrainingRollout & { readonly oldLogprobs: Float32Array };

async function withOldLogprobs(
  engine: Engine,
  groups: readonly (readonly TrainingRollout[])[],
  signal: AbortSignal,
): Promise<{ readonly groups: readonly (readonly KnownRollout[])[]; readonly gap?: Mean }> {
  if (engine.guarantees.samplerLogprobs === 'exact') {
    return {
      groups: groups.map((group) =>
        group.map((rollout) => ({ ...rollout, oldLogprobs: rollout.samplerLogprobs })),
      ),
    };
  }
  const all = groups.flat();
  const sequences = all.map(({ prompt, completion }) => ({ prompt, completion }));
  const old = await engine.logprobs(sequences, 'policy', signal);
  let place = 0;
  let sum = 0;
  let count = 0;
  const known = groups.map((group) =>
    group.map((rollout): KnownRollout => {
      const oldLogprobs = defined(old[place++], 'old logprobs');
      rollout.samplerLogprobs.forEach((logprob, t) => {
        sum += Math.abs(logprob - (oldLogprobs[t] ?? 0));
      });
      count += oldLogprobs.length;
      return { ...rollout, oldLogprobs };
    }),
  );
  return { groups: known, gap: { sum, count } };
}

function lossFor(
  { guarantees }: Engine,
  settings: PolicyLossSettings,
  rollouts: readonly LossRollout[],
): Loss {
  const loss = policyLoss(settings, rollouts);
  const terms = guarantees.losses.includes(settings.kind) && lossTerms(settings, rollouts);
  return terms ? Object.assign(loss, { terms }) : loss;
}

async function lossInputs(
  engine: Engine,
  rollouts: readonly KnownRollout[],
  sequences: readonly Sequence[],
  { klCoefficient }: PolicyLossSettings,
  signal: AbortSignal,
): Promise<LossRollout[]> {
  const reference =
    klCoefficient > 0 ? await engine.logprobs(sequences, 'reference', signal) : undefined;
  return rollouts.map(({ oldLogprobs, advantage }, i) => ({
    oldLogprobs,
    advantage,
    ...(reference ? { referenceLogprobs: reference[i]! } : {}),
  }));
}

/** Consecutive parts whose sizes differ by at most one; never an empty one. */
function split<T>(items: readonly T[], parts: number): T[][] {
  const count = Math.min(parts, items.length);
  return Array.from({ length: count }, (_, part) =>
    items.slice(
      Math.floor((part * items.length) / count),
      Math.floor(((part + 1) * items.length) / count),
    ),
  );
}
