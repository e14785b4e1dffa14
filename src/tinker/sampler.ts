/** Completions from one version of a model's weights. */
import { readSample, resultAccept, sampleBody } from './codec.ts';
import { requireDone } from './futures.ts';
import type { InputChunk, SampleOptions, SampleResult } from './messages.ts';
import { never, promiseOf, type Session } from './session.ts';
import { json } from './transport.ts';

export type Sampler = {
  /** Completions of one prompt. As many calls may be open at once as the server allows; the rest wait. */
  sample(options: SampleOptions, signal?: AbortSignal): Promise<SampleResult>;
  /** [T] logprobs of a sequence's tokens, NaN for the first, by sampling one more token that is dropped. */
  logprobs(input: readonly InputChunk[], signal?: AbortSignal): Promise<Float32Array>;
};

export function openSampler(session: Session, id: string): Sampler {
  let seq = 0;
  const sample = async (options: SampleOptions, signal = never): Promise<SampleResult> => {
    const release = await session.samples.acquire(signal);
    signal.throwIfAborted();
    try {
      const path = 'asample';
      const outcome = await promiseOf(
        session,
        {
          path,
          payload: json(sampleBody(id, ++seq, options)),
          accept: resultAccept,
          read: (reply) => readSample(reply, session.transport.server),
        },
        signal,
      );
      const where = `${session.transport.server}: ${path}`;
      return requireDone(outcome, { where, expected: 'completions' });
    } finally {
      release?.();
    }
  };
  return {
    sample,
    logprobs: async (input, signal) => {
      const options = { prompt: input, maxTokens: 1, promptLogprobs: true };
      const { promptLogprobs } = await sample(options, signal);
      if (promptLogprobs) return promptLogprobs;
      return requireDone(
        { kind: 'refused', status: 200, said: 'an answer without them' },
        {
          where: `${session.transport.server}: asample`,
          expected: 'logprobs of the prompt',
          next: 'use a server whose sampler gives them',
        },
      );
    },
  };
}
