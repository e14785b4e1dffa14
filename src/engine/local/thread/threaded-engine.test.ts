import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MedixError } from '../../../core/errors.ts';
import type { Prompt } from '../../../model/prompt.ts';
import { tinyCases, tinyModelDirectory, tinyPrompt } from '../../../model/tiny-model.fixture.ts';
import type { Engine, Loss, SampledGroup, SampleRequest } from '../../engine.ts';
import { openLocalEngine } from '../local-engine.ts';
import { startEngineThread } from './start-thread.ts';
import { openThreadedEngine } from './threaded-engine.ts';

const never = new AbortController().signal;
const adam = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};
const loss: Loss = (inputs) => ({
  loss: inputs.length,
  gradients: inputs.map(({ index, policyLogprobs }) => {
    return policyLogprobs.map((_, t) => Math.sin(1 + index * 7 + t));
  }),
  metrics: { 'update/parts': { sum: 1, count: 1 } },
});

/** Every request is a batch of its own, so that groups come one after the other. */
const limits = { maxRows: 1, maxBatchTokens: 1 };
const open = (signal = never) => openThreadedEngine(tinyModelDirectory, { limits }, signal);

let prompts: Prompt[];
let engine: Engine;
beforeAll(async () => {
  const names = ['text-only', 'conversation', 'two-images'];
  prompts = await Promise.all(
    names.map((name) => tinyPrompt(tinyCases.find((one) => one.name === name)!)),
  );
  engine = await open();
});
afterAll(() => engine.close());

function requests(maxTokens = 6): SampleRequest[] {
  return prompts.map((prompt, p) => {
    const keys = [`${p}/a`, `${p}/b`];
    return { prompt, keys, maxTokens, temperature: 1, topP: 1, topK: 0 };
  });
}

async function all(groups: AsyncIterable<SampledGroup>): Promise<SampledGroup[]> {
  const found: SampledGroup[] = [];
  for await (const group of groups) found.push(group);
  return found;
}

const sequences = () =>
  prompts.flatMap((prompt) => [
    { prompt, completion: Int32Array.of(5, 6, 7) },
    { prompt, completion: Int32Array.of(8, 9) },
  ]);

it('computes the bits of an engine in this thread', async () => {
  const run = async (one: Engine) => {
    const report = await one.forwardBackward(sequences(), loss, never);
    const step = await one.optimStep(adam);
    const groups = await all(one.sample(requests(), never));
    const policy = await one.logprobs(sequences(), 'policy', never);
    const reference = await one.logprobs(sequences(), 'reference', never);
    await one.close();
    return { parameters: one.model.parameters, report, step, groups, policy, reference };
  };
  const inThread = await run(await openLocalEngine(tinyModelDirectory, { limits }));
  expect(inThread.step.kind).toBe('applied');
  expect(inThread.policy).not.toEqual(inThread.reference);
  expect(await run(await open())).toEqual(inThread);
});

it('leaves the event loop to others while a program runs', async () => {
  let turns = 0;
  let isRunning = true;
  const turn = () => {
    turns++;
    if (isRunning) setImmediate(turn);
  };
  setImmediate(turn);
  const prompt = { tokens: new Int32Array(400).fill(10), images: [] };
  const [request] = requests(1);
  await all(engine.sample([{ ...request!, prompt }], never));
  isRunning = false;
  expect(turns).toBeGreaterThan(20);
});

it('tells every token as it is sampled, in order and before its group', async () => {
  const told: number[][][] = prompts.map(() => [[], []]);
  const asked = requests().map((request, r) => ({
    ...request,
    onToken: (completion: number, token: number) => told[r]![completion]!.push(token),
  }));
  let groups = 0;
  for await (const { request, completions } of engine.sample(asked, never)) {
    groups++;
    expect(told[request]).toEqual(completions.map(({ tokens }) => [...tokens]));
  }
  expect(groups).toBe(prompts.length);
});

it('answers other calls while its groups are looked at', async () => {
  let looked = 0;
  for await (const { request, completions } of engine.sample(requests(), never)) {
    const prompt = prompts[request]!;
    const sampled = completions.map(({ tokens }) => ({ prompt, completion: tokens }));
    const logprobs = await engine.logprobs(sampled, 'policy', never);
    logprobs.forEach((row, i) => {
      expect(row).toHaveLength(completions[i]!.tokens.length);
    });
    looked++;
  }
  expect(looked).toBe(prompts.length);
});

describe('a call that is given up', () => {
  const expectToWork = async () => {
    expect(await all(engine.sample(requests(), never))).toHaveLength(prompts.length);
  };

  it('in the midst of sampling ends with the reason', async () => {
    const abort = new AbortController();
    const onToken = () => abort.abort(new Error('enough'));
    const asked = requests(200).map((request) => ({ ...request, onToken }));
    await expect(all(engine.sample(asked, abort.signal))).rejects.toThrow('enough');
    await expectToWork();
  });

  it('in the midst of an update ends with the reason', async () => {
    const fresh = await open();
    const abort = new AbortController();
    let parts = 0;
    const aborting: Loss = (inputs) => {
      if (++parts === 2) abort.abort(new Error('enough'));
      return loss(inputs);
    };
    await expect(fresh.forwardBackward(sequences(), aborting, abort.signal)).rejects.toThrow(
      'enough',
    );
    expect(await fresh.optimStep(adam)).toMatchObject({ kind: 'applied' });
    expect(parts).toBe(2);
    await fresh.close();
  });

  it('before it began asks for nothing', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(all(engine.sample(requests(), signal))).rejects.toThrow('enough');
    await expect(engine.logprobs(sequences(), 'policy', signal)).rejects.toThrow('enough');
    await expect(engine.forwardBackward(sequences(), loss, signal)).rejects.toThrow('enough');
  });

  it('by who looks at no further group stops the sampling', async () => {
    let groups = 0;
    const watched = await openThreadedEngine(tinyModelDirectory, { limits }, never, () => {
      return startEngineThread().on('message', ({ kind }) => {
        if (kind === 'group') groups++;
      });
    });
    const longest = Math.max(...prompts.map(({ tokens }) => tokens.length));
    const asked = requests(watched.model.contextLength - longest).map((request) => {
      // The longest prompt is the first; hundreds of tokens are not sampled before the stop is seen.
      return request.prompt.tokens.length === longest ? { ...request, maxTokens: 1 } : request;
    });
    for await (const { completions } of watched.sample(asked, never)) {
      expect(completions[0]?.tokens).toHaveLength(1);
      break;
    }
    await watched.logprobs(sequences(), 'policy', never);
    expect(groups).toBe(1);
    await watched.close();
  });

  it('while its model is opened ends with the reason', async () => {
    const abort = new AbortController();
    const start = () => {
      const worker = startEngineThread();
      worker.once('online', () => abort.abort(new Error('enough')));
      return worker;
    };
    const opening = openThreadedEngine(tinyModelDirectory, {}, abort.signal, start);
    await expect(opening).rejects.toThrow('enough');
  });
});

describe('an error', () => {
  it('of the loss is the caller’s own', async () => {
    const own = new Error('no such loss');
    const failing: Loss = () => {
      throw own;
    };
    await expect(engine.forwardBackward(sequences(), failing, never)).rejects.toBe(own);
    expect(await engine.logprobs(sequences(), 'policy', never)).toHaveLength(6);
  });

  it('of who hears tokens is the caller’s own', async () => {
    const own = new Error('no place for tokens');
    const onToken = () => {
      throw own;
    };
    const asked = requests().map((request) => ({ ...request, onToken }));
    await expect(all(engine.sample(asked, never))).rejects.toBe(own);
  });

  it('of the thread names place and next step as it does in this thread', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'medix-thread-'));
    const handle = { engine: 'local' };
    const local = await openLocalEngine(tinyModelDirectory);
    const expected = await local.load(handle, folder).catch((error: unknown) => error);
    expect(expected).toBeInstanceOf(MedixError);
    const { message, boundary, problems } = expected as MedixError;
    await expect(engine.load(handle, folder)).rejects.toMatchObject({
      message,
      boundary,
      problems,
      cause: { cause: { code: 'ENOENT' } },
    });
    await local.close();
    await rm(folder, { recursive: true });
  });
});

describe('a thread that ends by itself', () => {
  /** Opens as if there were a model, then does what it is told at the next call. */
  const start = (then: string) => () =>
    new Worker(
      `const { parentPort } = require('node:worker_threads');
       parentPort.on('message', ({ call, verb }) => {
         if (verb === 'open') {
           parentPort.postMessage({ call, kind: 'answered', answer: { parameters: 1 } });
         } else { ${then} }
       });`,
      { eval: true, resourceLimits: { maxOldGenerationSizeMb: 16 } },
    );
  const openDying = (then: string) =>
    openThreadedEngine(tinyModelDirectory, {}, never, start(then));

  it.each([
    ['process.exit(3);', /the thread that computes .* its end: exit code 3/],
    ['throw new Error("split");', /the thread that computes .* its end: split/],
    [
      'const all = []; for (;;) all.push(new Array(1000).fill({}));',
      /enough memory .* lower engine\.memory/,
    ],
  ])('is an error of the engine for every call: %s', async (then, message) => {
    const dying = await openDying(then);
    const calls = [
      dying.logprobs(sequences(), 'policy', never),
      dying.optimStep(adam),
      all(dying.sample(requests(), never)),
    ];
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ boundary: 'engine' });
      await expect(call).rejects.toThrow(message);
    }
    await expect(dying.optimStep(adam)).rejects.toThrow(message);
    await dying.close();
  });

  it('because an array finds no room says that memory is short', async () => {
    const failure = `{ kind: 'other', name: 'RangeError', message: 'Array buffer allocation failed' }`;
    const short = await openDying(
      `if (verb === 'close') parentPort.close();
       else parentPort.postMessage({ call, kind: 'failed', failure: ${failure} });`,
    );
    await expect(short.optimStep(adam)).rejects.toMatchObject({
      boundary: 'engine',
      problems: [{ got: 'too little: Array buffer allocation failed' }],
    });
  });
});

it('closing ends the thread, once, and later calls fail', async () => {
  let ended = 0;
  const one = await openThreadedEngine(tinyModelDirectory, {}, never, () => {
    return startEngineThread().on('exit', () => ended++);
  });
  await Promise.all([one.close(), one.close()]);
  expect(ended).toBe(1);
  await expect(one.optimStep(adam)).rejects.toThrow('the engine is closed');
});
