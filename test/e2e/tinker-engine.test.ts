/**
 * Trains over real HTTP on `medix engine serve`, and kills client and server in the middle: the weights must be the
 * same.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { openThreadedEngine } from '../../src/engine/local/thread/threaded-engine.ts';
import { seedOf } from '../../src/engine/tinker/sample-groups.ts';
import { train } from '../../src/library/train.ts';
import { openSafetensors } from '../../src/model/files/safetensors.ts';
import { readManifest } from '../../src/run/run-reader.ts';
import {
  freePort,
  medix,
  type Running,
  startMedix,
  startServer,
  temporaryFolder,
} from './medix.ts';

const startModel = fileURLToPath(new URL('../../assets/start-model', import.meta.url));
const folder = await temporaryFolder();
const never = new AbortController().signal;
const open = () => openThreadedEngine(startModel, {}, never);

/** The service on one port and one folder, so that it comes back where it was. */
function serve(port: number): Promise<Running> {
  const place = ['--port', `${port}`, '--checkpoints', 'service', '--models', '3'];
  return startServer(folder, ['engine', 'serve', startModel, ...place], /is served at (\S+)/);
}

const port = await freePort();
const url = `http://127.0.0.1:${port}`;
let server: Running;
beforeAll(async () => {
  server = await serve(port);
});
afterAll(async () => {
  server.kill('SIGTERM');
  await server.outcome;
});

/**
 * Two ways of adding up the same gradient differ by rounding. Adam divides by its size: with an epsilon below the
 * rounding, a weight whose gradient is next to nothing moves by that alone.
 */
const optimizer = { learningRate: 1e-3, epsilon: 1e-5 };

const settings = {
  model: startModel,
  data: { train: 'phantoms', trainCount: 200, template: 'question' },
  rollout: { promptsPerIteration: 2, groupSize: 4, maxCompletionTokens: 16 },
  algorithm: { maxSampleRounds: 1 },
  optimizer,
  iterations: 2,
  checkpoint: { every: 1 },
} as const;

const training = (out: string) => [
  'train',
  `model=${startModel}`,
  `out=${out}`,
  'data={train: phantoms, trainCount: 200, template: question}',
  'rollout={promptsPerIteration: 2, groupSize: 4, maxCompletionTokens: 16}',
  'algorithm.maxSampleRounds=1',
  `optimizer={learningRate: ${optimizer.learningRate}, epsilon: ${optimizer.epsilon}}`,
  'iterations=2',
  'checkpoint.every=1',
  `engine={kind: tinker, url: "${url}", rank: 0, cache: cache}`,
];

async function weightsOf(model: string): Promise<Record<string, Float32Array>> {
  const file = await openSafetensors(model);
  const names = [...file.tensors.keys()];
  const values: Record<string, Float32Array> = {};
  for (const name of names) values[name] = await file.read(name);
  await file.close();
  return values;
}

/** The engine of this process, whose keys are what they are on the server. */
async function keyedLikeTheServer(): Promise<Engine> {
  const engine = await open();
  return {
    ...engine,
    sample: (requests, signal) =>
      engine.sample(
        requests.map((it) => ({ ...it, keys: it.keys.map((key) => `seed ${seedOf(key)}/0`) })),
        signal,
      ),
  };
}

const modelOf = (run: string) => join(folder, run, 'model');
const bytesOf = (run: string) => readFile(join(modelOf(run), 'model.safetensors'));

test('two iterations with images come to the weights of the engine in this process', async () => {
  const { code, stderr } = await medix(folder, ...training('whole'));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { model } = await train({
    ...settings,
    engine: keyedLikeTheServer,
    out: join(folder, 'here'),
  });
  const [there, here, start] = await Promise.all(
    [modelOf('whole'), model, startModel].map(weightsOf),
  );
  const largest = (a: Record<string, Float32Array>, b: Record<string, Float32Array>) => {
    let most = 0;
    for (const [name, values] of Object.entries(a)) {
      const others = b[name]!;
      for (let i = 0; i < values.length; i++) {
        most = Math.max(most, Math.abs(values[i]! - others[i]!));
      }
    }
    return most;
  };
  expect(largest(here!, there!)).toBeLessThan(1e-5);
  expect(largest(here!, start!)).toBeGreaterThan(5e-4);
  const { facts } = await readManifest(join(folder, 'whole'));
  expect(facts).toMatchObject({
    engine: { server: url, doctor: { normalisation: 'sum over tokens', blind: null } },
  });
});

test('a run whose client is killed in mid-iteration and resumed ends in the same weights', async () => {
  const running = startMedix(folder, training('killed'), (line) => {
    if (line.startsWith('1/2')) running.kill('SIGKILL');
  });
  expect((await running.outcome).code).toBeNull();
  expect((await medix(folder, 'train', '--resume', 'killed')).code).toBe(0);
  expect((await bytesOf('killed')).equals(await bytesOf('whole'))).toBe(true);
});

test('a run whose server is killed in mid-iteration and started again ends in the same weights', async () => {
  let restarted: Promise<Running> | undefined;
  const running = startMedix(folder, training('restarted'), (line) => {
    if (!line.startsWith('1/2')) return;
    server.kill('SIGKILL');
    restarted = server.outcome.then(() => serve(port));
  });
  const { code, stderr } = await running.outcome;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  server = (await restarted) ?? server;
  expect((await bytesOf('restarted')).equals(await bytesOf('whole'))).toBe(true);
});
