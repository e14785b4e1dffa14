/**
 * One model that is trained: its requests are taken by their numbers, written down, carried out in order, and done
 * again after a crash.
 */
import { join } from 'node:path';
import type { Clock } from '../../core/async/clock.ts';
import { createLimiter } from '../../core/async/limiter.ts';
import { defined, MedixError, messageOf } from '../../core/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import type { ReceivedPass } from '../../tinker/server-protobuf.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Device } from './device.ts';
import type { Future, Futures, Outcome } from './futures.ts';
import type { InputReader } from './inputs.ts';
import { runPass } from './passes.ts';
import type { OpenModelEngine } from './reader.ts';
import { Refusal } from './refusal.ts';
import type { SampledModel, Samplers } from './samplers.ts';
import {
  createLog,
  type LogEntry,
  type ModelRecord,
  removeQuietly,
  type TrainingLog,
  writeModel,
} from './training-log.ts';
import { loadSchema, optimSchema, saveForSamplerSchema, saveSchema } from './wire.ts';

/** A numbered request, its body read. */
export type NumberedCall = {
  readonly path: string;
  readonly digest: string;
  readonly isProtobuf: boolean;
  readonly bytes: Uint8Array;
} & (
  | { readonly kind: 'pass'; readonly pass: ReceivedPass }
  | { readonly kind: 'json'; readonly body: unknown }
);

export type TrainingModelParts = {
  readonly base: string;
  readonly folder: string;
  readonly device: Pick<Device<never, never>, 'run'>;
  readonly open: OpenModelEngine;
  readonly reader: InputReader;
  readonly checkpoints: Checkpoints;
  readonly samplers: Samplers;
  readonly futures: Futures;
  readonly clock: Clock;
  readonly wallClock: () => number;
  /** How long a missing number is waited for, in milliseconds. */
  readonly gapMs: number;
  /** Optimizer steps between two snapshots. */
  readonly snapshotSteps: number;
  readonly onDefect: (error: unknown) => void;
  readonly signal: AbortSignal;
};

/** Bytes of requests after which a snapshot is made. */
const snapshotBytes = 64 * 2 ** 20;

type Taken = { readonly digest: string; readonly future: string };
type Waiting = {
  readonly call: NumberedCall;
  readonly settle: (outcome: Promise<Outcome>) => void;
  readonly giveUp: AbortController;
};

export type TrainingModel = SampledModel & {
  readonly record: ModelRecord;
  /** Milliseconds since 1970. */
  readonly lastRequest: number;
  /** @returns the future's id */
  take(seq: number | undefined, call: NumberedCall): Promise<string>;
  unload(): Promise<Outcome>;
  /** For the end of the service: engine and files are let go of. */
  close(): Promise<void>;
};

/** @param entries what a process that ended had taken and not put into a snapshot */
export async function openTrainingModel(
  parts: TrainingModelParts,
  start: ModelRecord,
  entries: readonly (LogEntry & { readonly call: NumberedCall })[],
): Promise<TrainingModel> {
  const { folder, device, reader, checkpoints, samplers, futures, signal } = parts;
  const { id, rank } = start;
  let record = start;
  let log: TrainingLog = await createLog(
    folder,
    entries.map(({ call: _call, ...entry }) => entry),
  );
  const before = record.log;
  record = { ...record, log: log.name };
  await writeModel(folder, record);
  if (before !== '') await removeQuietly(join(folder, before));

  let engine: Promise<Engine> | undefined;
  let version = 0;
  let next = (record.snapshot?.seq ?? 0) + 1;
  let failedPass: number | undefined;
  let stepsSinceSnapshot = 0;
  let hasGradient = false;
  let lastRequest = parts.wallClock();
  let isUnloaded = false;
  const taken = new Map<number, Taken>();
  const waiting = new Map<number, Waiting>();
  const pending = new Map<number, LogEntry>();
  const writing = createLimiter(1);

  const model: SampledModel = {
    id,
    rank,
    engine: () => defined(engine, 'engine of an open model'),
    version: () => version,
  };
  const futureId = (seq: number) => `${id}:${seq}`;

  for (const { seq, digest, outcome } of record.snapshot?.outcomes ?? []) {
    taken.set(seq, { digest, future: futureId(seq) });
    futures.add(futureId(seq), Promise.resolve(restored(outcome)));
  }

  const begin = async () => {
    engine = parts.open({ rank, seed: record.seed }, signal);
    const opened = await engine;
    if (record.snapshot !== null) {
      await opened.load(record.snapshot.handle, join(folder, record.snapshot.folder));
      version++;
    } else if (record.begin !== null) await loadCheckpoint(record.begin);
  };

  const loadCheckpoint = async ({ path, optimizer }: { path: string; optimizer: boolean }) => {
    const found = await checkpoints.find(path);
    if (found.rank !== rank || found.base !== parts.base) {
      throw new Refusal(
        400,
        `${path} is of ${found.base} with rank ${found.rank}, this model of ${parts.base} with rank ${rank}`,
      );
    }
    if (optimizer && found.kind !== 'weights') {
      throw new Refusal(400, `${path} has no optimizer state, since it was saved for sampling`);
    }
    await samplers.keep(model);
    const opened = await model.engine();
    await opened.load(found.handle, found.folder, optimizer ? 'all' : 'weights');
    version++;
  };

  const execute = async (seq: number, call: NumberedCall): Promise<Outcome> => {
    const opened = await model.engine();
    if (call.kind === 'pass') {
      try {
        const result = await runPass(opened, reader, call.pass, signal);
        if (!call.pass.isForwardOnly) hasGradient = true;
        return { kind: 'pass', result };
      } catch (error) {
        if (!call.pass.isForwardOnly) failedPass ??= seq;
        throw error;
      }
    }
    switch (call.path) {
      case 'optim_step':
        return { kind: 'json', body: await optimStep(opened, call.body) };
      case 'save_weights': {
        const { path: name, overwrite } = saveSchema.parse(call.body);
        const path = await saveAs('weights', name, seq, overwrite === true);
        return { kind: 'json', body: { path, type: 'save_weights' } };
      }
      case 'save_weights_for_sampler': {
        const { path: name, overwrite } = saveForSamplerSchema.parse(call.body);
        const type = 'save_weights_for_sampler';
        if (name) {
          const path = await saveAs('sampler_weights', name, seq, overwrite === true);
          return { kind: 'json', body: { path, sampling_session_id: null, type } };
        }
        const sampler = `${id}:sampler:${seq}`;
        const source = { kind: 'model', model, version, kept: undefined, isGone: false } as const;
        samplers.add({ id: sampler, source: { ...source }, path: null });
        return { kind: 'json', body: { path: null, sampling_session_id: sampler, type } };
      }
      default: {
        const { path, optimizer } = loadSchema.parse(call.body);
        if (seq !== 1 || version !== 0) {
          throw new Refusal(
            400,
            'load_weights has to be the first request of a model; make a new one',
          );
        }
        await loadCheckpoint({ path, optimizer: optimizer === true });
        return { kind: 'json', body: { path, type: 'load_weights' } };
      }
    }
  };

  const optimStep = async (opened: Engine, body: unknown): Promise<object> => {
    const { adam_params: adam } = optimSchema.parse(body);
    if (failedPass !== undefined) {
      const failed = failedPass;
      failedPass = undefined;
      throw new Refusal(
        400,
        `the pass with the number ${failed} failed, so its gradient is missing; nothing was changed. Send the pass again, or another optim_step to go on without it`,
      );
    }
    await samplers.keep(model);
    const report = await opened.optimStep({
      learningRate: adam.learning_rate,
      beta1: adam.beta1,
      beta2: adam.beta2,
      epsilon: adam.eps,
      weightDecay: adam.weight_decay,
      maxGradNorm: adam.grad_clip_norm,
    });
    version++;
    stepsSinceSnapshot++;
    hasGradient = false;
    const isApplied = report.kind === 'applied';
    return {
      metrics: {
        ...(isApplied ? { grad_norm: report.gradNorm } : {}),
        skipped_nonfinite: isApplied ? 0 : 1,
      },
      type: 'optim_step',
    };
  };

  const saveAs = async (
    kind: 'weights' | 'sampler_weights',
    name: string,
    seq: number,
    mayReplace: boolean,
  ) => {
    const opened = await model.engine();
    const time = new Date(parts.wallClock()).toISOString();
    const saved = { model: id, kind, name, seq, base: parts.base, rank, time };
    return checkpoints.save(saved, mayReplace, (place) =>
      opened.save(place, kind === 'weights' ? 'all' : 'weights'),
    );
  };

  /** Between two steps alone: accumulated gradients are in no snapshot. */
  const snapshotWhereDue = async (seq: number) => {
    if (hasGradient || failedPass !== undefined) return;
    if (stepsSinceSnapshot < parts.snapshotSteps && log.bytes < snapshotBytes) return;
    const release = defined(await writing.acquire(signal), 'turn');
    try {
      const place = `state-${seq}`;
      await removeQuietly(join(folder, place));
      const handle = await (await model.engine()).save(join(folder, place));
      const outcomes = [...taken]
        .filter(([number]) => number <= seq)
        .slice(-keptOutcomes)
        .map(([number, { digest, future }]) => ({
          seq: number,
          digest,
          outcome: stored(futures.get(future)),
        }));
      const rest = [...pending.values()].filter((entry) => entry.seq > seq);
      const [old, oldRecord] = [log, record];
      log = await createLog(folder, rest);
      record = { ...record, log: log.name, snapshot: { folder: place, seq, handle, outcomes } };
      await writeModel(folder, record);
      stepsSinceSnapshot = 0;
      await old.close();
      await removeQuietly(join(folder, old.name));
      if (oldRecord.snapshot) await removeQuietly(join(folder, oldRecord.snapshot.folder));
    } finally {
      release();
    }
  };

  const perform = async (seq: number, call: NumberedCall): Promise<Outcome> => {
    const outcome = await execute(seq, call).catch((error) =>
      failed(error, parts.onDefect, signal),
    );
    pending.delete(seq);
    return outcome;
  };

  /** Gives every request whose turn it is to the device. */
  const drain = () => {
    for (let entry = waiting.get(next); entry !== undefined; entry = waiting.get(next)) {
      const seq = next++;
      waiting.delete(seq);
      entry.giveUp.abort();
      const { call, settle } = entry;
      const outcome = device.run(() => perform(seq, call));
      settle(outcome);
      if (call.path === 'optim_step') {
        // After the answer is known here, so that it is in the snapshot.
        device
          .run(() => snapshotWhereDue(seq))
          .catch((error) => {
            if (!signal.aborted) parts.onDefect(error);
          });
      }
    }
    for (const [seq, { giveUp }] of waiting) waitFor(seq, giveUp.signal);
  };
  const timed = new Set<number>();
  const waitFor = (seq: number, over: AbortSignal) => {
    if (timed.has(seq)) return;
    timed.add(seq);
    parts.clock.sleep(parts.gapMs, over).then(
      () => {
        timed.delete(seq);
        const entry = over.aborted ? undefined : waiting.get(seq);
        if (entry === undefined) return;
        waiting.delete(seq);
        taken.delete(seq);
        pending.delete(seq);
        entry.settle(
          Promise.resolve({
            kind: 'failed',
            error: `the request with the number ${next} never came, so this one, ${seq}, was not carried out; send both`,
            category: 'user',
          }),
        );
      },
      () => timed.delete(seq),
    );
  };

  const enqueue = (seq: number, call: NumberedCall) => {
    let settle: (outcome: Promise<Outcome>) => void = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      settle = resolve;
    });
    outcome.catch(() => {});
    futures.add(futureId(seq), outcome);
    taken.set(seq, { digest: call.digest, future: futureId(seq) });
    waiting.set(seq, { call, settle, giveUp: new AbortController() });
    drain();
  };

  const opening = device.run(begin);
  const openingOutcome = opening.then(
    (): Outcome => ({ kind: 'json', body: { model_id: id, type: 'create_model' } }),
    (error) => failed(error, parts.onDefect, signal),
  );
  openingOutcome.catch(() => {});
  futures.add(futureId(0), openingOutcome);
  for (const { call, ...entry } of entries) {
    pending.set(entry.seq, entry);
    enqueue(entry.seq, call);
  }

  return {
    ...model,
    get record() {
      return record;
    },
    get lastRequest() {
      return lastRequest;
    },
    take: async (given, call) => {
      lastRequest = parts.wallClock();
      // One after the other, so that what is on disk is what was taken.
      const release = defined(await writing.acquire(signal), 'turn');
      try {
        signal.throwIfAborted();
        if (isUnloaded) throw new Refusal(404, `the model ${id} was unloaded`);
        const seq = given ?? Math.max(next, ...[...waiting.keys()].map((key) => key + 1));
        const earlier = taken.get(seq);
        if (earlier !== undefined) {
          if (earlier.digest !== call.digest) {
            throw new Refusal(
              409,
              `the number ${seq} of ${id} was another request's; number requests one after the other, and send the same content to ask again`,
            );
          }
          if (futures.get(earlier.future) === undefined) {
            futures.add(earlier.future, Promise.resolve(forgotten));
          }
          return earlier.future;
        }
        if (seq < next) {
          throw new Refusal(
            409,
            `the number ${seq} of ${id} was carried out before; the next is ${next}`,
          );
        }
        const { path, digest, isProtobuf } = call;
        const body = Buffer.from(call.bytes).toString('base64');
        const entry = { seq, path, digest, isProtobuf, body };
        await log.append(entry);
        pending.set(seq, entry);
        enqueue(seq, call);
        return futureId(seq);
      } finally {
        release();
      }
    },
    unload: async () => {
      isUnloaded = true;
      for (const { giveUp } of waiting.values()) giveUp.abort();
      await writeModel(folder, { ...record, isUnloaded: true, snapshot: null, log: '' });
      return device.run(async () => {
        await samplers.drop(model);
        await (await engine)?.close();
        await log.close();
        await removeQuietly(join(folder, log.name));
        if (record.snapshot) await removeQuietly(join(folder, record.snapshot.folder));
        return { kind: 'json', body: { model_id: id, type: 'unload_model' } };
      });
    },
    close: async () => {
      for (const { giveUp } of waiting.values()) giveUp.abort();
      await engine?.then((it) => it.close()).catch(() => {});
      await log.close().catch(() => {});
    },
  };
}

/** Results that a snapshot takes along. */
const keptOutcomes = 256;

const forgotten: Outcome = {
  kind: 'failed',
  error: 'it was carried out once, and is not done again; its result is no longer kept',
  category: 'server',
};

/** @throws the signal's reason where the service ends: what did not come to its end is done again after it */
export function failed(
  error: unknown,
  onDefect: (error: unknown) => void,
  signal: AbortSignal,
): Outcome {
  signal.throwIfAborted();
  if (error instanceof Refusal) return { kind: 'failed', error: error.message, category: 'user' };
  if (error instanceof MedixError) {
    return { kind: 'failed', error: error.message, category: 'server' };
  }
  if (error instanceof Error && error.name === 'ZodError') {
    return { kind: 'failed', error: messageOf(error), category: 'user' };
  }
  onDefect(error);
  return {
    kind: 'failed',
    error: 'this is a defect of MediX; the log of the service says more',
    category: 'server',
  };
}

type StoredOutcome =
  | { readonly kind: 'json' | 'failed'; readonly outcome: Outcome }
  | {
      readonly kind: 'pass';
      readonly logprobs: readonly string[];
      readonly losses: readonly string[] | null;
      readonly metrics: Record<string, number>;
    };

function stored(future: Future | undefined): StoredOutcome | null {
  const outcome = future?.done();
  if (outcome === undefined || outcome.kind === 'sample') return null;
  if (outcome.kind !== 'pass') return { kind: outcome.kind, outcome };
  // What has arrived is asked for no more; logprobs of many passes would be large.
  if (future?.isRetrieved) return null;
  const { logprobs, losses, metrics } = outcome.result;
  return {
    kind: 'pass',
    logprobs: logprobs.map(textOf),
    losses: losses?.map(textOf) ?? null,
    metrics: { ...metrics },
  };
}

function restored(value: unknown): Outcome {
  if (value === null || typeof value !== 'object') return forgotten;
  const it = value as StoredOutcome;
  if (it.kind !== 'pass') return it.outcome;
  const { logprobs, losses, metrics } = it;
  return {
    kind: 'pass',
    result: { logprobs: logprobs.map(floatsOf), losses: losses?.map(floatsOf), metrics },
  };
}

function textOf(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

function floatsOf(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
}
