/** The workload W: one GRPO iteration of a text decoder of 18 M parameters, and how much of the MatMul peak it reaches. */
import { advantageEstimators } from '../src/advantage/estimators.ts';
import { algorithmSection } from '../src/config/algorithm-config.ts';
import { defined } from '../src/core/errors.ts';
import { phantomSample } from '../src/data/phantoms/study.ts';
import type { Engine, Sequence } from '../src/engine/engine.ts';
import type { Prompt } from '../src/model/prompt.ts';
import type { RewardFunction } from '../src/reward/composite.ts';
import * as ops from '../src/tensor/ops.ts';
import { Program } from '../src/tensor/program.ts';
import { resolveAlgorithm } from '../src/train/algorithm.ts';
import { policyLoss } from '../src/update/policy-loss.ts';
import { never, seconds } from './timing.ts';
import { openW, shape, updateFlops } from './workload.ts';

const { loss: dapo } = resolveAlgorithm(algorithmSection.parse({}), shape.completionTokens);
const adam = {
  learningRate: 1e-6,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};

/** Updates of W after a first one; the fastest counts. */
const timedUpdates = 3;

type RewardItem = Parameters<RewardFunction['score']>[0][number];
type Rollout = Sequence & { readonly oldLogprobs: Float32Array };

/** GFLOP/s of the best square product of each size so far. */
export type Peak = Record<number, number>;

/** Products before, between and after what they are compared with, so that all meet the same machine. */
async function raisePeak(peak: Peak): Promise<void> {
  const graph = ops.matmul(ops.input('a', ['N', 'N']), ops.input('b', ['N', 'N']));
  const program = await Program.compile({ c: graph });
  for (const size of [512, 1024, 2048]) {
    const a = new Float32Array(size * size).fill(0.5);
    const c = new Float32Array(size * size);
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 8; run++) {
      const [time] = await seconds(() => program.run({ a, b: a }, { c }, { N: size }));
      best = Math.min(best, time);
    }
    if (c[0] !== size / 4) throw new Error(`product of ${size}: ${c[0]} instead of ${size / 4}`);
    peak[size] = Math.max(peak[size] ?? 0, (2 * size ** 3) / best / 1e9);
  }
  await program.dispose();
}

async function sampleAll(
  engine: Engine,
  prompts: readonly Prompt[],
  completions: number,
  maxTokens: number,
  name: string,
): Promise<Rollout[][]> {
  const groups: Rollout[][] = [];
  const requests = prompts.map((prompt, p) => ({
    prompt,
    keys: Array.from({ length: completions }, (_, c) => `${name}/${p}/${c}`),
    maxTokens,
    temperature: 1,
    topP: 1,
    topK: 0,
  }));
  for await (const group of engine.sample(requests, never)) {
    groups[group.request] = group.completions.map(({ tokens, logprobs }) => ({
      prompt: prompts[group.request]!,
      completion: tokens,
      oldLogprobs: logprobs,
    }));
  }
  return groups;
}

/** One optimizer step on the rollouts; returns the gradient norm before clipping. */
async function update(engine: Engine, rollouts: readonly Rollout[], advantages: readonly number[]) {
  const loss = policyLoss(
    dapo,
    rollouts.map(({ oldLogprobs }, i) => {
      return { tokens: oldLogprobs.length, oldLogprobs, advantage: advantages[i]! };
    }),
  );
  const [passSeconds] = await seconds(() => engine.forwardBackward(rollouts, loss, never));
  const report = await engine.optimStep(adam);
  if (report.kind !== 'applied') throw new Error(`the step was ${report.kind}`);
  return { passSeconds, gradNorm: report.gradNorm };
}

/** Advantages of all rollouts; a group whose rewards do not differ gets zeros. */
async function scoreGroups(
  reward: RewardFunction,
  items: readonly (readonly RewardItem[])[],
): Promise<number[]> {
  const outcomes = await reward.score(items.flat(), never);
  let next = 0;
  return items.flatMap((group) => {
    const rewards = group.map(() => {
      const outcome = outcomes[next++]!;
      if (outcome.kind !== 'scored') throw new Error(outcome.message);
      return { reward: outcome.reward, tokens: 1 };
    });
    return advantageEstimators.grpo.estimate([rewards]).flat();
  });
}

export async function benchW(peak: Peak, reward: RewardFunction) {
  const w = await openW();
  const { shared, unshared, prompts, vocabulary } = w;
  const sample = (name: string) =>
    sampleAll(shared, prompts, shape.completions, shape.completionTokens, name);
  const sampleStudy = phantomSample({ seed: 0, split: 'train', index: 0 });
  await sample('warm-up');

  const [sampleSeconds, groups] = await seconds(() => sample('timed'));
  const rollouts = groups.flat();
  const tokens = rollouts.reduce((total, { completion }) => total + completion.length, 0);
  const [rewardSeconds] = await seconds(() =>
    scoreGroups(
      reward,
      groups.map((group) =>
        group.map(({ completion }) => ({
          sample: sampleStudy,
          response: shared.model.processor.decode(completion),
        })),
      ),
    ),
  );
  // Random text earns no reward; uneven advantages stand in, so that the gradient is not zero.
  const advantages = rollouts.map((_, i) => Math.sin(i + 1));
  const [scoredShared, scoredUnshared] = [
    await shared.logprobs(rollouts, 'policy', never),
    await unshared.logprobs(rollouts, 'policy', never),
  ];
  const difference = Math.max(
    ...scoredShared.map((row, i) =>
      row.reduce((most, value, t) => Math.max(most, Math.abs(value - scoredUnshared[i]![t]!)), 0),
    ),
  );
  // The first update of either engine starts from the same weights.
  const without = await update(unshared, rollouts, advantages);
  const first = await update(shared, rollouts, advantages);
  const [norm, other] = [defined(first.gradNorm, 'norm'), defined(without.gradNorm, 'norm')];
  const normError = Math.abs(norm - other) / other;
  if (difference > 1e-5 || normError > 1e-5) {
    throw new Error(`shared and unshared differ: logprobs ${difference}, norm ${normError}`);
  }
  let [updateSeconds, passSeconds] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < timedUpdates; run++) {
    await raisePeak(peak);
    const [whole, report] = await seconds(() => update(shared, rollouts, advantages));
    updateSeconds = Math.min(updateSeconds, whole);
    passSeconds = Math.min(passSeconds, report.passSeconds);
  }
  await raisePeak(peak);
  await w.close();
  const flops = updateFlops(vocabulary);
  return {
    parameters: shared.model.parameters,
    logprobDifference: difference,
    gradNormRelativeDifference: normError,
    updatePassSeconds: passSeconds,
    updatePassSecondsUnshared: without.passSeconds,
    updateGflops: flops / passSeconds / 1e9,
    sampledTokensPerSecond: tokens / sampleSeconds,
    iterationSeconds: sampleSeconds + rewardSeconds + updateSeconds,
    sampleSeconds,
    rewardSeconds,
    updateSeconds,
  };
}
