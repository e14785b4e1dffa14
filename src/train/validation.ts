/** Greedy answers on held-out samples, scored by the same reward as training. */
import type { Engine } from '../engine/engine.ts';
import type { RewardFunction } from '../reward/composite.ts';
import type { PreparePrompt } from '../rollout/prepare-prompts.ts';
import { type GroupRequest, type Rollout, sampleGroups } from '../rollout/rollout.ts';
import type { SampleSet } from './sample-order.ts';
import {
  type ScoredRollout,
  scoreRollouts,
  type UnscoredLimit,
  withinUnscoredLimit,
} from './score-rollouts.ts';

/** Samples in memory at once. */
const chunk = 256;

/**
 * One rollout for each sample whose prompt fits the model, in the order of the set.
 *
 * Deviation from the MediX-R1 code, which validates at temperature 0.6: greedy, so that a validation is a
 * property of the weights alone.
 *
 * @throws MedixError 'reward' when too many rollouts stay unscored.
 */
export async function validate(
  samples: SampleSet,
  prepare: PreparePrompt,
  engine: Engine,
  reward: RewardFunction,
  maxCompletionTokens: number,
  unscored: UnscoredLimit,
  signal: AbortSignal,
): Promise<readonly ScoredRollout[]> {
  const scored: ScoredRollout[] = [];
  for (let start = 0; start < samples.size; start += chunk) {
    signal.throwIfAborted();
    const rows = Array.from({ length: Math.min(chunk, samples.size - start) }, (_, i) => start + i);
    const requests = await Promise.all(
      rows.map(async (row) => requestFor(await prepare(await samples.at(row)))),
    );
    scored.push(
      ...(await answer(
        requests.filter((request) => request !== undefined),
        engine,
        reward,
        maxCompletionTokens,
        signal,
      )),
    );
  }
  return withinUnscoredLimit(scored, reward, unscored, signal);
}

function requestFor(outcome: Awaited<ReturnType<PreparePrompt>>): GroupRequest | undefined {
  if (outcome.kind === 'rejected') return undefined;
  return {
    sample: outcome.sample,
    prompt: outcome.prompt,
    key: `validation/${outcome.sample.id}`,
  };
}

async function answer(
  requests: readonly GroupRequest[],
  engine: Engine,
  reward: RewardFunction,
  maxCompletionTokens: number,
  signal: AbortSignal,
): Promise<ScoredRollout[]> {
  const greedy = { groupSize: 1, maxCompletionTokens, temperature: 0, topP: 1, topK: 0 };
  const answers: (readonly Rollout[])[] = [];
  for await (const { position, group } of sampleGroups(engine, requests, greedy, signal)) {
    answers[position] = group.rollouts;
  }
  return scoreRollouts(answers.flat(), reward, signal);
}
