/**
 * Calls to the thread of an engine. A call that is aborted is over at once for who waits for it; the thread
 * stops between two of its programs, and the next call waits until then.
 *
 * A thread is never terminated: ONNX Runtime ends the whole process when that happens in the midst of a run,
 * and so does Node where the main thread ends first. So the thread keeps the process alive while it computes,
 * and only then.
 */
import type { Worker } from 'node:worker_threads';
import { onAbort } from '../../../core/async/abort.ts';
import { MedixError, messageOf } from '../../../core/errors.ts';
import { errorOf, type Failure } from './failure.ts';
import type { Packed } from './packing.ts';
import type { Asked, Calls, Said, Told, Verb } from './protocol.ts';

/** Hears what a call tells before it is answered; what it throws ends the call. */
export type Hears = (told: Told) => void;

/** A call that the thread has not answered yet. */
type OpenCall = {
  readonly hears: Hears;
  readonly answer: (answer: unknown) => void;
  /** Ends the call for who waits for it, and asks the thread to stop. */
  readonly abandon: (reason: unknown) => void;
  readonly isAbandoned: () => boolean;
};

type AskOptions = {
  readonly signal?: AbortSignal;
  readonly hears?: Hears;
};

export class ThreadCalls {
  readonly #worker: Worker;
  readonly #directory: string;
  readonly #open = new Map<number, OpenCall>();
  readonly #ended: Promise<void>;
  /** Why nothing can be asked any more. */
  #over: Error | undefined;
  #closing: Promise<void> | undefined;
  #count = 0;

  /** @param directory of the model, for messages */
  constructor(worker: Worker, directory: string) {
    this.#worker = worker;
    this.#directory = directory;
    let death: unknown;
    worker.unref();
    worker.on('message', (said: Said) => this.#hear(said));
    worker.on('messageerror', (error) => {
      for (const call of this.#open.values()) call.abandon(error);
    });
    worker.on('error', (error) => {
      death = error;
    });
    this.#ended = new Promise((resolve) => {
      worker.on('exit', (code) => {
        const died = this.#diedOf(death ?? new Error(`exit code ${code}`));
        this.#over ??= died;
        for (const call of this.#open.values()) call.abandon(died);
        this.#open.clear();
        resolve();
      });
    });
  }

  /**
   * @throws MedixError as the verb does; 'engine' where the thread has ended or memory is short. The signal's
   *   reason as soon as it aborts.
   */
  ask<V extends Verb>(
    verb: V,
    { value: input, transfer }: Packed<Calls[V]['input']>,
    { signal, hears = () => {} }: AskOptions = {},
  ): Promise<Calls[V]['answer']> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#over !== undefined) throw this.#over;
      const call = this.#count++;
      const stop = new Int32Array(new SharedArrayBuffer(4));
      const asked: Asked = { kind: 'call', call, verb, input, stop };
      this.#worker.postMessage(asked, transfer);
      if (this.#open.size === 0) this.#worker.ref();
      let stopListening = () => {};
      let isAbandoned = false;
      this.#open.set(call, {
        hears,
        answer: (answer) => {
          stopListening();
          resolve(answer as Calls[V]['answer']);
        },
        abandon: (reason) => {
          isAbandoned = true;
          stopListening();
          Atomics.store(stop, 0, 1);
          reject(reason);
        },
        isAbandoned: () => isAbandoned,
      });
      if (signal) {
        stopListening = onAbort(signal, () => this.#open.get(call)?.abandon(signal.reason));
      }
    });
  }

  /** For what the thread asks in the midst of a call. */
  reply(asked: Exclude<Asked, { kind: 'call' }>, transfer: readonly ArrayBuffer[]): void {
    this.#worker.postMessage(asked, [...transfer]);
  }

  /** Does not wait for what the thread still computes of calls that nobody waits for. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const isBusy = this.#open.size > 0;
    const closed = new Error('internal: the engine is closed');
    for (const call of this.#open.values()) call.abandon(closed);
    if (this.#over !== undefined) return;
    const closing = this.ask('close', { value: undefined, transfer: [] });
    this.#over = closed;
    // A defect of closing is told only to who waits for it.
    closing.catch(() => {});
    if (isBusy) return;
    await closing;
    await this.#ended;
  }

  #hear(said: Said): void {
    const call = this.#open.get(said.call);
    if (call === undefined) return;
    if (said.kind === 'answered' || said.kind === 'failed') {
      this.#open.delete(said.call);
      // Who closes waits for the end of the thread.
      if (this.#open.size === 0 && this.#closing === undefined) this.#worker.unref();
      if (said.kind === 'answered') call.answer(said.answer);
      else call.abandon(this.#errorOf(said.failure));
    } else {
      this.#tell(call, said);
    }
  }

  #tell(call: OpenCall, told: Told): void {
    if (call.isAbandoned()) {
      // The thread waits for this one.
      if (told.kind === 'loss') this.reply({ kind: 'lossPart', part: undefined }, []);
      return;
    }
    try {
      call.hears(told);
    } catch (error) {
      call.abandon(error);
      if (told.kind === 'loss') this.reply({ kind: 'lossPart', part: undefined }, []);
    }
  }

  #errorOf(failure: Failure): Error {
    const error = errorOf(failure);
    const isShort = failure.kind === 'other' && shortOfMemory.test(failure.message);
    return isShort ? this.#outOfMemory(error) : error;
  }

  #diedOf(cause: unknown): Error {
    const isShort =
      cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
    if (isShort) return this.#outOfMemory(cause);
    const problem = {
      where: this.#directory,
      expected: 'the thread that computes to go on until it is closed',
      got: `its end: ${messageOf(cause)}`,
      next: 'run the command again; if the thread ends again, report it as a defect of MediX',
    };
    return new MedixError('engine', [problem], { cause });
  }

  #outOfMemory(cause: Error): Error {
    const problem = {
      where: this.#directory,
      expected: 'enough memory to compute',
      got: `too little: ${cause.message}`,
      next: 'lower engine.memory, which makes less be computed at once, or use a smaller model',
    };
    return new MedixError('engine', [problem], { cause });
  }
}

/** As V8, C++ and ONNX Runtime say it. */
const shortOfMemory =
  /Array buffer allocation failed|Invalid typed array length|bad_alloc|Failed to allocate memory/;
