/**
 * The one reader of a run directory, for dashboards, reports and `--resume`; safe beside a live writer.
 *
 * A line is *live* unless a later attempt went on from an iteration before it, and so did it again. Of
 * two live lines about iteration 0 the later attempt's counts.
 */
import { join } from 'node:path';
import type { ZodType } from 'zod';
import { readText } from '../core/files.ts';
import { readingAs } from '../core/reading.ts';
import { readAttempts } from './attempt.ts';
import { namesIn } from './durable.ts';
import { readJsonLines } from './json-lines.ts';
import {
  type Attempt,
  type EventLine,
  eventLineSchema,
  type Manifest,
  type MetricsLine,
  manifestSchema,
  metricsLineSchema,
  type RolloutLine,
  rolloutLineSchema,
} from './records.ts';
import { iterationOf, type RolloutsKind, rolloutsFile } from './run-layout.ts';
import { requireSelfContained } from './self-contained.ts';

/** @throws MedixError 'run' when the directory is no run, or a symbolic link in it leads out of it. */
export async function readManifest(runDirectory: string): Promise<Manifest> {
  const file = join(runDirectory, 'manifest.json');
  const asked = {
    boundary: 'run',
    where: file,
    expected: "a run's manifest",
    next: 'check the path; to start a new run, give its config file without --resume',
  } as const;
  const manifest = await readingAs(
    asked,
    () => readText(file),
    (text) => manifestSchema.parse(JSON.parse(text)),
  );
  await requireSelfContained(runDirectory);
  return manifest;
}

/** One live line an iteration, ascending. */
export async function readMetrics(runDirectory: string): Promise<MetricsLine[]> {
  const lines = await readLive(
    runDirectory,
    join(runDirectory, 'metrics.jsonl'),
    metricsLineSchema,
  );
  const latest = new Map(lines.map((line) => [line.iteration, line]));
  return [...latest.values()].sort((a, b) => a.iteration - b.iteration);
}

/** Every event of every attempt, superseded or not, in the order they happened. */
export async function readEvents(runDirectory: string): Promise<EventLine[]> {
  return readJsonLines(join(runDirectory, 'events.jsonl'), parserOf(eventLineSchema));
}

/**
 * Iterations whose rollouts are on record, ascending.
 *
 * @param runDirectory Where there is none, the list is empty.
 * @param kind @default 'training'
 * @example
 * ```ts
 * for (const iteration of await readRolloutIterations('runs/train')) {
 *   const rollouts = await readRollouts('runs/train', iteration, 'training');
 *   console.log(iteration, rollouts.filter(({ use }) => use === 'trained').length);
 * }
 * ```
 */
export async function readRolloutIterations(
  runDirectory: string,
  kind: RolloutsKind = 'training',
): Promise<readonly number[]> {
  const names = await namesIn(join(runDirectory, 'rollouts'));
  return names.flatMap((name) => iterationOf(name, kind) ?? []).sort((a, b) => a - b);
}

export async function readRollouts(
  runDirectory: string,
  iteration: number,
  kind: RolloutsKind,
): Promise<RolloutLine[]> {
  const path = rolloutsFile(runDirectory, iteration, kind);
  const lines = await readLive(runDirectory, path, rolloutLineSchema);
  const latest = Math.max(...lines.map(({ attempt }) => attempt));
  return lines.filter(({ attempt }) => attempt === latest);
}

async function readLive<T extends { attempt: number; iteration: number }>(
  runDirectory: string,
  path: string,
  schema: ZodType<T>,
): Promise<T[]> {
  const attempts = await readAttempts(runDirectory);
  const lines = await readJsonLines(path, parserOf(schema));
  return lines.filter((line) => isLive(line, attempts));
}

function isLive(
  line: { readonly attempt: number; readonly iteration: number },
  attempts: readonly Attempt[],
): boolean {
  return attempts.every(
    ({ attempt, fromIteration }) => attempt <= line.attempt || line.iteration <= fromIteration,
  );
}

function parserOf<T>(schema: ZodType<T>): (value: unknown) => T | undefined {
  return (value) => schema.safeParse(value).data;
}
