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
export {
  readEvents,
  readManifest,
  readMetrics,
  readRolloutIterations,
  readRollouts,
} from '../run/run-reader.ts';
