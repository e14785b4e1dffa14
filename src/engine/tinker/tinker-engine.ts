/**
 * The policy on a server that speaks the Tinker protocol. A loss that the server computes exactly as it is meant is sent
 * as that. Others are computed here on the logprobs of a forward pass; their gradient is sent as the advantages of an
 * importance-sampling loss whose ratio is 1, which any server has, times what that server divides by.
 *
 * Gradients that are computed here wait for the optimizer step, when it is known over how many sequences the server will
 * average. What the server has before is taken back where it turns out wrong: a model without gradient takes the place
 * of the one that has it.
 */
import { defined, fail } from '../../core/errors.ts';
import { given } from '../../core/given.ts';
import { inChunks } from '../../tinker/chunks.ts';
import type { TinkerClient } from '../../tinker/client.ts';
import type { Datum, ForwardResult } from '../../tinker/messages.ts';
import type { Sampler } from '../../tinker/sampler.ts';
import type { TrainingModel } from '../../tinker/training-model.ts';
import { requireOwnHandle } from '../checkpoint-handle.ts';
import { requireRoom } from '../context-length.ts';
import type {
  AdamParameters,
  CheckpointHandle,
  Engine,
  ModelDescription,
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
import { type NormalisationName, normalisations, waitsForStep } from './normalisation.ts';
import { lossKinds, type OwnLoss, type OwnLossName, ownLoss } from './own-losses.ts';
import { sampleGroups } from './sample-groups.ts';

/** What was found of a server, or is assumed of it. */
export type ServerFindings = {
  readonly normalisation: NormalisationName;
  /** Losses that it computes as they are defined. */
  readonly losses: readonly OwnLossName[];
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

type Made = { readonly datum: Datum; readonly start: number };

/** A sequence whose gradient waits for the optimizer step. */
type Waiting = {
  readonly sequence: Made;
  readonly policyLogprobs: Float32Array;
  /** dLoss/dLogprob. */
  readonly gradient: Float32Array;
  readonly tokens: number;
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
  /** Gradients that the server has already. */
  let sent: Waiting[] = [];
  /** Whether the server may have a part of a gradient that nobody knows of. */
  let isSpoiled = false;
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
    return passedRows(made, await of.forward(data, signal));
  };

  const save = async () => {
    const name = `${client.sessionId.replaceAll(/[^\w-]/g, '-').slice(-24)}-${++saves}`;
    return (await policyModel()).save(name);
  };
  /** A model takes weights as its first request alone, so a new one takes the place of the one before. */
  const load = async (checkpoint: string) => {
    const before = policy;
    const next = client.createModel({ baseModel, rank, checkpoint, optimizer: true });
    await next;
    policy = next;
    sampler = undefined;
    await before?.then((it) => it.unload()).catch(() => {});
  };
  const takeBack = async () => {
    if (sent.length === 0 && !isSpoiled) return;
    await load(await save());
    waiting = [...sent, ...waiting];
    sent = [];
    isSpoiled = false;
  };

  const { normalisation } = findings;
  /** @param all what the server gets in a step */
  const requestsOf = <T extends { readonly sequence: Made; readonly tokens: number }>(
    all: readonly T[],
  ) => {
    const step = totalOf(all);
    const { maxChunkLength, maxChunkBytes } = client.limits;
    const parts = inChunks(all, ({ sequence }) => sequence.datum, maxChunkLength, maxChunkBytes);
    return parts.map((part) => {
      const request = totalOf(part);
      const divisorOf = (tokens: number) =>
        normalisations[normalisation]({ tokens, request, step });
      return part.map((one) => ({ ...one, divisor: divisorOf(one.tokens) }));
    });
  };

  /** @returns logprobs of the policy, told by the pass that has the gradient */
  const passed = async (
    { loss, inputs }: OwnLoss,
    sequences: readonly Sequence[],
    signal: AbortSignal,
  ) => {
    const made = await Promise.all(sequences.map((sequence) => chunks.sequence(sequence)));
    const requests = requestsOf(
      made.map((sequence, index) => ({
        ...{ sequence, tokens: sequence.datum.targets.length - sequence.start, index },
      })),
    );
    const of = await policyModel();
    isSpoiled = true;
    const results = await Promise.all(
      requests.map((part) => {
        const data = part.map(({ sequence, tokens, index, divisor }) => {
          const { advantages, logprobs } = inputs(index, tokens);
          return importance(sequence, { advantages, logprobs, divisor });
        });
        return of.forwardBackward(data, loss, signal);
      }),
    );
    isSpoiled = false;
    return passedRows(made, { logprobs: results.flatMap(({ logprobs }) => logprobs) });
  };

  return {
    model,
    // What a server samples together depends on what arrives together, and so do the last bits of logprobs: of the
    // trainer's, which do not, a run that is repeated gets the same weights.
    guarantees: {
      samplerLogprobs: 'approximate',
      losses: findings.losses.map((name) => lossKinds[name]),
    },
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
      if (isSpoiled) await takeBack();
      const own = ownLoss(loss, findings.losses);
      const isFirst = sent.length + waiting.length === 0;
      const isOwn =
        own !== undefined &&
        (isFirst || !waitsForStep(normalisation)) &&
        sequences.every(({ completion }, i) =>
          own.inputs(i, completion.length).advantages.every(Number.isFinite),
        );
      if (!isOwn && waitsForStep(normalisation)) await takeBack();
      const rows = isOwn
        ? await passed(own, sequences, signal)
        : await forward(await policyModel(), sequences, signal);
      const part = loss(
        rows.map(({ logprobs: policyLogprobs }, index) => ({ index, policyLogprobs })),
      );
      const gradients = rows.map(({ sequence, logprobs: policyLogprobs }, i) => {
        const gradient = defined(part.gradients[i], 'gradient of a sequence');
        return { sequence, policyLogprobs, gradient, tokens: gradient.length };
      });
      (isOwn ? sent : waiting).push(...gradients);
      return { loss: part.loss, metrics: part.metrics };
    },

    optimStep: async (adam) => {
      const areFinite = [...sent, ...waiting].every(({ gradient }) =>
        gradient.every(Number.isFinite),
      );
      if (isSpoiled || !areFinite) await takeBack();
      const rest = waiting;
      waiting = [];
      sent = [];
      if (!areFinite) return { kind: 'skipped-nonfinite' };
      const requests = requestsOf(rest).map((part) =>
        part.map(({ sequence, gradient, policyLogprobs: logprobs, divisor }) => {
          const advantages = gradient.map((slope) => -slope);
          return importance(sequence, { advantages, logprobs, divisor });
        }),
      );
      const of = await policyModel();
      sampler = undefined;
      return takeStep(of, requests, adam);
    },

    save: async (_folder) => ({ engine: kind, path: await save(), server: client.server }),

    load: async (handle, folder) => {
      requireOwnHandle(handle, kind, folder);
      await load(pathOf(handle, folder));
      waiting = [];
      sent = [];
      isSpoiled = false;
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

function passedRows(made: readonly Made[], { logprobs }: Pick<ForwardResult, 'logprobs'>) {
  return made.map((sequence, i) => ({
    sequence,
    logprobs: completionPart(logprobs[i], sequence.start),
  }));
}

type Total = { readonly tokens: number; readonly sequences: number };

function totalOf(sequences: readonly { readonly tokens: number }[]): Total {
  return {
    tokens: sequences.reduce((sum, { tokens }) => sum + tokens, 0),
    sequences: sequences.length,
  };
}

/** A datum of a loss with ratios, whatever the server divides by. */
function importance(
  sequence: Made,
  given: {
    readonly advantages: Float32Array;
    readonly logprobs: Float32Array;
    readonly divisor: number;
  },
): Datum {
  const { advantages, logprobs, divisor } = given;
  return withLossInputs(sequence, {
    logprobs,
    advantages: advantages.map((advantage) => advantage * divisor),
    weights: new Float32Array(advantages.length).fill(1),
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
