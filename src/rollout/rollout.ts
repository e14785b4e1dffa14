/**
 * Prompts to groups of rollouts. Knows nothing about rewards or gradients: training, validation and
 * evaluation all sample through it.
 */
import { defined, invariant } from '../core/errors.ts';
import type { StopReason } from '../core/outcome.ts';
import type { Sample } from '../core/sample.ts';
import type { Engine } from '../engine/engine.ts';
import type { Prompt } from '../model/prompt.ts';
import type { PreparedPrompt } from './prepare-prompts.ts';

/** One completion of one prompt. */
export type Rollout = {
  /** Names the random numbers it was sampled with; unique within a run. */
  readonly key: string;
  readonly sample: Sample;
  /** The same object for all rollouts of a group. */
  readonly prompt: Prompt;
  /** [T], with the stop token where `stopReason` is `stop`. */
  readonly completion: Int32Array;
  /** The completion without special tokens. */
  readonly text: string;
  /** [T], at temperature 1 whatever the sampling. */
  readonly samplerLogprobs: Float32Array;
  readonly stopReason: StopReason;
};

/** The rollouts of one prompt, in the order of their index. */
export type Group = { readonly sample: Sample; readonly rollouts: readonly Rollout[] };

export type GroupRequest = PreparedPrompt & {
  /** Rollout i of the group gets the key `${key}/${i}`. */
  readonly key: string;
  /** Of this prompt. @default that of the settings */
  readonly maxCompletionTokens?: number;
};

export type SamplingSettings = {
  /** Completions of each prompt, at least 1. */
  readonly groupSize: number;
  readonly maxCompletionTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** In (0, 1]; 1 keeps all. */
  readonly topP: number;
  /** 0 keeps all. */
  readonly topK: number;
};

/** Yields each group as soon as its completions are done, with its position among the requests. */
export async function* sampleGroups(
  engine: Engine,
  requests: readonly GroupRequest[],
  { groupSize, maxCompletionTokens, ...sampling }: SamplingSettings,
  signal: AbortSignal,
): AsyncGenerator<{ readonly position: number; readonly group: Group }> {
  const sampled = engine.sample(
    requests.map(({ prompt, key, maxCompletionTokens: own }) => ({
      prompt,
      keys: Array.from({ length: groupSize }, (_, index) => `${key}/${index}`),
      maxTokens: own ?? maxCompletionTokens,
      ...sampling,
    })),
    signal,
  );
  const answered = new Set<number>();
  for await (const { request, completions } of sampled) {
    const { key, sample, prompt } = defined(requests[request], `request ${request}`);
    invariant(completions.length === groupSize, 'an engine answers every key');
    answered.add(request);
    const rollouts = completions.map((completion, index) => ({
      key: `${key}/${index}`,
      sample,
      prompt,
      completion: completion.tokens,
      text: engine.model.processor.decode(completion.tokens),
      samplerLogprobs: completion.logprobs,
      stopReason: completion.stopReason,
    }));
    yield { position: request, group: { sample, rollouts } };
  }
  invariant(answered.size === requests.length, 'an engine answers every request');
}
