/** Training on the public data set of MediX-R1, from a hub and then without it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commit, type DatasetHub, startDatasetHub } from '../../src/data/dataset-hub.fixture.ts';
import { medixRlData } from '../../src/data/medix-rl-data.fixture.ts';
import { medix, startMedix, temporaryFolder } from './medix.ts';

const startModel = fileURLToPath(new URL('../../assets/start-model', import.meta.url));
const folder = await temporaryFolder();
const before = { ...process.env };
const id = 'MBZUAI/medix-rl-data';

let hub: DatasetHub;
beforeAll(async () => {
  hub = await startDatasetHub({ id, files: await medixRlData(), token: 'hf_secret' });
  Object.assign(process.env, { HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_secret', HOME: folder });
});
afterAll(async () => {
  process.env = before;
  await hub.close();
});

const json = async (...path: readonly string[]) =>
  JSON.parse(await readFile(join(folder, ...path), 'utf8'));
const weights = (run: string) => readFile(join(folder, run, 'model', 'model.safetensors'));

const training = (out: string) => [
  'train',
  `model=${startModel}`,
  `out=${out}`,
  `data.train=${id}@train`,
  `data.validation=${id}@test`,
  // Small enough for a test; all else is as it comes.
  'rollout.promptsPerIteration=2',
  'rollout.groupSize=2',
  'rollout.maxCompletionTokens=4',
  'algorithm.filter=none',
  'algorithm.maxSampleRounds=1',
  'checkpoint.every=1',
  'iterations=2',
];

test('it trains with nothing but its name, and a killed run goes on without the hub', async () => {
  const whole = await medix(folder, ...training('whole'));
  expect(whole.stderr).toBe('');
  expect(whole.stdout).not.toContain('left out');
  const { config, facts } = await json('whole', 'manifest.json');
  expect(config.data.train).toBe(`${id}@train#${commit}`);
  expect(facts.data.train).toMatchObject([{ from: `${id}@train#${commit}`, rows: 18 }]);
  expect(facts.data.validation).toMatchObject([{ rows: 6 }]);
  const running = startMedix(folder, training('killed'), (line) => {
    if (line.startsWith('1/2')) running.kill('SIGKILL');
  });
  await running.outcome;
  await hub.close();
  const resumed = await medix(folder, 'train', '--resume', 'killed');
  expect(resumed.stderr).toBe('');
  expect(await weights('killed')).toEqual(await weights('whole'));
});
