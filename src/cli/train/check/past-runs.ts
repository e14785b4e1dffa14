/** What iterations of earlier runs took, to hold estimates against. */
import { join, resolve } from 'node:path';
import type { TrainConfig } from '../../../config/train-config.ts';
import { MedixError } from '../../../core/errors.ts';
import { entriesOf } from '../../../core/files.ts';
import type { Manifest } from '../../../run/records.ts';
import { readManifest, readMetrics } from '../../../run/run-reader.ts';
import { quantile } from '../../../statistics/quantile.ts';

export type PastRun = {
  readonly directory: string;
  readonly iterations: number;
  /** Median of an iteration without its validation, in milliseconds. */
  readonly iterationMs: number;
  /** The most memory that the run had; null where it was not recorded. */
  readonly peakBytes: number | null;
};

/** Levels of folders below the one that is searched. */
const depth = 2;

/**
 * Runs below a folder that train the same model by the same engine with as many rollouts of the same length, so that
 * their iterations cost what those of the config do. What cannot be read is no run.
 */
export async function pastRuns(folder: string, config: TrainConfig): Promise<readonly PastRun[]> {
  const found: PastRun[] = [];
  for (const directory of await foldersBelow(folder, depth)) {
    const run = await unlessUnreadable(() => pastRun(directory, config));
    if (run !== undefined) found.push(run);
  }
  return found;
}

async function foldersBelow(folder: string, levels: number): Promise<string[]> {
  if (levels === 0) return [];
  const entries = (await unlessUnreadable(() => entriesOf(folder))) ?? [];
  const folders = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => join(folder, name));
  const inner = await Promise.all(folders.map((one) => foldersBelow(one, levels - 1)));
  return folders.flatMap((one, place) => [one, ...(inner[place] ?? [])]);
}

async function pastRun(directory: string, config: TrainConfig): Promise<PastRun | undefined> {
  const manifest = await readManifest(directory);
  if (manifest.kind !== 'train' || !costsTheSame(manifest, config)) return undefined;
  const metrics = await readMetrics(directory);
  const times = metrics.flatMap(({ iteration, values }) => {
    const whole = values['time/iterationMs'];
    if (iteration === 0 || typeof whole !== 'number') return [];
    return [whole - (values['time/validateMs'] ?? 0)];
  });
  if (times.length === 0) return undefined;
  const iterationMs = quantile(Float64Array.from(times).sort(), 0.5);
  const peaks = metrics.flatMap(({ values }) => values['usage/peakMemoryMiB'] ?? []);
  const peakBytes = peaks.length === 0 ? null : Math.max(...peaks) * 2 ** 20;
  return { directory, iterations: times.length, iterationMs, peakBytes };
}

function costsTheSame({ config: past }: Manifest, config: TrainConfig): boolean {
  const same = ['engine', 'rollout'] as const;
  return (
    typeof past['model'] === 'string' &&
    modelName(past['model']) === modelName(config.model) &&
    same.every((key) => JSON.stringify(past[key]) === JSON.stringify(config[key]))
  );
}

/** A model of the hub without its revision; a folder by its whole path. */
function modelName(model: string): string {
  return resolve(model.replace(/@[^@/]*$/, ''));
}

async function unlessUnreadable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MedixError || isSystemError(error)) return undefined;
    throw error;
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error;
}
