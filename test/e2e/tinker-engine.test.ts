/** Trains over real HTTP on a Tinker server, and stops client and server in the middle: the weights must be the same. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { openThreadedEngine } from '../../src/engine/local/thread/threaded-engine.ts';
import { readLocalFiles } from '../../src/engine/tinker/open-tinker-engine.ts';
import { seedOf } from '../../src/engine/tinker/tinker-engine.ts';
import {
  startTinkerServer,
  type TinkerServer,
} from '../../src/engine/tinker/tinker-server.fixture.ts';
import { train } from '../../src/library/train.ts';
import { openSafetensors } from '../../src/model/files/safetensors.ts';
import { readManifest } from '../../src/run/run-reader.ts';
import { medix, startMedix, temporaryFolder } from './medix.ts';

const startModel = fileURLToPath(new URL('../../assets/start-model', import.meta.url));
const folder = await temporaryFolder();
const never = new AbortController().signal;
const open = () => openThreadedEngine(startModel, {}, never);

let server: TinkerServer;
beforeAll(async () => {
  server = await startTinkerServer(open, (await readLocalFiles(startModel)).images);
});
afterAll(() => server.close());

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
  `engine={kind: tinker, url: "${server.url}", rank: 0, cache: cache}`,
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
        requests.map((it) => ({ ...it, keys: it.keys.map((key) => `seed ${seedOf(key)}`) })),
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
    engine: { server: server.url, doctor: { normalisation: 'sum over tokens', blind: null } },
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

test('a run whose server restarts in mid-iteration says so, and ends in the same weights once resumed', async () => {
  const running = startMedix(folder, training('restarted'), (line) => {
    if (line.startsWith('1/2')) void server.restart();
  });
  const { code, stderr } = await running.outcome;
  expect(code).toBe(1);
  expect(stderr).toMatch(/resum/);
  expect((await medix(folder, 'train', '--resume', 'restarted')).code).toBe(0);
  expect((await bytesOf('restarted')).equals(await bytesOf('whole'))).toBe(true);
});
