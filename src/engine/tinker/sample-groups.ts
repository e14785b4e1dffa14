/** Completions from a server, one request for each, with a seed of its own. */
import { digestOf } from '../../core/digest.ts';
import { fail } from '../../core/errors.ts';
import type { SampledSequence } from '../../tinker/messages.ts';
import type { Sampler } from '../../tinker/sampler.ts';
import type { Completion, ModelDescription, SampledGroup, SampleRequest } from '../engine.ts';
import type { ToChunks } from './datums.ts';

/** All groups at once; each is yielded when its completions are there. */
export async function* sampleGroups(
  requests: readonly SampleRequest[],
  openSampler: () => Promise<Sampler>,
  chunksOf: ToChunks['prompt'],
  model: ModelDescription,
  signal: AbortSignal,
): AsyncGenerator<SampledGroup> {
  signal.throwIfAborted();
  const sampler = await openSampler();
  const stopping = new AbortController();
  const both = AbortSignal.any([signal, stopping.signal]);
  const open = new Map(
    requests.map((request, place) => [
      place,
      sampleGroup(request, sampler, chunksOf, model, both).then((completions) => ({
        request: place,
        completions,
      })),
    ]),
  );
  for (const group of open.values()) group.catch(() => {});
  try {
    while (open.size > 0) {
      const group = await Promise.race(open.values());
      open.delete(group.request);
      yield group;
    }
  } finally {
    // A caller who stops looking stops the sampling.
    stopping.abort(signal.reason ?? new Error('sampling was stopped'));
  }
}

async function sampleGroup(
  request: SampleRequest,
  sampler: Sampler,
  chunksOf: ToChunks['prompt'],
  model: ModelDescription,
  signal: AbortSignal,
): Promise<readonly Completion[]> {
  const prompt = await chunksOf(request.prompt);
  const { maxTokens, temperature, topP, topK, keys, onToken } = request;
  const stop = model.processor.stopTokens;
  return Promise.all(
    keys.map(async (key, place) => {
      const options = { prompt, maxTokens, temperature, topP, topK, seed: seedOf(key), stop };
      const { sequences } = await sampler.sample(options, signal);
      const completion = completionOf(sequences[0], model.id);
      for (const token of completion.tokens) {
        onToken?.(place, token);
        signal.throwIfAborted();
      }
      return completion;
    }),
  );
}

/** From 0 to 2³¹ − 1, of a completion's key. */
export function seedOf(key: string): number {
  return Number.parseInt(digestOf(key).slice(0, 8), 16) >>> 1;
}

function completionOf(sequence: SampledSequence | undefined, where: string): Completion {
  if (sequence?.logprobs?.length === sequence?.tokens.length && sequence?.logprobs) {
    if (!sequence.logprobs.every(Number.isFinite)) {
      return fail('engine', {
        where,
        expected: 'finite logprobs of sampled tokens',
        got: 'NaN or infinity',
        next: 'look at the server: the model may have diverged',
      });
    }
    return { ...sequence, logprobs: sequence.logprobs };
  }
  return fail('engine', {
    where,
    expected: 'a completion with one logprob for each token',
    got: sequence === undefined ? 'no completion' : 'one without logprobs',
    next: 'use a server whose sampler gives logprobs',
  });
}
