/** Answers on held-out samples, greedy or sampled, scored by the same reward as training. */
import { inOrder } from '../core/async/in-order.ts';
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

/** Samples that are answered together. */
const chunk = 256;
/** One chunk is prepared while the engine answers the one before. */
const inWork = { atOnce: 2 } as const;

export type HeldOutAnswers = {
  readonly maxCompletionTokens: number;
  /** Answers to each question, sampled at temperature 1; 0 asks for the greedy one. */
  readonly samples: number;
};

/**
 * One rollout, or as many as are sampled, for each sample whose prompt fits the model, in the order of the set.
 *
 * Deviation from the MediX-R1 code, which validates at temperature 0.6: greedy, so that a validation is a
 * property of the weights alone. So it is where answers are sampled: with the same random numbers each time.
 *
 * @throws MedixError 'reward' when too many rollouts stay unscored.
 */
export async function validate(
  samples: SampleSet,
  prepare: PreparePrompt,
  engine: Engine,
  reward: RewardFunction,
  answers: HeldOutAnswers,
  unscored: UnscoredLimit,
  signal: AbortSignal,
): Promise<readonly ScoredRollout[]> {
  const prepareRows = (rows: readonly number[]) =>
    Promise.all(rows.map(async (row) => requestFor(await prepare(await samples.at(row)), answers)));
  const scored: ScoredRollout[] = [];
  for await (const requests of inOrder(chunksOf(samples.size), prepareRows, inWork, signal)) {
    signal.throwIfAborted();
    scored.push(
      ...(await answer(
        requests.filter((request) => request !== undefined),
        engine,
        reward,
        answers,
        signal,
      )),
    );
  }
  return withinUnscoredLimit(scored, reward, unscored, signal);
}

async function* chunksOf(size: number): AsyncGenerator<readonly number[]> {
  for (let start = 0; start < size; start += chunk) {
    yield Array.from({ length: Math.min(chunk, size - start) }, (_, i) => start + i);
  }
}

function requestFor(
  outcome: Awaited<ReturnType<PreparePrompt>>,
  { samples }: HeldOutAnswers,
): GroupRequest | undefined {
  if (outcome.kind === 'rejected') return undefined;
  const { sample, prompt } = outcome;
  const stage = samples > 0 ? 'validation-sampled' : 'validation';
  return { sample, prompt, key: `${stage}/${sample.id}` };
}

async function answer(
  requests: readonly GroupRequest[],
  engine: Engine,
  reward: RewardFunction,
  { maxCompletionTokens, samples }: HeldOutAnswers,
  signal: AbortSignal,
): Promise<ScoredRollout[]> {
  const sampling = {
    groupSize: Math.max(1, samples),
    maxCompletionTokens,
    temperature: samples > 0 ? 1 : 0,
    topP: 1,
    topK: 0,
  };
  const answered: (readonly Rollout[])[] = [];
  for await (const { position, group } of sampleGroups(engine, requests, sampling, signal)) {
    answered[position] = group.rollouts;
  }
  return scoreRollouts(answered.flat(), reward, signal);
}
