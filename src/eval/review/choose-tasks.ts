/** Which tasks of the stored evaluations a review draws from. */
import { fail, MedixError, type Problem } from '../../core/errors.ts';
import type { StoredEvaluation } from './stored-answers.ts';

/**
 * @param wanted ids; empty takes all that every evaluation has
 * @throws MedixError 'config' with every task that is unknown, or not public and not allowed
 */
export function chooseTasks(
  evaluations: readonly StoredEvaluation[],
  wanted: readonly string[],
  allowRestricted: boolean,
): string[] {
  const [first, ...others] = evaluations.map(({ manifest }) => Object.keys(manifest.tasks));
  const shared = (first ?? [])
    .filter((task) => others.every((tasks) => tasks.includes(task)))
    .toSorted();
  if (shared.length === 0) {
    fail('config', {
      where: '--from',
      expected: 'results folders with a task in common',
      got: 'no task that all of them have',
      next: 'name evaluations of the same tasks',
    });
  }
  const chosen = wanted.length > 0 ? [...new Set(wanted)] : shared;
  const problems = chosen.flatMap((task): Problem[] => {
    if (!shared.includes(task)) return [unknown(task, shared)];
    return isRestricted(evaluations, task) && !allowRestricted ? [restricted(task)] : [];
  });
  if (problems.length > 0) throw new MedixError('config', problems);
  return chosen;
}

export function isRestricted(evaluations: readonly StoredEvaluation[], taskId: string): boolean {
  return evaluations.some(({ manifest }) => manifest.tasks[taskId]?.access !== 'public');
}

function unknown(taskId: string, shared: readonly string[]): Problem {
  return {
    where: `--task ${taskId}`,
    expected: `one of ${shared.join(', ')}`,
    got: 'a task that not every folder has',
    next: 'correct the id',
  };
}

function restricted(taskId: string): Problem {
  return {
    where: `task ${taskId}`,
    expected: 'public data',
    got: 'credentialed or private data',
    next: 'name only public tasks with --task; or, if the raters may see these data, add --allow-credentialed: the page is then served on this machine only',
  };
}
