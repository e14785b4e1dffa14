/**
 * `npm run bench:engine`: what it costs to have the engine behind the Tinker protocol. Protobuf against JSON for a batch
 * of 512 sequences of 2,000 tokens, and memory with 2,000 samples in flight; with `--url` of a server that has the
 * quickstart's model (`medix engine serve assets/start-model`) an iteration there against one in this process. Prints one
 * line of JSON.
 */
import { parseArgs } from 'node:util';
import { defined } from '../src/core/errors.ts';
import { rngFromKey } from '../src/core/rng.ts';
import { phantomSample } from '../src/data/phantoms/study.ts';
import type { Engine, Loss } from '../src/engine/engine.ts';
import { openThreadedEngine } from '../src/engine/local/thread/threaded-engine.ts';
import { readLocalFiles } from '../src/engine/tinker/open-tinker-engine.ts';
import { createTinkerEngine } from '../src/engine/tinker/tinker-engine.ts';
import { connectTinker } from '../src/tinker/client.ts';
import { encodeData } from '../src/tinker/codec.ts';
import type { Datum } from '../src/tinker/messages.ts';
import { startScriptedServer } from '../src/tinker/scripted-server.fixture.ts';
import { never, seconds } from './timing.ts';

const { values: options } = parseArgs({
  options: {
    /** A server with the quickstart's model. */
    url: { type: 'string' },
    iterations: { type: 'string', default: '5' },
  },
});

const rng = rngFromKey('bench/engine');

function median(values: readonly number[]): number {
  return defined(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)], 'value');
}

function datum(tokens: number): Datum {
  const numbers = () => Float32Array.from({ length: tokens }, () => rng.normal());
  const ids = () => Int32Array.from({ length: tokens }, () => rng.integer(150_000));
  return {
    input: [{ kind: 'text', tokens: ids() }],
    targets: ids(),
    lossInputs: { logprobs: numbers(), advantages: numbers(), weights: numbers().fill(1) },
  };
}

/** Seconds and bytes of one way of writing a batch. */
async function writing(codec: 'json' | 'protobuf', data: readonly Datum[]) {
  const request = {
    model: 'm',
    seq: 1,
    data,
    loss: { name: 'importance_sampling' },
    isForwardOnly: false,
  };
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < 3; i++) {
    const [took, payload] = await seconds(async () => encodeData(codec, request));
    times.push(took);
    bytes = Buffer.byteLength(payload.content);
  }
  return { seconds: median(times), megabytes: bytes / 1e6 };
}

/** Memory while 2,000 samples are open, round after round. */
async function inFlight() {
  const server = await startScriptedServer({ maxSamples: 2000 });
  const client = await connectTinker({ url: server.url, codec: 'json' });
  const model = await client.createModel({ baseModel: 'tiny' });
  const sampler = await model.openSampler();
  const prompt = [{ kind: 'text', tokens: new Int32Array(500).fill(7) }] as const;
  const megabytes: number[] = [];
  for (let round = 0; round < 4; round++) {
    const open = Array.from({ length: 2000 }, (_, seed) =>
      sampler.sample({ prompt, maxTokens: 16, seed }),
    );
    await Promise.all(open);
    globalThis.gc?.();
    megabytes.push(process.memoryUsage().rss / 1e6);
  }
  client.close();
  server.close();
  return { most: server.mostSamples, rssMegabytes: megabytes.map(Math.round) };
}

const slopes = (index: number, tokens: number) =>
  Float32Array.from({ length: tokens }, (_, t) => 1e-3 * Math.sin(index + t));

/** A loss whose gradient no engine knows before it has logprobs. */
const computedLoss: Loss = (inputs) => ({
  loss: 0,
  metrics: {},
  gradients: inputs.map(({ index, policyLogprobs }) => slopes(index, policyLogprobs.length)),
});

/** The same gradient, which is known beforehand and which a server can be told as a loss of its own. */
const fixedLoss: Loss = Object.assign((...inputs: Parameters<Loss>) => computedLoss(...inputs), {
  fixedGradient: slopes,
});

/** Seconds of sampling and of an update. */
async function iterationsOf(engine: Engine, loss: Loss, count: number) {
  const prompts = await Promise.all(
    Array.from({ length: 4 }, async (_, i) => {
      const { problem, images } = phantomSample({ seed: 1, split: 'train', index: i });
      const image = defined(images[0], 'image');
      return engine.model.processor.encode([
        {
          role: 'user',
          content: [
            { type: 'image', image },
            { type: 'text', text: problem },
          ],
        },
      ]);
    }),
  );
  const [samples, updates]: number[][] = [[], []];
  for (let round = 0; round <= count; round++) {
    const keys = Array.from({ length: 8 }, (_, k) => `${round}/${k}`);
    const requests = prompts.map((prompt) => ({
      ...{ prompt, keys, maxTokens: 32, temperature: 1, topP: 1, topK: 0 },
    }));
    const [sampling, sequences] = await seconds(async () => {
      const found = [];
      for await (const { request, completions } of engine.sample(requests, never)) {
        const prompt = defined(prompts[request], 'prompt');
        found.push(...completions.map(({ tokens }) => ({ prompt, completion: tokens })));
      }
      return found;
    });
    const [updating] = await seconds(async () => {
      await engine.forwardBackward(sequences, loss, never);
      const adam = { learningRate: 1e-6, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
      await engine.optimStep({ ...adam, weightDecay: 0, maxGradNorm: 1 });
    });
    // The first one warms up.
    if (round === 0) continue;
    samples?.push(sampling);
    updates?.push(updating);
  }
  return { sampleSeconds: median(samples ?? []), updateSeconds: median(updates ?? []) };
}

async function compared(url: string) {
  const model = 'assets/start-model';
  const count = Number(options.iterations);
  const here = await openThreadedEngine(model, {}, never);
  const inProcess = await iterationsOf(here, computedLoss, count);
  await here.close();
  const client = await connectTinker({ url });
  const [offered] = await client.models();
  const there = createTinkerEngine({
    ...(await readLocalFiles(model)),
    client,
    baseModel: defined(offered, 'model of the server').name,
    rank: 0,
    findings: { normalisation: 'sum over tokens', losses: ['ppo', 'cispo'] },
  });
  const computed = await iterationsOf(there, computedLoss, count);
  const own = await iterationsOf(there, fixedLoss, count);
  await there.close();
  const against = (one: typeof inProcess) => ({
    ...one,
    ratio:
      (one.sampleSeconds + one.updateSeconds) / (inProcess.sampleSeconds + inProcess.updateSeconds),
  });
  return { inProcess, behindTinker: { computedLoss: against(computed), ownLoss: against(own) } };
}

const data = Array.from({ length: 512 }, () => datum(2000));
const figures = {
  json: await writing('json', data),
  protobuf: await writing('protobuf', data),
  inFlight: await inFlight(),
  ...(options.url === undefined ? {} : { iteration: await compared(options.url) }),
};
console.log(JSON.stringify(figures));
