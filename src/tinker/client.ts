/**
 * A client of the Tinker protocol (thinking-machines-lab/tinker, SDK 0.25): sampling and training of a language model
 * on a server, by plain HTTP. It knows tokens, images and losses by their names; nothing about prompts, rewards or runs.
 *
 * Deviations from the official SDK: numbers of requests can be kept on disk, so that a crash neither repeats nor loses a
 * gradient; both JSON and protobuf are spoken, whichever the server knows.
 */
import { z } from 'zod';
import { linkSignals } from '../core/async/abort.ts';
import { type Clock, systemClock } from '../core/async/clock.ts';
import { createLimiter } from '../core/async/limiter.ts';
import { fail } from '../core/errors.ts';
import { type Rng, rngFromKey } from '../core/rng.ts';
import { isPositive, readJson, refusal, requireDone } from './futures.ts';
import { createJournal, type Journal, memoryJournal, openJournal } from './journal.ts';
import { openSampler, type Sampler } from './sampler.ts';
import {
  ask,
  never,
  promiseOf,
  readingJson,
  type ServerFlags,
  type Session,
  serverFlagsSchema,
} from './session.ts';
import { openTrainingModel, samplingSession, type TrainingModel } from './training-model.ts';
import { json, openTransport, type Reply, type Transport } from './transport.ts';
import { zstd } from './zstd.ts';

export type TinkerClientOptions = {
  /** Root of the server, without `/api/v1`. */
  readonly url: string;
  /** Sent as `X-API-Key`. @default none */
  readonly apiKey?: string;
  /** How requests with data are written. `auto` goes by what the server says of itself. @default 'auto' */
  readonly codec?: 'auto' | 'json' | 'protobuf';
  /** Named by some servers in their lists of sessions. @default none */
  readonly tags?: readonly string[];
  /** Time, for deadlines, pauses and heartbeats. @default the system's */
  readonly clock?: Clock;
  /** Of the random pauses between attempts. @default of its own */
  readonly rng?: Rng;
};

/** A model that the server offers. */
export type OfferedModel = { readonly name: string; readonly maxContextLength?: number };

export type CreateModelOptions = {
  /** As the server names it. */
  readonly baseModel: string;
  /** Of LoRA's factors; 0 trains every weight, where the server can. @default 32 */
  readonly rank?: number;
  /** Of the factors' first values. @default the server's */
  readonly seed?: number;
  /** `tinker://…` whose weights it starts with. @default the base model's */
  readonly checkpoint?: string;
  /** Whether the optimizer's state comes with the checkpoint. @default true */
  readonly optimizer?: boolean;
  /** Folder in which the numbers of its requests are kept, for {@link TinkerClient.resumeModel}. @default none */
  readonly journal?: string;
};

export type TinkerClient = {
  /** Address, for messages. */
  readonly server: string;
  /** How requests with data are written. */
  readonly codec: 'json' | 'protobuf';
  /** Of bodies in protobuf: `unavailable` where the server asks for zstd and this Node, before 22.15, has none. */
  readonly compression: 'none' | 'zstd' | 'unavailable';
  /** Of a request with data; more goes in several. */
  readonly limits: { readonly maxChunkLength: number; readonly maxChunkBytes: number };
  /** Ends with the client, or where heartbeats stop. */
  readonly sessionId: string;
  models(signal?: AbortSignal): Promise<readonly OfferedModel[]>;
  /** A new model beside the base, ready for training. */
  createModel(options: CreateModelOptions, signal?: AbortSignal): Promise<TrainingModel>;
  /**
   * The model that a journal is of, after whatever stopped the process that trained it. Requests without an answer are
   * sent again under their numbers: what the server had done is not done twice.
   * @throws MedixError 'run' where the journal is of another server, 'engine' where the server forgot the model
   */
  resumeModel(journal: string, signal?: AbortSignal): Promise<TrainingModel>;
  /** Samples from a base model, or from the weights of a `tinker://…/sampler_weights/…`. */
  createSampler(
    from: { readonly baseModel: string } | { readonly path: string },
    signal?: AbortSignal,
  ): Promise<Sampler>;
  /**
   * The files of a checkpoint in one tar archive, mostly compressed by gzip; undefined where the server offers none.
   * @param path `tinker://…`
   */
  archive(path: string, signal?: AbortSignal): Promise<Buffer | undefined>;
  /** Ends heartbeats and connections; models that were not unloaded stay until the server drops the session. */
  close(): void;
};

/** The official client's; servers drop a session after minutes without one. */
const heartbeatMs = 10_000;
/** Told to servers, some of which refuse what they do not know. */
const sdkVersion = '0.25.0';

const sessionSchema = z.looseObject({
  session_id: z.string(),
  error_message: z.string().nullish(),
});
const createdSchema = z.looseObject({ model_id: z.string() });
const offeredSchema = z
  .looseObject({
    model_name: z.string().nullish(),
    model_id: z.string().nullish(),
    max_context_length: z.int().positive().nullish(),
  })
  .transform(
    ({ model_name, model_id, max_context_length }): OfferedModel => ({
      name: model_name ?? model_id ?? '',
      ...(max_context_length ? { maxContextLength: max_context_length } : {}),
    }),
  );
const capabilitiesSchema = z.looseObject({ supported_models: z.array(offeredSchema) });

/**
 * Opens a session on a server, and keeps it alive.
 *
 * @param signal ends the opening, not the session
 * @throws MedixError 'config' for an address that is none; 'engine' where no server answers, or it refuses the key
 * @example
 * ```ts
 * const client = await connectTinker({ url: 'http://127.0.0.1:8000', apiKey: 'tml-…' });
 * const model = await client.createModel({ baseModel: 'Qwen/Qwen3-8B', rank: 16 });
 * const sampler = await model.openSampler();
 * ```
 */
export async function connectTinker(
  options: TinkerClientOptions,
  signal: AbortSignal = never,
): Promise<TinkerClient> {
  const { url, apiKey, tags = [], codec = 'auto', clock = systemClock } = options;
  const rng = options.rng ?? rngFromKey(`tinker/${performance.now()}`);
  const transport = openTransport({ url, apiKey, clock, rng });
  try {
    const flags = await readFlags(transport, signal);
    if (flags.compresses && zstd) transport.compressBy(zstd.compress);
    const { session_id: id, error_message: refused } = await ask(
      { transport },
      'create_session',
      // Hatchery refuses null for the metadata.
      { tags, user_metadata: {}, sdk_version: sdkVersion, type: 'create_session' },
      sessionSchema,
      'a session',
      signal,
    );
    if (refused) {
      const where = `${transport.server}: create_session`;
      requireDone(
        { kind: 'refused', status: 200, said: refused },
        { where, expected: 'a session' },
      );
    }
    return clientOf({
      transport,
      clock,
      id,
      flags,
      writing: {
        codec: codec === 'auto' ? (flags.speaks ? 'protobuf' : 'json') : codec,
        isSettled: codec !== 'auto',
      },
      samples: createLimiter(flags.maxConcurrentSamples),
      given: { models: 0, samplers: 0 },
    });
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** Where an archive is; undefined where the answer is the archive itself, or there is none. */
function placeOf({ status, location, body }: Reply): string | undefined {
  if (status >= 300 && status <= 399) return location;
  if (!isPositive({ status }) || body[0] !== '{'.charCodeAt(0)) return undefined;
  try {
    return z.object({ url: z.string() }).safeParse(JSON.parse(body.toString('utf8'))).data?.url;
  } catch {
    return undefined;
  }
}

async function readFlags(transport: Transport, signal: AbortSignal): Promise<ServerFlags> {
  const path = 'client/config';
  const reply = await transport.call(path, { payload: json({ sdk_version: sdkVersion }) }, signal);
  if (isPositive(reply)) return readJson(reply, serverFlagsSchema, transport.server, path);
  // Servers of before do not know the question.
  if (reply.status === 404 || reply.status === 405) {
    return { ...serverFlagsSchema.parse({}), speaks: false };
  }
  const expected = 'a Tinker server that takes the key';
  return requireDone(refusal(reply), { where: transport.server, expected });
}

function clientOf(session: Session): TinkerClient {
  const { transport, clock } = session;
  const { server } = transport;
  const journals: Journal[] = [];
  const living = linkSignals();
  void keepAlive(session, living.signal);

  return {
    server,
    get codec() {
      return session.writing.codec;
    },
    compression: !session.flags.compresses ? 'none' : zstd ? 'zstd' : 'unavailable',
    limits: session.flags,
    sessionId: session.id,
    models: async (signal = never) => {
      const expected = 'a list of models';
      const path = 'get_server_capabilities';
      const said = await ask(session, path, undefined, capabilitiesSchema, expected, signal);
      return said.supported_models;
    },
    createModel: async (options, signal = never) => {
      const { baseModel, rank = 32, seed, checkpoint, optimizer = true, journal } = options;
      const path = 'create_model';
      const body = {
        session_id: session.id,
        model_seq_id: session.given.models++,
        base_model: baseModel,
        user_metadata: {},
        lora_config: {
          rank,
          ...(seed === undefined ? {} : { seed }),
          train_unembed: true,
          train_mlp: true,
          train_attn: true,
        },
        type: path,
      };
      const request = {
        path,
        payload: json(body),
        read: readingJson(session, path, createdSchema),
      };
      const created = requireDone(await promiseOf(session, request, signal), {
        where: `${server}: ${path}`,
        expected: `a model on ${baseModel} with rank ${rank}`,
      });
      const id = created.model_id;
      const kept =
        journal === undefined
          ? memoryJournal()
          : await createJournal(journal, { server, model: id });
      journals.push(kept);
      const model = await openTrainingModel(session, id, kept, signal);
      if (checkpoint !== undefined) await model.load(checkpoint, { optimizer }, signal);
      return model;
    },
    resumeModel: async (folder, signal = never) => {
      const { journal, owner } = await openJournal(folder);
      if (owner.server !== server) {
        await journal.close();
        fail('run', {
          where: folder,
          expected: `the journal of a model on ${server}`,
          got: `one on ${owner.server}`,
          next: 'connect to that server',
        });
      }
      journals.push(journal);
      return openTrainingModel(session, owner.model, journal, signal);
    },
    createSampler: async (from, signal = never) => {
      const source =
        'baseModel' in from ? { base_model: from.baseModel } : { model_path: from.path };
      return openSampler(session, await samplingSession(session, source, signal));
    },
    archive: async (path, signal = never) => {
      const [run = '', ...rest] = path.replace('tinker://', '').split('/');
      const options = { method: 'GET', accept: '*/*', attempts: 3 } as const;
      // Most servers want kind and name of a checkpoint, SkyRL the name alone.
      for (const name of [rest.join('/'), rest.slice(1).join('/')]) {
        const at = `training_runs/${run}/checkpoints/${name}/archive`;
        const reply = await transport.call(at, options, signal);
        const place = placeOf(reply);
        if (place !== undefined) return transport.download(place, signal);
        if (isPositive(reply)) return reply.body;
      }
      return undefined;
    },
    close: () => {
      living.abort();
      transport.close();
      for (const journal of journals) void journal.close();
    },
  };

  async function keepAlive({ id }: Session, signal: AbortSignal): Promise<void> {
    const payload = json({ session_id: id, type: 'session_heartbeat' });
    for (;;) {
      await clock.sleep(heartbeatMs, signal);
      if (signal.aborted) return;
      // A server that is away is told by the calls that need it.
      await transport
        .call('session_heartbeat', { payload, attempts: 1, deadlineMs: heartbeatMs }, signal)
        .catch(() => {});
    }
  }
}
