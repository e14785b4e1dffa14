import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RunWriter } from '../../run/run-writer.ts';
import { wandbTracker } from './wandb.ts';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'medix-wandb-'));
});
afterEach(() => rm(parent, { recursive: true }));

const clock = () => 1_700_000_000_000;
const manifest = { kind: 'train', config: { seed: 7 }, facts: {} } as const;

async function tell(run: RunWriter, iterations: readonly number[]): Promise<void> {
  const tracker = wandbTracker({
    ...{ out: run.directory, project: 'p', entity: null, runName: 'train', clock },
  });
  for (const iteration of iterations) {
    const values = { loss: iteration / 8, nothing: null };
    await run.writeMetrics(iteration, values);
    await tracker.iteration?.({ iteration, iterations: 9, values });
  }
  await tracker.ended?.('finished');
}

async function theFile(out: string): Promise<string> {
  const [folder = ''] = await readdir(join(out, 'wandb'));
  const names = await readdir(join(out, 'wandb', folder));
  return join(out, 'wandb', folder, names.find((name) => name.endsWith('.wandb')) ?? '');
}

/** Each row of the history writes its values twice: as history and as summary. */
async function lossesIn(path: string): Promise<number[]> {
  const text = await readFile(path, 'latin1');
  const found = [...text.matchAll(/loss...([\d.]+)/gs)];
  return found.map(([, value]) => Number.parseFloat(value ?? '')).filter((_, i) => i % 2 === 0);
}

test('a resumed run writes the same file anew, with each iteration once', async () => {
  const out = join(parent, 'run');
  const first = await RunWriter.create(out, manifest, [], clock);
  await tell(first, [1, 2, 3]);
  await first.close('stopped');
  const path = await theFile(out);
  expect(await lossesIn(path)).toEqual([0.125, 0.25, 0.375]);
  await writeFile(`${path}.synced`, '');

  const second = await RunWriter.resume(out, manifest, [], clock);
  await tell(second, [1, 2, 3, 4]);
  await second.close('finished');
  expect(await theFile(out)).toBe(path);
  expect(await readdir(join(out, 'wandb'))).toHaveLength(1);
  expect(await lossesIn(path)).toEqual([0.125, 0.25, 0.375, 0.5]);
  // It is to be sent again.
  await expect(readFile(`${path}.synced`)).rejects.toThrow(/ENOENT/);
});
