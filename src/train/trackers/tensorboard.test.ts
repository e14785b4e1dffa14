import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scalarRecord, startRecord, versionRecord } from './event-file.ts';
import { tensorboardTracker } from './tensorboard.ts';

test('a write that fails costs its iteration; the next one begins a file that can be read', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'medix-tensorboard-'));
  try {
    const folder = join(parent, 'tensorboard');
    await writeFile(folder, 'in the way');
    const tracker = tensorboardTracker(folder, () => 2000);
    const tell = (iteration: number) =>
      tracker.iteration?.({ iteration, iterations: 9, values: { loss: 0.5, nothing: null } });
    await expect(tell(3)).rejects.toThrow();
    await rm(folder);
    await tell(4);
    await tell(5);
    const names = await readdir(folder);
    expect(names).toEqual([expect.stringMatching(/^events\.out\.tfevents\.0000000002\..*\.1$/)]);
    const file = await readFile(join(folder, names[0] ?? ''));
    const point = (iteration: number) => scalarRecord(2, iteration, [['loss', 0.5]]);
    const records = [versionRecord(2), startRecord(2, 4), point(4), point(5)];
    expect(file).toEqual(Buffer.concat(records));
  } finally {
    await rm(parent, { recursive: true });
  }
});
