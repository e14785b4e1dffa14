import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { medix, temporaryFolder } from './medix.ts';

const folder = await temporaryFolder();

test('a quickstart cut short by its time limit still measures, reports and leaves a usable model', async () => {
  const { code, stdout, stderr } = await medix(
    folder,
    'quickstart',
    '--minutes=0.001',
    '--seed=3',
    '--out=run',
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const summary = JSON.parse(await readFile(join(folder, 'run', 'summary.json'), 'utf8'));
  const means = {
    reward: expect.any(Number),
    accuracy: expect.any(Number),
    similarity: expect.any(Number),
    format: expect.any(Number),
    modality: expect.any(Number),
  };
  const change = { before: expect.any(Number), after: expect.any(Number) };
  expect(summary).toEqual({
    seed: 3,
    iterations: 1,
    wallSeconds: expect.any(Number),
    peakRssBytes: expect.any(Number),
    parameters: expect.any(Number),
    questions: 1000,
    before: means,
    after: means,
    accuracyGain: { points: expect.any(Number), ci95: [expect.any(Number), expect.any(Number)] },
    mcnemarP: expect.any(Number),
    byKind: expect.objectContaining({
      finding: { questions: expect.any(Number), ...change },
      count: { questions: expect.any(Number), ...change },
    }),
    readingAccuracy: change,
    blindAccuracy: change,
    imageDependence: change,
  });
  expect(summary.before.format).toBeGreaterThan(0.9);
  expect(stdout).toContain('time is up');
  expect(stdout).toContain('Six of the questions');

  const { stdout: answer } = await medix(
    folder,
    'generate',
    '--model=run/model',
    '--prompt=What does this image show?',
    '--json',
  );
  expect(JSON.parse(answer)).toMatchObject({ stopReason: expect.any(String) });
});

test('a quickstart takes changes to its config, and no config file', async () => {
  const changed = await medix(
    folder,
    'quickstart',
    '--out=changed',
    'rollout.groupSize=many',
    'x=1',
  );
  expect(changed.code).not.toBe(0);
  expect(changed.stderr).toContain('command line: rollout.groupSize');
  expect(changed.stderr).toContain('command line: x');
  const file = await medix(folder, 'quickstart', '--out=changed', 'train.yaml');
  expect(file.code).not.toBe(0);
  expect(file.stderr).toContain('changes as key=value');
});
