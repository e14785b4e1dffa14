/** Mini-batches and optimizer steps of one iteration. */
import { defined } from '../core/errors.ts';
import { type Metrics, meanOf, mergeMetrics } from '../core/metrics.ts';
import type { AdamParameters, Engine, Loss, Sequence } from '../engine/engine.ts';
import {
  type LossRollout,
  lossTerms,
  type PolicyLossSettings,
  policyLoss,
} from '../update/policy-loss.ts';
import type { TrainingRollout } from './advantages.ts';
import { createSamplerGap, type SamplerGap } from './sampler-gap.ts';

export type UpdateSettings = {
  readonly loss: PolicyLossSettings;
  /** Parts of the iteration, one optimizer step each; fewer when there are fewer groups. */
  readonly miniBatches: number;
  /** Passes over all parts, at least 1. */
  readonly epochs: number;
  /** The n-th optimizer step of the run, from 0. */
  readonly adamAt: (step: number) => AdamParameters;
  /** Steps taken before. */
  readonly steps: number;
};

/** Mean absolute difference in nats of sampler and trainer logprobs that is worth a warning. */
export const samplerGapLimit = 0.05;

export type UpdateReport = {
  readonly metrics: Metrics;
  /** Steps taken by the end, skipped ones included. */
  readonly steps: number;
  readonly skipped: number;
};

/**
 * One optimizer step per mini-batch, in each epoch the same ones in the same order; a mini-batch never splits
 * a group.
 *
 * The old policy is the one before the first step, in every epoch. Where the engine guarantees that sampler
 * and trainer agree, the sampler's logprobs are its; PPO implementations that compute them again come to the
 * same. Elsewhere they are computed before the first step, but for those that only the first step needs: its
 * own pass tells them, since the policy is still the old one. Then the metrics say how far
 * apart sampler and trainer are, see {@link SamplerGap}.
 */
export async function updatePolicy(
  engine: Engine,
  groups: readonly (readonly TrainingRollout[])[],
  settings: UpdateSettings,
  signal: AbortSignal,
): Promise<UpdateReport> {
  const parts: Metrics[] = [];
  const gap = createSamplerGap();
  let { steps } = settings;
  let skipped = 0;
  const parted = split(groups, settings.miniBatches).map((miniBatch) => miniBatch.flat());
  const miniBatches = await withOldLogprobs(engine, parted, settings, signal);
  const prepared: (readonly LossRollout[])[] = [];
  for (let step = 0; step < settings.epochs * miniBatches.length; step++) {
    const place = step % miniBatches.length;
    const rollouts = defined(miniBatches[place], 'mini-batch');
    const sequences = rollouts.map(sequenceOf);
    const inputs =
      prepared[place] ?? (await lossInputs(engine, rollouts, sequences, settings.loss, signal));
    prepared[place] = inputs;
    const loss = lossFor(engine, settings.loss, inputs, rollouts, gap);
    const report = await engine.forwardBackward(sequences, loss, signal);
    const adam = settings.adamAt(steps);
    const outcome = await engine.optimStep(adam);
    steps++;
    if (outcome.kind === 'skipped-nonfinite') skipped++;
    parts.push(report.metrics, {
      'update/loss': meanOf(report.loss),
      'update/learningRate': meanOf(adam.learningRate),
      'update/skippedSteps': meanOf(outcome.kind === 'skipped-nonfinite' ? 1 : 0),
      ...(outcome.kind === 'applied' && outcome.gradNorm !== undefined
        ? { 'update/gradNorm': meanOf(outcome.gradNorm) }
        : {}),
    });
  }
  return { metrics: { ...mergeMetrics(parts), ...gap.metrics() }, steps, skipped };
}

/** Without old logprobs the pass that computes the loss tells them. */
type KnownRollout = TrainingRollout & { readonly oldLogprobs?: Float32Array };

async function withOldLogprobs(
  engine: Engine,
  miniBatches: readonly (readonly TrainingRollout[])[],
  { epochs }: UpdateSettings,
  signal: AbortSignal,
): Promise<readonly (readonly KnownRollout[])[]> {
  if (engine.guarantees.samplerLogprobs === 'exact') {
    return miniBatches.map((rollouts) =>
      rollouts.map((rollout) => ({ ...rollout, oldLogprobs: rollout.samplerLogprobs })),
    );
  }
  // In a second epoch the policy is no longer the old one.
  const told = epochs > 1 ? 0 : 1;
  const unknown = miniBatches.slice(told).flat();
  const old =
    unknown.length > 0 ? await engine.logprobs(unknown.map(sequenceOf), 'policy', signal) : [];
  let place = 0;
  return miniBatches.map((rollouts, i) =>
    i < told
      ? rollouts
      : rollouts.map((rollout) => ({
          ...rollout,
          oldLogprobs: defined(old[place++], 'old logprobs'),
        })),
  );
}

function sequenceOf({ prompt, completion }: TrainingRollout): Sequence {
  return { prompt, completion };
}

function lossFor(
  { guarantees }: Engine,
  settings: PolicyLossSettings,
  inputs: readonly LossRollout[],
  rollouts: readonly KnownRollout[],
  gap: SamplerGap,
): Loss {
  const alone = policyLoss(settings, inputs);
  const loss = guarantees.samplerLogprobs === 'exact' ? alone : gap.comparing(alone, rollouts);
  const terms = guarantees.losses.includes(settings.kind) && lossTerms(settings, inputs);
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
  const isApproximate = engine.guarantees.samplerLogprobs === 'approximate';
  return rollouts.map(({ completion, oldLogprobs, samplerLogprobs, ...rollout }, i) => ({
    tokens: completion.length,
    ...(oldLogprobs ? { oldLogprobs } : {}),
    advantage: rollout.advantage,
    ...(rollout.tokenAdvantages ? { tokenAdvantages: rollout.tokenAdvantages } : {}),
    ...(isApproximate ? { samplerLogprobs } : {}),
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
