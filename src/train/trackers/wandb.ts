/**
 * Writes the metrics of a run as Weights & Biases keeps those of a run without a connection: `wandb sync` sends
 * them whenever the user wishes, so that no key is needed here and nothing leaves this machine.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { WallClock } from '../../core/async/clock.ts';
import { openToAppend, readText } from '../../core/files.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { isMissing } from '../../core/reading.ts';
import { writeAside } from '../../core/write-aside.ts';
import { writeFileDurably } from '../../run/durable.ts';
import { packageVersion } from '../../run/run-facts.ts';
import { readManifest, readMetrics } from '../../run/run-reader.ts';
import type { RunObserver } from '../observers.ts';
import { createWandbFile, type HistoryRow, type WandbFile } from './wandb-file.ts';

export type WandbOptions = {
  /** Run directory; the file is in wandb/ there. */
  readonly out: string;
  readonly project: string;
  /** User or team; null is that of whoever syncs. */
  readonly entity: string | null;
  readonly runName: string;
  readonly clock: WallClock;
};

type Line = {
  readonly iteration: number;
  readonly values: Readonly<Record<string, number | null>>;
};

const stateSchema = z.object({ id: z.string().regex(/^[a-z0-9]{8}$/) });

/**
 * The file is that of all metrics on record, which a resumed run therefore writes anew: each iteration stands
 * in it once. From then on rows are added.
 */
export function wandbTracker({ out, project, entity, runName, clock }: WandbOptions): RunObserver {
  let written:
    | { readonly path: string; readonly file: WandbFile; readonly begun: number }
    | undefined;

  const rewrite = async () => {
    const { createdAt, config } = await readManifest(out);
    const id = await runIdOf(join(out, 'trackers', 'wandb.json'));
    const begun = Date.parse(createdAt);
    const stamp = createdAt.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_');
    const path = join(out, 'wandb', `offline-run-${stamp}-${id}`, `run-${id}.wandb`);
    const file = createWandbFile(`medix ${await packageVersion()}`);
    const run = { id, project, name: runName, host: hostname(), startedAt: begun, config };
    const lines = await readMetrics(out);
    await makeFolder(dirname(path));
    await writeAside(path, async (append) => {
      await append(file.begin({ ...run, entity: entity ?? undefined }));
      for (const line of lines) await append(file.row(rowOf(line, Date.parse(line.at), begun)));
    });
    // The mark that W&B sets beside a file that it has sent.
    await rm(`${path}.synced`, { force: true });
    written = { path, file, begun };
  };

  const append = async (bytesOf: (file: WandbFile, begun: number) => Buffer) => {
    if (written === undefined) return;
    const { path, file, begun } = written;
    // After a write that failed the file is written anew.
    written = undefined;
    const handle = await openToAppend(path);
    try {
      await handle.appendFile(bytesOf(file, begun));
    } finally {
      await handle.close();
    }
    written = { path, file, begun };
  };

  return {
    name: 'Weights & Biases',
    iteration: (report) =>
      written === undefined
        ? rewrite()
        : append((file, begun) => file.row(rowOf(report, clock(), begun))),
    ended: (how) => append((file) => file.end(how === 'finished' ? 0 : 1)),
  };
}

function rowOf({ iteration, values }: Line, at: number, begun: number): HistoryRow {
  const known = Object.entries(values).flatMap(([key, value]) =>
    value === null ? [] : [[key, value] as const],
  );
  return { step: iteration, time: at / 1000, runtime: (at - begun) / 1000, values: known };
}

/** Names the run at W&B; made once. */
async function runIdOf(stateFile: string): Promise<string> {
  try {
    return stateSchema.parse(JSON.parse(await readText(stateFile))).id;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const id = randomUUID().slice(0, 8);
  await makeFolder(dirname(stateFile));
  await writeFileDurably(stateFile, `${JSON.stringify({ id })}\n`);
  return id;
}
