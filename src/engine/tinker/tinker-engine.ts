/**
 * The policy on a server that speaks the Tinker protocol. Losses are computed here on the logprobs of a forward pass;
 * their gradient is sent as the advantages of an importance-sampling loss whose ratio is 1, which any server has, times
 * what that server divides by.
 *
 * Gradients are kept here until the optimizer step, when it is known over how many sequences the server will average:
 * what fails or is aborted before leaves nothing half done on the server.
 */
import { digestOf } from '../../core/digest.ts';
import { defined, fail } from '../../core/errors.ts';
import { given } from '../../core/given.ts';
import { inChunks } from '../../tinker/chunks.ts';
import type { TinkerClient } from '../../tinker/client.ts';
import type { Datum, SampledSequence } from '../../tinker/messages.ts';
import type { Sampler } from '../../tinker/sampler.ts';
import type { TrainingModel } from '../../tinker/training-model.ts';
import { requireOwnHandle } from '../checkpoint-handle.ts';
import { requireRoom } from '../context-length.ts';
import type {
  AdamParameters,
  CheckpointHandle,
  Completion,
  Engine,
  ModelDescription,
  SampledGroup,
  SampleRequest,
  Sequence,
  StepReport,
} from '../engine.ts';
import {
  completionPart,
  createChunks,
  type ImageReading,
  requireSeen,
  withLossInputs,
} from './datums.ts';
import { exportFrom } from './export-model.ts';
import { gradNormOf } from './grad-norm.ts';
import { type NormalisationName, normalisations } from './normalisation.ts';

/** What was found of a server, or is assumed of it. */
export type ServerFindings = {
  readonly normalisation: NormalisationName;
  /** What happens to images, where they do not reach the model. */
  readonly blind?: string;
};

type TinkerEngineOptions = {
  readonly client: TinkerClient;
  readonly model: ModelDescription;
  readonly images: ImageReading;
  readonly baseModel: string;
  readonly rank: number;
  /** Of the factors' first values. */
  readonly seed?: number;
  /** What the policy and the reference start from. @default the base model */
  readonly checkpoint?: string;
  readonly findings: ServerFindings;
  /** For the manifest of a run. */
  readonly facts?: Readonly<Record<string, unknown>>;
};

const kind = 'tinker';

/** A sequence whose gradient waits for the optimizer step. */
type Waiting = {
  readonly sequence: { readonly datum: Datum; readonly start: number };
  readonly policyLogprobs: Float32Array;
  /** dLoss/dLogprob. */
  readonly gradient: Float32Array;
};

/** The engine of a session; `close` ends it. */
export function createTinkerEngine(options: TinkerEngineOptions): Engine {
  const { client, model, findings, baseModel, rank, checkpoint } = options;
  const chunks = createChunks(options.images);
  const never = new AbortController().signal;
  const open = (signal: AbortSignal) =>
    client.createModel(
      { baseModel, rank, optimizer: false, ...given({ seed: options.seed, checkpoint }) },
      signal,
    );
  let policy: Promise<TrainingModel> | undefined;
  let reference: Promise<TrainingModel> | undefined;
  let sampler: Promise<Sampler> | undefined;
  let waiting: Waiting[] = [];
  let saves = 0;

  const policyModel = () => {
    policy ??= open(never);
    return policy;
  };
  const referenceModel = () => {
    reference ??= open(never);
    return reference;
  };
  const currentSampler = async () => {
    // Made by one caller for all: it must outlive the call that was aborted.
    sampler ??= policyModel().then((it) => it.openSampler());
    try {
      return await sampler;
    } catch (error) {
      sampler = undefined;
      throw error;
    }
  };

  const require = ({ prompt, completion }: Sequence) => {
    requireRoom(model, prompt, completion.length);
    requireSeen(prompt, findings.blind);
  };

  const forward = async (
    of: TrainingModel,
    sequences: readonly Sequence[],
    signal: AbortSignal,
  ) => {
    const made = await Promise.all(sequences.map((sequence) => chunks.sequence(sequence)));
    const data = made.map((one) =>
      withLossInputs(one, {
        weights: new Float32Array(one.datum.targets.length - one.start).fill(1),
      }),
    );
    const { logprobs } = await of.forward(data, signal);
    return made.map((sequence, i) => ({
      sequence,
      logprobs: completionPart(logprobs[i], sequence.start),
    }));
  };

  return {
    model,
    // What a server samples together depends on what arrives together, and so do the last bits of logprobs: of the
    // trainer's, which do not, a run that is repeated gets the same weights.
    guarantees: { samplerLogprobs: 'approximate', losses: [] },
    ...(options.facts ? { facts: options.facts } : {}),

    sample: (requests, signal) => {
      for (const { prompt, maxTokens } of requests) {
        requireRoom(model, prompt, maxTokens);
        requireSeen(prompt, findings.blind);
      }
      return sampleGroups(requests, currentSampler, chunks.prompt, model, signal);
    },

    logprobs: async (sequences, weights, signal) => {
      for (const sequence of sequences) require(sequence);
      if (sequences.length === 0) return [];
      const of = await (weights === 'policy' ? policyModel() : referenceModel());
      return (await forward(of, sequences, signal)).map(({ logprobs }) => logprobs);
    },

    forwardBackward: async (sequences, loss, signal) => {
      for (const sequence of sequences) require(sequence);
      const passed = await forward(await policyModel(), sequences, signal);
      const inputs = passed.map(({ logprobs: policyLogprobs }, index) => ({
        index,
        policyLogprobs,
      }));
      const part = loss(inputs);
      passed.forEach(({ sequence, logprobs: policyLogprobs }, i) => {
        const gradient = defined(part.gradients[i], 'gradient of a sequence');
        waiting.push({ sequence, policyLogprobs, gradient });
      });
      return { loss: part.loss, metrics: part.metrics };
    },

    optimStep: async (adam) => {
      const sent = waiting;
      waiting = [];
      if (sent.some(({ gradient }) => !gradient.every(Number.isFinite))) {
        return { kind: 'skipped-nonfinite' };
      }
      const of = await policyModel();
      const step = totalOf(sent);
      const { maxChunkLength, maxChunkBytes } = client.limits;
      const parts = inChunks(sent, ({ sequence }) => sequence.datum, maxChunkLength, maxChunkBytes);
      const requests = parts.map((part) => {
        const request = totalOf(part);
        return part.map((one) => injected(one, findings.normalisation, { request, step }));
      });
      sampler = undefined;
      return takeStep(of, requests, adam);
    },

    save: async (_folder) => {
      const name = `${client.sessionId.replaceAll(/[^\w-]/g, '-').slice(-24)}-${++saves}`;
      const path = await (await policyModel()).save(name);
      return { engine: kind, path, server: client.server };
    },

    load: async (handle, folder) => {
      requireOwnHandle(handle, kind, folder);
      const path = pathOf(handle, folder);
      // A model takes weights as its first request alone, so a new one takes the place of the one before.
      const before = policy;
      const { createModel } = client;
      const next = createModel({ baseModel, rank, checkpoint: path, optimizer: true });
      await next;
      policy = next;
      sampler = undefined;
      waiting = [];
      await before?.then((it) => it.unload()).catch(() => {});
    },

    exportModel: async (directory) => exportFrom(client, await policyModel(), directory, never),

    close: async () => {
      const models = await Promise.allSettled([policy, reference]);
      const opened = models.flatMap((it) =>
        it.status === 'fulfilled' && it.value ? [it.value] : [],
      );
      await Promise.allSettled(opened.map((it) => it.unload(AbortSignal.timeout(closingMs))));
      client.close();
    },
  };
}

/** A server that no longer answers must not hold up the end of a command. */
const closingMs = 5_000;

type Total = { readonly tokens: number; readonly sequences: number };

function totalOf(sent: readonly Waiting[]): Total {
  return {
    tokens: sent.reduce((sum, { gradient }) => sum + gradient.length, 0),
    sequences: sent.length,
  };
}

/** A datum whose importance-sampling loss has the gradient that is wanted, whatever the server divides by. */
function injected(
  { sequence, policyLogprobs, gradient }: Waiting,
  normalisation: NormalisationName,
  totals: { readonly request: Total; readonly step: Total },
): Datum {
  const tokens = gradient.length;
  const divisor = normalisations[normalisation]({ tokens, ...totals });
  return withLossInputs(sequence, {
    logprobs: policyLogprobs,
    advantages: gradient.map((slope) => -slope * divisor),
    weights: new Float32Array(tokens).fill(1),
  });
}

async function takeStep(
  of: TrainingModel,
  requests: readonly (readonly Datum[])[],
  adam: AdamParameters,
): Promise<StepReport> {
  // Sent one after the other without waiting: the server works on them in this order.
  const passed = requests.map((data) => of.forwardBackward(data, { name: 'importance_sampling' }));
  const [metrics] = await Promise.all([of.optimStep(adam), ...passed]);
  const gradNorm = gradNormOf(metrics);
  return { kind: 'applied', ...given({ gradNorm }) };
}

async function* sampleGroups(
  requests: readonly SampleRequest[],
  openSampler: () => Promise<Sampler>,
  chunksOf: ReturnType<typeof createChunks>['prompt'],
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
  chunksOf: ReturnType<typeof createChunks>['prompt'],
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

function pathOf(handle: CheckpointHandle, folder: string): string {
  const { path } = handle;
  if (typeof path === 'string' && path.startsWith('tinker://')) return path;
  return fail('engine', {
    where: folder,
    expected: 'the path of a checkpoint on the server (tinker://…)',
    got: JSON.stringify(path ?? null),
    next: 'resume from another checkpoint',
  });
}
