/** A job that is followed into a run directory. */
import type { TrainConfig } from '../../config/train-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { fail } from '../../core/errors.ts';
import { followJob } from '../../launch/follow-job.ts';
import type { LaunchFacts } from '../../launch/launched-run.ts';
import { createMirror } from '../../launch/mirror/mirror-run.ts';
import type { RayJobs } from '../../launch/ray/ray-jobs.ts';
import type { RunWriter } from '../../run/run-writer.ts';
import type { CommandContext } from '../command.ts';

export type FollowedRun = {
  readonly config: TrainConfig;
  readonly launch: LaunchFacts;
  readonly ray: RayJobs;
  /** Return once the job is submitted. */
  readonly detach: boolean;
};

/** The command that a job begins with. */
export function entrypointOf(python: string): string {
  return `${/^[\w./-]+$/.test(python) ? python : `'${python.replaceAll("'", "'\\''")}'`} medix_job.py job.json`;
}

/**
 * Does what comes before, then mirrors the newest job of the run until it ends. Ctrl-C leaves the job alone.
 * @throws MedixError 'engine' where the job fails, 'cancelled' where it goes on without being followed.
 */
export async function followInto(
  run: RunWriter,
  { config, launch, ray, detach }: FollowedRun,
  { terminal, signal }: CommandContext,
  before: () => Promise<void>,
): Promise<void> {
  const id = launch.jobs.at(-1) ?? '';
  const { directory } = run;
  let how: 'finished' | 'stopped' | 'failed' = 'failed';
  try {
    await before();
    if (detach) {
      how = 'stopped';
      terminal.print(`follow it with: medix launch follow ${directory}`);
      return;
    }
    const from = run.resumeFrom?.iteration;
    const mirror = createMirror(run, launch.trainer, config, from);
    const { end, malformed } = await followJob({
      ray,
      id,
      mirror,
      onText: (line) => terminal.print(line),
      onIteration: (iteration) =>
        terminal.print(`iteration ${iteration} of ${config.iterations} is in ${directory}`),
      signal,
      clock: systemClock,
    });
    if (malformed > 0) {
      terminal.print(`warning: ${malformed} records of the job could not be read`);
      await run.writeEvent(mirror.lastIteration() ?? 0, { kind: 'records-unreadable', malformed });
    }
    how = end === 'succeeded' ? 'finished' : 'stopped';
    if (end === 'succeeded')
      terminal.print(`job ${id} is done; its checkpoints are in ${launch.checkpoints}`);
    if (end === 'stopped') {
      terminal.print(`job ${id} was stopped; go on with: medix launch resume ${directory}`);
    }
    if (end === 'left') {
      fail('cancelled', {
        where: `job ${id}`,
        expected: 'to follow it to its end',
        got: 'an interruption; the job itself goes on',
        next: `follow it again with: medix launch follow ${directory}; end it with: medix launch stop ${directory}`,
      });
    }
  } catch (error) {
    if (signal.aborted) how = 'stopped';
    throw error;
  } finally {
    await run.close(how);
  }
}
