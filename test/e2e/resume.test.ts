/** Stops training runs in the middle and resumes them: the weights must be the same as without the stop. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readAttempts } from '../../src/run/attempt.ts';
import { medix, startMedix, temporaryFolder } from './medix.ts';

const startModel = fileURLToPath(new URL('../../assets/start-model', import.meta.url));
const folder = await temporaryFolder();

const training = (out: string) => [
  'train',
  `model=${startModel}`,
  `out=${out}`,
  'data.train=phantoms',
  'data.trainCount=1000',
  'data.template=question',
  'rollout.promptsPerIteration=4',
  'rollout.groupSize=4',
  'rollout.maxCompletionTokens=32',
  'algorithm.maxSampleRounds=2',
  'optimizer.learningRate=1e-3',
  'iterations=4',
  'checkpoint.every=1',
];

const resuming = (out: string) => ['train', '--resume', out];

async function weightsHash(run: string): Promise<string> {
  const bytes = await readFile(join(folder, run, 'model', 'model.safetensors'));
  return createHash('sha256').update(bytes).digest('hex');
}

test('a run killed in its third iteration and resumed ends in the same weights', async () => {
  expect((await medix(folder, ...training('whole'))).code).toBe(0);
  const running = startMedix(folder, training('killed'), (line) => {
    if (line.startsWith('2/4')) running.kill('SIGKILL');
  });
  expect((await running.outcome).code).toBeNull();
  expect((await medix(folder, 'train', '--resume', 'killed')).code).toBe(0);
  expect(await weightsHash('killed')).toBe(await weightsHash('whole'));
});

test('a run stopped by Ctrl-C says how to resume, and resumes', async () => {
  const running = startMedix(folder, training('interrupted'), (line) => {
    if (line.startsWith('1/4')) running.kill('SIGINT');
  });
  const { code, stderr } = await running.outcome;
  expect(code).toBe(130);
  expect(stderr).toContain('medix train --resume interrupted');
  expect((await medix(folder, 'train', '--resume', 'interrupted')).code).toBe(0);
});

test('a resumed run shows what would change what it computes, and wants it allowed', async () => {
  const change = ['optimizer.learningRate=5e-4', 'iterations=9'];
  const refused = await medix(folder, ...resuming('interrupted'), ...change);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^optimizer\.learningRate: expected 0\.001, as the run has had it so far, got 0\.0005; .*--allow optimizer\.learningRate/m,
  );
  expect(refused.stderr).not.toContain('iterations');
  // Time is up after the first iteration, whenever that is.
  const allowed = ['--allow', 'optimizer.learningRate', '--max-minutes', '0.0001'];
  const { code, stdout } = await medix(folder, ...resuming('interrupted'), ...change, ...allowed);
  expect(code).toBe(0);
  expect(stdout).toContain('changed: optimizer.learningRate was 0.001, is 0.0005');
  expect(stdout).toMatch(/^5\/9 .*\n.*\nended early: time is up\nthe model is in /m);
  const attempts = await readAttempts(join(folder, 'interrupted'));
  const rates = attempts.map(({ config }) => config?.['optimizer']);
  expect(rates).toMatchObject([
    { learningRate: 1e-3 },
    { learningRate: 1e-3 },
    { learningRate: 5e-4 },
  ]);
});
