/** What probes work with: two prompts, a model on the server that is thrown away, and the size of a gradient. */
import { defined } from '../../../core/errors.ts';
import { toPng } from '../../../image/raster.ts';
import type { Prompt } from '../../../model/prompt.ts';
import type { TinkerClient } from '../../../tinker/client.ts';
import type { Datum, InputChunk, SampledSequence, ServerLoss } from '../../../tinker/messages.ts';
import type { Sampler } from '../../../tinker/sampler.ts';
import type { AdamSettings, TrainingModel } from '../../../tinker/training-model.ts';
import type { ModelDescription } from '../../engine.ts';
import {
  completionPart,
  createChunks,
  type ImageReading,
  type ToChunks,
  withLossInputs,
} from '../datums.ts';
import { gradNormOf } from '../grad-norm.ts';
import { probeSizes } from '../normalisation.ts';

export type Examined = {
  readonly client: TinkerClient;
  readonly model: ModelDescription;
  readonly images: ImageReading;
  readonly baseModel: string;
  readonly rank: number;
};

export type Bench = Examined & {
  readonly policy: TrainingModel;
  readonly chunks: ToChunks;
  readonly text: Prompt;
  /** The same question about two images; undefined of a model that reads none. */
  readonly pictures: readonly [Prompt, Prompt] | undefined;
  readonly signal: AbortSignal;
};

export async function setUp(examined: Examined, signal: AbortSignal): Promise<Bench> {
  const { client, baseModel, rank, model, images } = examined;
  const policy = await client.createModel({ baseModel, rank, seed: 1 }, signal);
  const ask = (image?: Uint8Array) =>
    model.processor.encode([
      {
        role: 'user',
        content: [
          ...(image
            ? [{ type: 'image' as const, image: { name: 'probe.png', bytes: image } }]
            : []),
          { type: 'text', text: 'What does this show? Answer in a few words.' },
        ],
      },
    ]);
  return {
    ...examined,
    policy,
    chunks: createChunks(images),
    text: await ask(),
    pictures:
      images === undefined ? undefined : [await ask(await picture(1)), await ask(await picture(2))],
    signal,
  };
}

/** Stripes of some width, in colours that differ with it. */
async function picture(kind: number): Promise<Uint8Array> {
  const side = 64;
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side), i % 3];
    const along = kind === 1 ? x : y;
    return Math.floor(along / (8 * kind)) % 2 === 0 ? 40 + 70 * c * kind : 220 - 60 * c;
  });
  return toPng({ pixels, width: side, height: side, channels: 3 });
}

/** Fixed tokens that a completion may hold, none of them special. */
export function plainTokens({ model }: Examined, count: number): Int32Array {
  const words = model.processor.encodeCompletion(
    'a normal chest with no acute findings seen here today',
    false,
  );
  return Int32Array.from({ length: count }, (_, i) => defined(words[i % words.length], 'word'));
}

/** Logprobs of a completion by the trainer. */
export async function trainerLogprobs(
  { policy, chunks, signal }: Pick<Bench, 'policy' | 'chunks' | 'signal'>,
  prompt: Prompt,
  completions: readonly Int32Array[],
): Promise<readonly Float32Array[]> {
  const made = await Promise.all(
    completions.map((completion) => chunks.sequence({ prompt, completion })),
  );
  const data = made.map((one) =>
    withLossInputs(one, {
      weights: new Float32Array(one.datum.targets.length - one.start).fill(1),
    }),
  );
  const { logprobs } = await policy.forward(data, signal);
  return made.map(({ start }, i) => completionPart(logprobs[i], start));
}

/** Completions of a prompt, for each seed as many as `samples` says. */
export async function sampled(
  { signal, model }: Pick<Bench, 'signal' | 'model'>,
  sampler: Sampler,
  prompt: readonly InputChunk[],
  seeds: readonly number[],
  settings: {
    readonly temperature: number;
    readonly maxTokens: number;
    readonly stop?: readonly number[];
    /** @default 1 */
    readonly samples?: number;
  },
): Promise<readonly SampledSequence[]> {
  const { temperature, maxTokens, stop = model.processor.stopTokens, samples = 1 } = settings;
  const results = await Promise.all(
    seeds.map((seed) =>
      sampler.sample({ prompt, maxTokens, temperature, seed, stop, samples }, signal),
    ),
  );
  return results.flatMap(({ sequences }) => {
    defined(sequences[0], 'sampled sequence');
    return sequences;
  });
}

function differences(a: readonly Float32Array[], b: readonly Float32Array[]): readonly number[] {
  return a.flatMap((row, i) => Array.from(row, (value, t) => value - (b[i]?.[t] ?? Number.NaN)));
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

export function meanDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return mean(differences(a, b).map(Math.abs));
}

/** By how much the values of `a` are larger, on average. */
export function meanExcess(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return mean(differences(a, b));
}

export function largestDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return Math.max(...differences(a, b).map(Math.abs));
}

/**
 * AdamW whose epsilon dwarfs the gradients of {@link probeDatum}, so that a step is gradient descent with this rate. Some
 * servers take no epsilon above 1 and no rate above 10.
 */
export function plainStep(rate: number, maxGradNorm = 0): AdamSettings {
  return {
    learningRate: rate,
    beta1: 0,
    beta2: 0.99,
    epsilon: 1,
    weightDecay: 0,
    maxGradNorm,
  };
}

/** Moves nothing that can be measured, and clears the gradient; a rate of 0 is refused by some. */
export const stillStep: AdamSettings = plainStep(1e-12);

const mostRate = 10;
/** Nats that a step moves a sequence by, so that bfloat16's rounding is small beside it. */
const leastMove = 0.15;
/** Of the tokens that count: small, so that one step is far from the next change of the gradient. */
const advantage = 0.01;

/** Data of one request; without a loss that which is measured with. */
export type ProbePass = { readonly data: readonly Datum[]; readonly loss?: ServerLoss };

/** How large gradients are, in a unit of the server's own. */
export type Gauge = {
  /** Of requests that are added up. */
  size(requests: readonly ProbePass[], before?: () => Promise<unknown>): Promise<number>;
};

/**
 * Gradients are told by the server, or by how far a small step moves the logprobs of the sequence that has the gradient.
 */
export async function openGauge(bench: Bench): Promise<Gauge> {
  const { policy, signal } = bench;
  const add = async (requests: readonly ProbePass[]) => {
    for (const { data, loss = { name: 'importance_sampling' } } of requests) {
      await policy.forwardBackward(data, loss, signal);
    }
  };
  const told = async (requests: readonly ProbePass[], before = async () => {}) => {
    await add(requests);
    await before();
    return gradNormOf(await policy.optimStep(stillStep, signal));
  };
  const single = [{ data: [await probeDatum(bench, {})] }];
  if ((await told(single)) !== undefined) {
    return {
      size: async (requests, before) => defined(await told(requests, before as never), 'norm'),
    };
  }
  const sum = async () => {
    const completion = plainTokens(bench, probeSizes.own);
    const [row] = await trainerLogprobs(bench, bench.text, [completion]);
    return [...defined(row, 'logprobs')].reduce((a, b) => a + b, 0);
  };
  const moved = async (requests: readonly ProbePass[], rate: number, before = async () => {}) => {
    const start = await sum();
    await add(requests);
    await before();
    await policy.optimStep(plainStep(rate), signal);
    return (await sum()) - start;
  };
  // Steps must be small enough that the gradient stays, and large enough to be told from rounding.
  let rate = 1e-5;
  while (rate < mostRate / 2 && Math.abs(await moved(single, rate)) < leastMove) rate *= 2;
  const used = rate;
  return { size: (requests, before) => moved(requests, used, before as never) };
}

/**
 * A sequence of known length whose first tokens have a small advantage and the others 0.
 * @param added tokens of advantage 0 after them; `own: 0` leaves these alone
 */
export async function probeDatum(
  bench: Pick<Bench, 'chunks' | 'text' | 'model' | 'policy' | 'signal'> & Examined,
  { own = probeSizes.own, added = 0 }: { readonly own?: number; readonly added?: number },
): Promise<Datum> {
  const completion = plainTokens(bench, own + added);
  const one = await bench.chunks.sequence({ prompt: bench.text, completion });
  const [logprobs] = await trainerLogprobs(bench, bench.text, [completion]);
  return withLossInputs(one, {
    weights: new Float32Array(completion.length).fill(1),
    logprobs: defined(logprobs, 'logprobs'),
    advantages: Float32Array.from(completion, (_, t) => (t < own ? advantage : 0)),
  });
}
