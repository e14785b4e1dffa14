/** Chooses what raters are shown. */
import type { Rng } from '../../core/rng.ts';

export type Candidate = {
  readonly taskId: string;
  readonly sampleId: string;
  /** Places of the models whose answers are shown. */
  readonly models: readonly number[];
  /** Verdicts of judges on what is shown are not all the same. */
  readonly isDisputed: boolean;
};

/**
 * Draws up to `count` candidates in random order. Each task gives the same number as far as it has them, so
 * that a mean over items is a mean over tasks, as in reports. Within a task the draw is simple random;
 * with `disagreements`, disputed candidates come before all others, and figures no longer stand for the
 * whole task.
 */
export function drawCandidates(
  candidates: readonly Candidate[],
  count: number,
  prefer: 'none' | 'disagreements',
  rng: Rng,
): Candidate[] {
  const byTask = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const ofTask = byTask.get(candidate.taskId);
    if (ofTask) ofTask.push(candidate);
    else byTask.set(candidate.taskId, [candidate]);
  }
  const queues = [...byTask.keys()].toSorted().map((task) => {
    const shuffled = rng.shuffle(byTask.get(task) ?? []);
    if (prefer === 'none') return shuffled;
    return shuffled.toSorted((a, b) => Number(b.isDisputed) - Number(a.isDisputed));
  });
  return rng.shuffle(takeInTurns(rng.shuffle(queues), count));
}

function takeInTurns<T>(queues: readonly (readonly T[])[], count: number): T[] {
  const taken: T[] = [];
  for (let turn = 0; queues.some((queue) => turn < queue.length); turn++) {
    for (const queue of queues) {
      const next = queue[turn];
      if (taken.length === count) return taken;
      if (next !== undefined) taken.push(next);
    }
  }
  return taken;
}
