/**
 * `medix-r1/run`: read what training runs wrote, also while they write. docs/run-directory.md describes
 * each file; the schemas here are what reading holds it against.
 *
 * @example
 * ```ts
 * const { kind, facts } = await readManifest('runs/train');
 * const metrics = await readMetrics('runs/train'); // one line an iteration, redone ones once
 * const events = await readEvents('runs/train');
 * const rollouts = await readRollouts('runs/train', 10, 'training');
 * const attempts = await readAttempts('runs/train'); // the processes that wrote it
 * console.log(kind, facts, metrics.at(-1)?.values['reward/mean'], events.length, rollouts.length, attempts.length);
 * ```
 */
import { join } from 'node:path';
import { namesIn } from '../run/durable.ts';

export { readAttempts } from '../run/attempt.ts';
export { followJsonLines, type LineFollower } from '../run/follow-lines.ts';
export {
  type Attempt,
  attemptSchema,
  type CheckpointRecord,
  checkpointSchema,
  type EventLine,
  eventLineSchema,
  type Manifest,
  type MetricsLine,
  manifestSchema,
  metricsLineSchema,
  type RolloutLine,
  rolloutLineSchema,
} from '../run/records.ts';
export type { RolloutsKind } from '../run/run-layout.ts';
export { readEvents, readManifest, readMetrics, readRollouts } from '../run/run-reader.ts';

/**
 * Iterations whose training rollouts are on record, ascending.
 *
 * @param runDirectory Where there is none, the list is empty.
 * @example
 * ```ts
 * for (const iteration of await readRolloutIterations('runs/train')) {
 *   const rollouts = await readRollouts('runs/train', iteration, 'training');
 *   console.log(iteration, rollouts.filter(({ use }) => use === 'trained').length);
 * }
 * ```
 */
export async function readRolloutIterations(runDirectory: string): Promise<readonly number[]> {
  const names = await namesIn(join(runDirectory, 'rollouts'));
  return names.flatMap((name) => {
    const [, digits] = /^(\d+)\.jsonl$/.exec(name) ?? [];
    return digits === undefined ? [] : [Number(digits)];
  });
}
