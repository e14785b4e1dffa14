/**
 * Models that clients train and sample from over the Tinker protocol, by engines of this process. Everything that
 * computes goes through one device, one thing after the other.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../core/async/clock.ts';
import { createLimiter } from '../../core/async/limiter.ts';
import { defined, fail, messageOf } from '../../core/errors.ts';
import { entriesOf, foundAt, readText } from '../../core/files.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { unfinishedPrefix, writeAside } from '../../core/write-aside.ts';
import { requireRoom } from '../../engine/context-length.ts';
import type { Engine, ModelDescription, SampleRequest } from '../../engine/engine.ts';
import type { ImageReading } from '../../engine/tinker/datums.ts';
import { decodePass, type SampledResult } from '../../tinker/server-protobuf.ts';
import { folderName, openCheckpoints } from './checkpoints.ts';
import { createDevice } from './device.ts';
import { createFutures, type Outcome } from './futures.ts';
import { createInputReader, promptOf, type ReadInput, stretchesOf } from './inputs.ts';
import { createReader, type OpenModelEngine, type Stored } from './reader.ts';
import { Refusal, refuseFor } from './refusal.ts';
import { createSamplers, type Source, weightsKey } from './samplers.ts';
import { cutAtStop, type Stop, stopTokensOf } from './stops.ts';
import { type ModelRecord, readLog, readModel, removeQuietly } from './training-log.ts';
import {
  failed,
  type NumberedCall,
  openTrainingModel,
  type TrainingModel,
} from './training-model.ts';
import { type CreateModel, readPass, type SampleCall } from './wire.ts';

type ServedModel = {
  /** As clients name it. */
  readonly name: string;
  readonly description: ModelDescription;
  readonly images: ImageReading;
  /** Tokens of the vocabulary. */
  readonly vocabulary: number;
  readonly open: OpenModelEngine;
};

export type EngineServiceOptions = {
  readonly served: ServedModel;
  /** Where models and checkpoints are kept. */
  readonly folder: string;
  /** Models that are trained at once; each is an engine with weights of its own. @default 2 */
  readonly maxModels?: number;
  /** How long a missing number of a model is waited for, in milliseconds. @default 60,000 */
  readonly gapMs?: number;
  /** Optimizer steps between two snapshots of a model. @default 8 */
  readonly snapshotSteps?: number;
  /** Bytes of results that are kept for clients. @default 512 MiB */
  readonly resultBytes?: number;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly onDefect?: (error: unknown) => void;
};

type SampleWork = {
  readonly source: Source;
  readonly request: SampleRequest;
  readonly stop: Stop;
  /** Undefined where its logprobs are not asked for. */
  readonly scored: ReadInput | undefined;
};

const sessionsSchema = z.array(z.object({ id: z.string(), created: z.string() }));

export type EngineService = Awaited<ReturnType<typeof openEngineService>>;

/**
 * Opens the folder, and does again what a process that ended had taken.
 * @throws MedixError 'engine' where the folder holds more models than may be trained, or those of another base
 */
export async function openEngineService(options: EngineServiceOptions) {
  const { served, folder, maxModels = 2, clock, wallClock, onDefect = () => {} } = options;
  const { description } = served;
  const { processor } = description;
  const ending = new AbortController();
  const { signal } = ending;
  const modelsFolder = join(folder, 'models');
  const copiesFolder = join(folder, 'samplers');
  const exportsFolder = join(folder, 'exports');
  const sessionsFile = join(folder, 'sessions.json');
  await removeQuietly(copiesFolder);
  await removeQuietly(exportsFolder);
  await makeFolder(modelsFolder);

  const reader = createInputReader(served.images, {
    size: served.vocabulary,
    banned: processor.bannedTokens,
  });
  const futures = createFutures(options.resultBytes ?? 512 * 2 ** 20);
  const checkpoints = openCheckpoints(join(folder, 'checkpoints'));
  const samplers = createSamplers(copiesFolder);
  const stored = createReader(served.open, signal);
  const models = new Map<string, TrainingModel>();
  /** Models that ended, for the list of training runs. */
  const ended = new Map<string, ModelRecord>();
  const creating = createLimiter(1);
  let sampled = 0;

  const engineOf = async (source: Source): Promise<Engine> => {
    const key = weightsKey(source);
    if (source.kind === 'base') return stored.engineWith(key, undefined);
    if (source.kind === 'checkpoint') {
      const found = await checkpoints.find(source.path);
      return stored.engineWith(`${key} ${found.time}`, found);
    }
    const { model, version, kept, isGone } = source;
    if (isGone) {
      throw new Refusal(
        404,
        'the weights of this sampler are no longer kept; save the weights for sampling once more',
      );
    }
    if (model.version() === version) return model.engine();
    const copy: Stored = { rank: model.rank, ...defined(kept, 'copy of earlier weights') };
    return stored.engineWith(key, copy);
  };

  const sampleAll = (works: readonly SampleWork[]): readonly Promise<SampledResult>[] => {
    const settle: ((result: SampledResult) => void)[] = [];
    const reject: ((error: unknown) => void)[] = [];
    const results = works.map(
      (_, i) =>
        new Promise<SampledResult>((resolve, refuse) => {
          settle[i] = resolve;
          reject[i] = refuse;
        }),
    );
    const run = async () => {
      const engine = await engineOf(works[0]!.source);
      const prompts = await promptLogprobsOf(engine, works);
      const requests = works.map(({ request }) => request);
      for await (const { request, completions } of engine.sample(requests, signal)) {
        const { stop } = works[request]!;
        settle[request]!({
          sequences: completions.map((completion) => cutAtStop(completion, stop, processor)),
          promptLogprobs: prompts[request],
        });
      }
    };
    run().then(
      () => {
        for (const one of reject) one(new Error('an engine gave fewer completions than asked for'));
      },
      (error) => {
        for (const one of reject) one(error);
      },
    );
    return results;
  };

  const promptLogprobsOf = async (engine: Engine, works: readonly SampleWork[]) => {
    const prompts = new Map();
    const stretches = works.flatMap(({ scored }, work) =>
      scored === undefined
        ? []
        : stretchesOf(scored, 1, prompts).map((stretch) => ({ ...stretch, work })),
    );
    const all = works.map(
      ({ scored }) => scored && new Float32Array(scored.tokens.length).fill(Number.NaN),
    );
    if (stretches.length === 0) return all;
    const found = await engine.logprobs(
      stretches.map(({ sequence }) => sequence),
      'policy',
      signal,
    );
    found.forEach((logprobs, i) => {
      const { work, start } = stretches[i]!;
      all[work]?.set(logprobs, start);
    });
    return all;
  };

  const device = createDevice(sampleAll, signal);
  const modelParts = (id: string) => ({
    base: served.name,
    folder: join(modelsFolder, folderName(id)),
    device,
    open: served.open,
    reader,
    checkpoints,
    samplers,
    futures,
    clock,
    wallClock,
    gapMs: options.gapMs ?? 60_000,
    snapshotSteps: options.snapshotSteps ?? 8,
    onDefect,
    signal,
  });

  const sessions = new Map<string, string>();
  if ((await foundAt(sessionsFile)) !== 'missing') {
    for (const { id, created } of sessionsSchema.parse(JSON.parse(await readText(sessionsFile)))) {
      sessions.set(id, created);
    }
  }
  for (const { name } of await entriesOf(modelsFolder)) {
    if (name.startsWith(unfinishedPrefix)) continue;
    const place = join(modelsFolder, name);
    const record = await readModel(place);
    if (record === undefined) continue;
    if (record.isUnloaded) {
      ended.set(record.id, record);
      continue;
    }
    if (models.size >= maxModels) {
      fail('engine', {
        where: modelsFolder,
        expected: `at most ${maxModels} models that are being trained`,
        got: 'more',
        next: 'start with a larger --models, or move the folder of one away',
      });
    }
    const log = record.log === '' ? [] : await readLog(place, record.log);
    const after = log.filter(({ seq }) => seq > (record.snapshot?.seq ?? 0));
    const entries = after.map((entry) => ({
      ...entry,
      call: readCall(entry.path, Buffer.from(entry.body, 'base64'), entry.isProtobuf, entry.digest),
    }));
    models.set(record.id, await openTrainingModel(modelParts(record.id), record, entries));
  }

  const requireSession = (id: string) => {
    if (!sessions.has(id))
      throw new Refusal(404, `no session ${id.slice(0, 100)}; create one first`);
  };
  const modelOf = (id: string): TrainingModel => {
    const found = models.get(id);
    if (found === undefined) {
      const was = ended.has(id) ? 'it was unloaded' : 'create one first';
      throw new Refusal(404, `no model ${id.slice(0, 200)}: ${was}`);
    }
    return found;
  };

  const createModel = async (
    asked: Pick<CreateModel, 'session_id' | 'model_seq_id'>,
    digest: string,
    spec: Pick<ModelRecord, 'rank' | 'seed' | 'metadata' | 'begin'>,
  ): Promise<string> => {
    const release = defined(await creating.acquire(signal), 'turn');
    try {
      requireSession(asked.session_id);
      const number = asked.model_seq_id;
      const id = `${asked.session_id}:train:${number}`;
      const known = models.get(id)?.record ?? ended.get(id);
      if (known !== undefined) {
        if (known.digest === digest) return `${id}:0`;
        throw new Refusal(409, `the number ${number} of this session was another model's`);
      }
      if (models.size >= maxModels) {
        const error = `this service trains at most ${maxModels} models at once; unload one, or start it with a larger --models`;
        futures.add(`${id}:0`, Promise.resolve({ kind: 'failed', error, category: 'user' }));
        return `${id}:0`;
      }
      const created = new Date(wallClock()).toISOString();
      const record: ModelRecord = {
        id,
        session: asked.session_id,
        number,
        digest,
        created,
        ...spec,
        isUnloaded: false,
        log: '',
        snapshot: null,
      };
      const model = await openTrainingModel(modelParts(id), record, []);
      models.set(id, model);
      // A model that could not be opened takes no place.
      futures.get(`${id}:0`)?.outcome.then(
        (outcome) => {
          if (outcome.kind === 'failed') void giveUp(id, model);
        },
        () => {},
      );
      return `${id}:0`;
    } finally {
      release();
    }
  };
  const giveUp = async (id: string, model: TrainingModel) => {
    models.delete(id);
    await model.close();
    await removeQuietly(join(modelsFolder, folderName(id)));
  };

  const sourceOf = async (asked: {
    readonly base_model?: string | null | undefined;
    readonly model_path?: string | null | undefined;
  }): Promise<{ readonly source: Source; readonly path: string | null }> => {
    if (asked.model_path) {
      await checkpoints.find(asked.model_path);
      return { source: { kind: 'checkpoint', path: asked.model_path }, path: asked.model_path };
    }
    requireBase(asked.base_model);
    return { source: { kind: 'base' }, path: null };
  };
  const requireBase = (name: string | null | undefined) => {
    if (name === served.name) return;
    throw new Refusal(
      400,
      `no base model ${String(name).slice(0, 200)}; this service has ${served.name}`,
    );
  };

  return {
    served,
    checkpoints,
    futures,
    createSession: async () => {
      const id = `s${randomUUID().replaceAll('-', '').slice(0, 16)}`;
      sessions.set(id, new Date(wallClock()).toISOString());
      const list = [...sessions].map(([one, created]) => ({ id: one, created }));
      const release = defined(await creating.acquire(signal), 'turn');
      try {
        await writeAside(sessionsFile, (append) => append(JSON.stringify(list)));
      } finally {
        release();
      }
      return id;
    },
    requireSession,
    sessions: () => [...sessions.keys()],
    createModel: async (asked: CreateModel, digest: string) => {
      requireBase(asked.base_model);
      return createModel(asked, digest, {
        rank: asked.lora_config?.rank ?? 0,
        seed: asked.lora_config?.seed ?? asked.model_seq_id,
        metadata: asked.user_metadata ?? null,
        begin: null,
      });
    },
    createByLoad: async (
      asked: Pick<CreateModel, 'session_id' | 'model_seq_id'>,
      begin: { readonly path: string; readonly optimizer: boolean },
      digest: string,
    ) => {
      const { rank, kind } = await checkpoints.find(begin.path);
      if (begin.optimizer && kind !== 'weights') {
        throw new Refusal(
          400,
          `${begin.path} has no optimizer state, since it was saved for sampling`,
        );
      }
      return createModel(asked, digest, { rank, seed: asked.model_seq_id, metadata: null, begin });
    },
    model: modelOf,
    runs: () => [
      ...[...models.values()].map(({ record, lastRequest }) => ({ record, lastRequest })),
      ...[...ended.values()].map((record) => ({ record, lastRequest: Date.parse(record.created) })),
    ],
    /** @returns the future's id */
    unload: (id: string): string => {
      const future = `${id}:unload`;
      if (ended.has(id) && futures.get(future) !== undefined) return future;
      const model = modelOf(id);
      models.delete(id);
      ended.set(id, model.record);
      const outcome = model.unload().catch((error) => failed(error, onDefect, signal));
      outcome.catch(() => {});
      futures.add(future, outcome);
      return future;
    },
    take: (id: string, seq: number | undefined, call: NumberedCall) => modelOf(id).take(seq, call),
    createSampler: async (
      session: string,
      number: number,
      asked: Parameters<typeof sourceOf>[0],
    ): Promise<string> => {
      requireSession(session);
      const id = `${session}:sample:${number}`;
      samplers.add({ id, ...(await sourceOf(asked)) });
      return id;
    },
    sampler: samplers.get,
    /** @returns the future's id */
    sample: async (call: SampleCall): Promise<string> => {
      const { source } = call.sampling_session_id
        ? samplers.get(call.sampling_session_id)
        : await sourceOf(call);
      if (call.topk_prompt_logprobs) {
        throw new Refusal(400, 'topk_prompt_logprobs is not supported; prompt_logprobs is');
      }
      const { sampling_params: sampling } = call;
      const read = await reader.read(call.prompt.chunks);
      const stop = stopTokensOf(sampling.stop);
      const room = description.contextLength - read.tokens.length;
      const seed = sampling.seed ?? randomUUID();
      const request: SampleRequest = {
        prompt: promptOf(read),
        keys: Array.from({ length: call.num_samples }, (_, i) => `seed ${seed}/${i}`),
        maxTokens: sampling.max_tokens ?? Math.max(1, room),
        temperature: sampling.temperature,
        topP: sampling.top_p,
        topK: Math.max(0, sampling.top_k),
        stopTokens: stop.tokens,
      };
      try {
        requireRoom(description, request.prompt, request.maxTokens);
      } catch (error) {
        return refuseFor(400, messageOf(error), error);
      }
      const work = { source, request, stop, scored: call.prompt_logprobs ? read : undefined };
      const id = `sample-${++sampled}-${randomUUID()}`;
      const outcome = device
        .sample(work, () => weightsKey(source))
        .then(
          (result): Outcome => ({ kind: 'sample', result }),
          (error) => failed(error, onDefect, signal),
        );
      outcome.catch(() => {});
      futures.add(id, outcome);
      return id;
    },
    /**
     * The model with a checkpoint's weights in Hugging Face layout; of LoRA an adapter as `peft` has it.
     * @returns the folder, which the caller removes
     * @throws Refusal 404 where there is no such checkpoint
     */
    exportCheckpoint: async (path: string): Promise<string> => {
      await checkpoints.find(path);
      await makeFolder(exportsFolder);
      const place = join(exportsFolder, randomUUID());
      await device.run(async () => {
        const engine = await engineOf({ kind: 'checkpoint', path });
        await engine.exportModel(place);
      });
      return place;
    },
    /** What is taken stays on disk, and goes on when the service is started again. */
    close: async () => {
      ending.abort(new Refusal(503, 'the service is ending; ask again once it is back'));
      await device.settled();
      for (const model of models.values()) await model.close();
      await stored.close();
      await removeQuietly(copiesFolder);
      await removeQuietly(exportsFolder);
    },
  };
}

/** @throws ZodError, or Error of the protobuf reader, where the body is not what the path takes */
export function readCall(
  path: string,
  bytes: Buffer,
  isProtobuf: boolean,
  digest: string,
): NumberedCall {
  const call = { path, digest, isProtobuf, bytes };
  const isPass = path === 'forward' || path === 'forward_backward';
  if (isPass && isProtobuf) return { ...call, kind: 'pass', pass: decodePass(bytes) };
  const body: unknown = JSON.parse(bytes.toString('utf8'));
  return isPass
    ? { ...call, kind: 'pass', pass: readPass(body, path === 'forward') }
    : { ...call, kind: 'json', body };
}
