/**
 * A local engine whose network computes in a thread of its own, so that judges are asked, files written and
 * signals heard meanwhile. Processor and losses stay here: losses are functions, which no thread can be sent.
 */
import type { Worker } from 'node:worker_threads';
import { onAbort } from '../../../core/async/abort.ts';
import type { Engine, Loss, SampledGroup, SampleRequest } from '../../engine.ts';
import { engineOf, readModel } from '../local-engine.ts';
import type { LocalEngineOptions } from '../open-policy.ts';
import { type Packed, packLossPart, packRequests, packSequences } from './packing.ts';
import { startEngineThread } from './start-thread.ts';
import { type Hears, ThreadCalls } from './thread-calls.ts';

/**
 * Opens a model folder in Hugging Face layout, or an adapter's with its base. Its weights are the policy's start and the reference. What it
 * computes has the same bits as in this thread ({@link openLocalEngine}).
 *
 * Calls are worked on one after the other, in the order in which they are made. Sampling goes on while its
 * groups are looked at. An aborted call ends at once, and `close` does not wait for what it still computes.
 *
 * @param start @default starts the thread of this package
 * @throws MedixError as {@link openLocalEngine}; 'engine' from any call where the thread has ended
 */
export async function openThreadedEngine(
  name: string,
  options: LocalEngineOptions,
  signal: AbortSignal,
  start: () => Worker = startEngineThread,
): Promise<Engine> {
  signal.throwIfAborted();
  const calls = new ThreadCalls(start(), name);
  try {
    const { source, processor } = await readModel(name);
    const { parameters } = await calls.ask('open', plain({ source, options }), { signal });
    return engineOf(policyOf(calls), { ...source, ...options, name, processor, parameters });
  } catch (error) {
    await calls.close();
    throw error;
  }
}

function policyOf(calls: ThreadCalls): Omit<Engine, 'model' | 'guarantees'> {
  return {
    sample: (requests, signal) => sample(calls, requests, signal),
    logprobs: (sequences, weights, signal) => {
      const { value, transfer } = packSequences(sequences);
      return calls.ask('logprobs', { value: { sequences: value, weights }, transfer }, { signal });
    },
    forwardBackward: (sequences, loss, signal) => {
      const hears = answersLoss(calls, loss);
      const { movesEntropies = false } = loss;
      const { value, transfer } = packSequences(sequences);
      const packed = { value: { sequences: value, movesEntropies }, transfer };
      return calls.ask('forwardBackward', packed, { signal, hears });
    },
    optimStep: (adam) => calls.ask('optimStep', plain(adam)),
    save: (folder, what = 'all') => calls.ask('save', plain({ folder, what })),
    load: (handle, folder, what = 'all') => calls.ask('load', plain({ handle, folder, what })),
    exportModel: (folder) => calls.ask('exportModel', plain(folder)),
    close: () => calls.close(),
  };
}

function plain<T>(value: T): Packed<T> {
  return { value, transfer: [] };
}

function answersLoss(calls: ThreadCalls, loss: Loss): Hears {
  return (told) => {
    if (told.kind !== 'loss') return;
    const { value: part, transfer } = packLossPart(loss(told.inputs));
    calls.reply({ kind: 'lossPart', part }, transfer);
  };
}

/** Groups as they come, however long the caller looks at each; a caller who stops looking stops the sampling. */
async function* sample(
  calls: ThreadCalls,
  requests: readonly SampleRequest[],
  signal: AbortSignal,
): AsyncGenerator<SampledGroup> {
  const arrived: SampledGroup[] = [];
  let wake = () => {};
  const hears: Hears = (told) => {
    if (told.kind === 'group') {
      arrived.push(told.group);
      wake();
    } else if (told.kind === 'tokens') {
      tellTokens(requests, told.tokens);
    }
  };
  const own = new AbortController();
  const stopListening = onAbort(signal, () => own.abort(signal.reason));
  try {
    let isOver = false;
    const over = calls
      .ask('sample', packRequests(requests), { signal: own.signal, hears })
      .finally(() => {
        isOver = true;
      });
    // Awaited below, perhaps only after the caller has looked at a group.
    over.catch(() => {});
    for (;;) {
      signal.throwIfAborted();
      const group = arrived.shift();
      if (group !== undefined) yield group;
      else if (isOver) return await over;
      else {
        const next = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([next, over]);
      }
    }
  } finally {
    stopListening();
    own.abort('aborted');
  }
}

/** @param tokens [3n] request, completion and token */
function tellTokens(requests: readonly SampleRequest[], tokens: Int32Array): void {
  for (let at = 0; at < tokens.length; at += 3) {
    const [request, completion, token] = tokens.subarray(at, at + 3);
    requests[request!]?.onToken?.(completion!, token!);
  }
}
