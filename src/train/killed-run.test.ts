import { spawn } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { readMetrics } from '../run/run-reader.ts';
import { RunWriter } from '../run/run-writer.ts';
import { longToyConfig, toyEngine, toyTraining } from './loop.fixture.ts';
import { train } from './loop.ts';

const { signal } = new AbortController();
const clock = () => 0;

/** Trains in another process, which SIGKILL ends when it reports its n-th iteration. */
async function trainUntilKilled(directory: string, iteration: number): Promise<string | null> {
  const script = fileURLToPath(new URL('./killed-run.fixture.ts', import.meta.url));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const child = spawn(process.execPath, ['--import', tsx, script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = 0;
  child.stdout.on('data', (bytes: Buffer) => {
    seen += bytes
      .toString()
      .split('\n')
      .filter((kind) => kind === 'iteration').length;
    if (seen >= iteration) child.kill('SIGKILL');
  });
  return new Promise((resolve) => child.once('exit', (_, killed) => resolve(killed)));
}

async function finalWeights(directory: string): Promise<string> {
  const last = String(longToyConfig.iterations).padStart(6, '0');
  return readFile(join(directory, 'checkpoints', last, 'engine', 'policy.json'), 'utf8');
}

test('a run whose process was killed ends as if undisturbed', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'medix-killed-'));
  const [whole, killed] = [join(parent, 'whole'), join(parent, 'killed')];
  const manifest = { kind: 'train', config: {}, facts: {} } as const;
  const undisturbed = await RunWriter.create(whole, manifest, [], clock);
  await train(toyTraining(undisturbed, { config: longToyConfig }, toyEngine()), signal);
  await undisturbed.close('finished');

  expect(await trainUntilKilled(killed, 9)).toBe('SIGKILL');
  const resumed = await RunWriter.resume(killed, manifest, [], clock);
  expect(resumed.resumeFrom?.iteration).toBeGreaterThan(0);
  await train(toyTraining(resumed, { config: longToyConfig }, toyEngine()), signal);
  await resumed.close('finished');

  expect(await finalWeights(killed)).toBe(await finalWeights(whole));
  const values = async (path: string) => (await readMetrics(path)).map((line) => line.values);
  expect(await values(killed)).toEqual(await values(whole));
});
