/** `medix-r1/tinker`: a client of the Tinker protocol, usable without anything else of this package. */
import { readTinkerAccess } from '../config/environment.ts';
import { fail } from '../core/errors.ts';
import {
  type TinkerClient as Client,
  connectTinker,
  type TinkerClientOptions,
} from '../tinker/client.ts';

export type { CreateModelOptions, OfferedModel } from '../tinker/client.ts';
export type {
  Datum,
  ForwardResult,
  InputChunk,
  SampledSequence,
  SampleOptions,
  SampleResult,
  ServerLoss,
} from '../tinker/messages.ts';
export type { Sampler } from '../tinker/sampler.ts';
export type { AdamSettings, ModelInfo, Settled, TrainingModel } from '../tinker/training-model.ts';

/** A session on a server; `close` ends it. */
export type TinkerClient = Client;

export type TinkerOptions = Partial<Pick<TinkerClientOptions, 'url' | 'apiKey'>> &
  Omit<TinkerClientOptions, 'url' | 'apiKey' | 'rng'>;

/**
 * Opens a session on a server that speaks the Tinker protocol: SkyRL, Thinking Machines' own service, TuFT and others.
 * Address and key come from `TINKER_BASE_URL` and `TINKER_API_KEY` where they are not given.
 *
 * @param signal ends the opening, not the session
 * @throws MedixError 'config' without an address; 'engine' where no server answers, or it refuses the key
 * @example
 * ```ts
 * const client = await openTinker({ url: 'http://127.0.0.1:8000' });
 * const model = await client.createModel({ baseModel: 'Qwen/Qwen3-8B', rank: 16 });
 * const sampler = await model.openSampler();
 * const prompt = [{ kind: 'text', tokens: Int32Array.of(1, 2, 3) }] as const;
 * const { sequences } = await sampler.sample({ prompt, maxTokens: 16, seed: 1 });
 * await model.unload();
 * client.close();
 * ```
 */
export async function openTinker(
  options: TinkerOptions = {},
  signal?: AbortSignal,
): Promise<TinkerClient> {
  const { url, apiKey } = { ...readTinkerAccess(), ...options };
  if (url === undefined) {
    return fail('config', {
      where: 'url',
      expected: 'the address of a Tinker server',
      got: 'none, and no TINKER_BASE_URL',
      next: 'give url, or export TINKER_BASE_URL',
    });
  }
  return connectTinker({ ...options, url, ...(apiKey === undefined ? {} : { apiKey }) }, signal);
}
