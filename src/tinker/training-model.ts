/**
 * One model that a server trains. Its requests have numbers, and the server works on them in their order, so they may
 * be sent one after the other without waiting for results: gradients add up until the next optimizer step.
 */
import { z } from 'zod';
import { createLimiter } from '../core/async/limiter.ts';
import { defined, fail } from '../core/errors.ts';
import { inChunks } from './chunks.ts';
import { encodeData, readForward, resultAccept } from './codec.ts';
import { type Outcome, requireDone } from './futures.ts';
import type { Journal, Numbered } from './journal.ts';
import type { Datum, ForwardResult, ServerLoss } from './messages.ts';
import { openSampler, type Sampler } from './sampler.ts';
import { ask, never, promiseOf, readingJson, type Session } from './session.ts';
import { json, type Payload, type Reply } from './transport.ts';

export type AdamSettings = {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** 0 turns clipping off. Some servers do not know it. */
  readonly maxGradNorm: number;
};

export type ModelInfo = {
  readonly baseModel: string | undefined;
  readonly rank: number | undefined;
};

/** What a process that ended left unanswered, answered now. */
export type Settled = {
  readonly seq: number;
  /** e.g. `optim_step`. */
  readonly kind: string;
  readonly outcome: 'answered' | 'refused';
};

export type TrainingModel = {
  /** As the server names it. */
  readonly id: string;
  /** Of a model that was resumed: the requests that had no answer. */
  readonly settled: readonly Settled[];
  /** Logprobs of the targets; changes nothing. */
  forward(data: readonly Datum[], signal?: AbortSignal): Promise<ForwardResult>;
  /**
   * Adds the gradient of a loss to what earlier calls accumulated. Data that are too many for one request go in
   * several.
   * @throws MedixError 'engine' where the server refuses, e.g. a loss that it does not know. Parts that it had taken
   *   before stay accumulated.
   */
  forwardBackward(
    data: readonly Datum[],
    loss: ServerLoss,
    signal?: AbortSignal,
  ): Promise<ForwardResult>;
  /**
   * One step of AdamW on what was accumulated.
   * @returns metrics by the server's names, e.g. the gradient's norm; empty where it tells none
   */
  optimStep(adam: AdamSettings, signal?: AbortSignal): Promise<Readonly<Record<string, number>>>;
  /**
   * Takes the weights of a checkpoint. Servers allow it as a model's first request alone.
   * @param path `tinker://…` as {@link save} gave it
   */
  load(path: string, what: { readonly optimizer: boolean }, signal?: AbortSignal): Promise<void>;
  /** @returns `tinker://…` of weights and optimizer */
  save(name: string, signal?: AbortSignal): Promise<string>;
  /** Samples from the weights as they are now. */
  openSampler(signal?: AbortSignal): Promise<Sampler>;
  /** @returns `tinker://…` of weights for sampling, which stay on the server */
  saveForSampler(name: string, signal?: AbortSignal): Promise<string>;
  /**
   * Sends the last request once more, under its number, as after an answer that was lost on its way. A server that
   * keeps the protocol carries it out once. For tests of servers.
   */
  resend(signal?: AbortSignal): Promise<Settled>;
  info(signal?: AbortSignal): Promise<ModelInfo>;
  /** Ends the model on the server; saved weights stay. */
  unload(signal?: AbortSignal): Promise<void>;
};

const metricsSchema = z.looseObject({ metrics: z.record(z.string(), z.number()).nullish() });
const savedSchema = z.looseObject({ path: z.string() });
const samplerSchema = z.looseObject({
  path: z.string().nullish(),
  sampling_session_id: z.string().nullish(),
});
const infoSchema = z.looseObject({
  model_data: z
    .looseObject({ model_name: z.string().nullish(), base_model: z.string().nullish() })
    .nullish(),
  model_name: z.string().nullish(),
  lora_rank: z.number().nullish(),
});

type Result<T> = {
  readonly path: string;
  readonly read: (reply: Reply) => T;
  readonly accept?: string;
  readonly mayBreak?: boolean;
};

export async function openTrainingModel(
  session: Session,
  id: string,
  journal: Journal,
  signal: AbortSignal,
): Promise<TrainingModel> {
  let last: Numbered | undefined;
  // A number is given out, written down and sent before the next one is.
  const sending = createLimiter(1);
  const where = (what: string) => `${session.transport.server}: ${what} of ${id}`;

  const send = async <T>(
    request: Numbered,
    { path, ...result }: Result<T>,
    onAccepted: () => void,
    by: AbortSignal,
  ): Promise<Outcome<T>> => {
    const future = { path, payload: request.payload, ...result, onAccepted };
    const outcome = await promiseOf(session, future, by);
    await journal.end(request.seq, outcome.kind === 'done' ? 'answered' : 'refused');
    return outcome;
  };

  /** Resolves with the outcome; the turn of the next request comes once this one is accepted. */
  const numbered = async <T>(
    payloadOf: (seq: number) => Payload,
    result: Result<T>,
    by: AbortSignal,
  ): Promise<Outcome<T>> => {
    const release = await sending.acquire(by);
    by.throwIfAborted();
    const leave = once(defined(release, 'turn'));
    try {
      const seq = journal.nextSeq;
      const request = { seq, path: result.path, payload: payloadOf(seq) };
      await journal.begin(request);
      last = request;
      return await send(request, result, leave, by);
    } finally {
      leave();
    }
  };

  const over = async (
    data: readonly Datum[],
    loss: ServerLoss,
    isForwardOnly: boolean,
    by: AbortSignal,
  ): Promise<ForwardResult> => {
    const { writing, flags, transport } = session;
    const { codec } = writing;
    const parts = inChunks(data, (datum) => datum, flags.maxChunkLength, flags.maxChunkBytes);
    const path = isForwardOnly && codec === 'json' ? 'forward' : 'forward_backward';
    const outcomes = await Promise.all(
      parts.map((part) =>
        numbered(
          (seq) => encodeData(codec, { model: id, seq, data: part, loss, isForwardOnly }),
          {
            path,
            accept: resultAccept,
            mayBreak: !writing.isSettled,
            read: (reply) => readForward(reply, transport.server, part),
          },
          by,
        ),
      ),
    );
    if (!writing.isSettled && outcomes.every(isUnread)) {
      writing.codec = codec === 'json' ? 'protobuf' : 'json';
      writing.isSettled = true;
      return over(data, loss, isForwardOnly, by);
    }
    writing.isSettled = true;
    const results = outcomes.map((outcome) =>
      requireDone(outcome, { where: where(path), expected: `the loss ${loss.name}` }),
    );
    return {
      logprobs: results.flatMap(({ logprobs }) => logprobs),
      metrics: addedUp(results.map(({ metrics }) => metrics)),
    };
  };

  const sendAgain = async (request: Numbered, by: AbortSignal): Promise<Settled> => {
    const { seq, path } = request;
    const { kind } = await send(request, { path, read: () => undefined }, () => {}, by);
    return { seq, kind: path, outcome: kind === 'done' ? 'answered' : 'refused' };
  };

  const settled: Settled[] = [];
  for (const request of journal.unanswered) settled.push(await sendAgain(request, signal));

  const asked = async <T>(
    path: string,
    body: object,
    schema: z.ZodType<T>,
    expected: string,
    by: AbortSignal,
  ): Promise<T> => {
    const outcome = await numbered(
      (seq) => json({ model_id: id, ...body, seq_id: seq, type: path }),
      { path, read: readingJson(session, path, schema) },
      by,
    );
    return requireDone(outcome, { where: where(path), expected });
  };

  return {
    id,
    settled,
    forward: (data, by = never) => over(data, { name: 'cross_entropy' }, true, by),
    forwardBackward: (data, loss, by = never) => over(data, loss, false, by),
    optimStep: async (adam, by = never) => {
      const adamParams = {
        learning_rate: adam.learningRate,
        beta1: adam.beta1,
        beta2: adam.beta2,
        eps: adam.epsilon,
        weight_decay: adam.weightDecay,
        grad_clip_norm: adam.maxGradNorm,
      };
      const body = { adam_params: adamParams };
      const { metrics } = await asked('optim_step', body, metricsSchema, 'an optimizer step', by);
      return metrics ?? {};
    },
    load: async (path, { optimizer }, by = never) => {
      await asked('load_weights', { path, optimizer }, z.unknown(), `the weights ${path}`, by);
    },
    save: async (name, by = never) =>
      (await asked('save_weights', { path: name }, savedSchema, 'saved weights', by)).path,
    saveForSampler: async (name, by = never) => {
      const path = 'save_weights_for_sampler';
      const saved = await asked(path, { path: name }, samplerSchema, 'weights for sampling', by);
      return requirePath(saved.path, where(path));
    },
    openSampler: async (by = never) => {
      const path = 'save_weights_for_sampler';
      const body = { sampling_session_seq_id: session.given.samplers++ };
      const saved = await asked(path, body, samplerSchema, 'weights for sampling', by);
      if (saved.sampling_session_id) return openSampler(session, saved.sampling_session_id);
      const modelPath = requirePath(saved.path, where(path));
      return openSampler(session, await samplingSession(session, { model_path: modelPath }, by));
    },
    resend: (by = never) => sendAgain(defined(last, 'a request that was sent'), by),
    info: async (by = never) => {
      const body = { model_id: id, type: 'get_info' };
      const said = await ask(session, 'get_info', body, infoSchema, `the model ${id}`, by);
      return {
        baseModel:
          said.model_data?.base_model ??
          said.model_data?.model_name ??
          said.model_name ??
          undefined,
        rank: said.lora_rank ?? undefined,
      };
    },
    unload: async (by = never) => {
      const body = { model_id: id, type: 'unload_model' };
      const path = 'unload_model';
      const read = () => undefined;
      const outcome = await promiseOf(session, { path, payload: json(body), read }, by);
      // Gone already is as good.
      if (outcome.kind === 'refused' && outcome.status === 404) return;
      requireDone(outcome, { where: where(path), expected: 'the end of the model' });
      await journal.close();
    },
  };
}

/** How servers refuse what they cannot read, or a path that they do not have. */
const unreadStatuses: ReadonlySet<number> = new Set([400, 404, 405, 415, 422, 500]);

function isUnread(outcome: Outcome<unknown>): boolean {
  return outcome.kind === 'refused' && unreadStatuses.has(outcome.status);
}

const sessionAnswer = z.looseObject({ sampling_session_id: z.string() });

/** @returns the id of a new sampling session */
export async function samplingSession(
  session: Session,
  from: { readonly base_model: string } | { readonly model_path: string },
  signal: AbortSignal,
): Promise<string> {
  const body = {
    session_id: session.id,
    sampling_session_seq_id: session.given.samplers++,
    ...from,
    type: 'create_sampling_session',
  };
  const expected = 'a sampling session';
  const path = 'create_sampling_session';
  return (await ask(session, path, body, sessionAnswer, expected, signal)).sampling_session_id;
}

function requirePath(path: string | null | undefined, where: string): string {
  if (path) return path;
  return fail('engine', {
    where,
    expected: 'the path of the saved weights, or a sampling session',
    got: 'neither',
    next: 'check the version of the server',
  });
}

/** Metrics of parts: those that are sums add up, others are averaged. */
function addedUp(
  parts: readonly Readonly<Record<string, number>>[],
): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      const share = name.endsWith(':sum') ? value : value / parts.length;
      sums[name] = (sums[name] ?? 0) + share;
    }
  }
  return sums;
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}
