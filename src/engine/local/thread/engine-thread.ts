/** The thread of an engine: it owns the policy and answers calls one after the other. Started by start-thread.ts. */
import { parentPort } from 'node:worker_threads';
import { defined } from '../../../core/errors.ts';
import type { LossInput, LossPart, SampleRequest } from '../../engine.ts';
import type { LocalPolicy } from '../local-policy.ts';
import type { Cancellation } from '../network.ts';
import { openPolicy } from '../open-policy.ts';
import { failureOf } from './failure.ts';
import { buffersOf } from './packing.ts';
import type { Asked, Calls, Said, ThreadRequest, Told, Verb } from './protocol.ts';

/** What a call may do while it runs. */
type Call = {
  readonly signal: Cancellation;
  readonly tell: (told: Told, transfer?: readonly ArrayBuffer[]) => void;
};

type Answers = {
  readonly [V in Verb]: (input: Calls[V]['input'], call: Call) => Promise<Calls[V]['answer']>;
};

const port = defined(parentPort, 'the port of this thread');
let opened: LocalPolicy | undefined;
/** Takes the part of the loss that the owner computes; one call runs at a time. */
let takeLossPart: ((part: LossPart | undefined) => void) | undefined;

const policy = () => defined(opened, 'the policy');

const answers: Answers = {
  open: async ({ source, options }) => {
    const { policy: one, parameters } = await openPolicy(source, options);
    opened = one;
    return { parameters };
  },
  sample: async (requests, { signal, tell }) => {
    const groups = policy().sample(withTokens(requests, tell), signal);
    for await (const group of groups) {
      const arrays = group.completions.flatMap(({ tokens, logprobs }) => [tokens, logprobs]);
      tell({ kind: 'group', group }, buffersOf(arrays));
    }
    return undefined;
  },
  logprobs: ({ sequences, weights }, { signal }) => policy().logprobs(sequences, weights, signal),
  forwardBackward: ({ sequences, movesEntropies }, call) => {
    const loss = (inputs: readonly LossInput[]) => lossOf(inputs, call);
    return policy().forwardBackward(
      sequences,
      Object.assign(loss, { movesEntropies }),
      call.signal,
    );
  },
  optimStep: (adam) => policy().optimStep(adam),
  save: ({ folder, what }) => policy().save(folder, what),
  load: async ({ handle, folder, what }) => {
    await policy().load(handle, folder, what);
    return undefined;
  },
  exportModel: async (folder) => {
    await policy().exportModel(folder);
    return undefined;
  },
  close: async () => {
    await opened?.close();
    return undefined;
  },
};

/** The tokens of one step go together: they are told before the policy goes on. */
function withTokens(requests: readonly ThreadRequest[], tell: Call['tell']): SampleRequest[] {
  let step: number[] = [];
  const tellStep = () => {
    const tokens = Int32Array.from(step);
    step = [];
    tell({ kind: 'tokens', tokens });
  };
  return requests.map(({ tellsTokens, ...request }, index) => {
    if (!tellsTokens) return request;
    const onToken = (completion: number, token: number) => {
      if (step.length === 0) queueMicrotask(tellStep);
      step.push(index, completion, token);
    };
    return { ...request, onToken };
  });
}

async function lossOf(inputs: readonly LossInput[], { tell }: Call): Promise<LossPart> {
  const answered = new Promise<LossPart | undefined>((resolve) => {
    takeLossPart = resolve;
  });
  const arrays = inputs.flatMap(({ policyLogprobs, policyEntropies = policyLogprobs }) => [
    policyLogprobs,
    policyEntropies,
  ]);
  tell({ kind: 'loss', inputs }, buffersOf(arrays));
  return (await answered) ?? stopped();
}

/** Nobody waits for the answer any more. */
function stopped(): never {
  throw new Error('stopped');
}

type Asking = Extract<Asked, { kind: 'call' }>;

async function answer({ call, verb, input, stop }: Asking): Promise<void> {
  const say = (said: Said, transfer: readonly ArrayBuffer[] = []) =>
    port.postMessage(said, [...transfer]);
  const signal = {
    throwIfAborted: () => {
      if (Atomics.load(stop, 0) !== 0) stopped();
    },
  };
  try {
    if (verb !== 'close') signal.throwIfAborted();
    const run = answers[verb] as (input: unknown, call: Call) => Promise<Calls[Verb]['answer']>;
    const tell: Call['tell'] = (told, transfer) => say({ call, ...told }, transfer);
    const result = await run(input, { signal, tell });
    say({ call, kind: 'answered', answer: result }, Array.isArray(result) ? buffersOf(result) : []);
  } catch (error) {
    say({ call, kind: 'failed', failure: failureOf(error) });
  } finally {
    // Nothing else holds the thread.
    if (verb === 'close') port.close();
  }
}

let last: Promise<void> = Promise.resolve();
port.on('message', (asked: Asked) => {
  if (asked.kind === 'lossPart') takeLossPart?.(asked.part);
  else last = last.then(() => answer(asked));
});
