/**
 * Whether one model is better than another on the same questions, from their results folders. Answers are
 * paired by sample, and sample ids are hashes of the content, so nothing but the same question, reference
 * and image is ever compared.
 */
import { fail } from '../../core/errors.ts';
import type { ComparedModel, EvalComparison } from '../results/comparison.ts';
import { type JoinedAnswer, readJoinedAnswers } from '../results/joined-answers.ts';
import { readEvalManifest } from '../results/layout.ts';
import type { EvalManifest } from '../results/records.ts';
import { type ComparedTask, compareTasks } from './compare-models.ts';
import { findSharedJudging } from './shared-judging.ts';

export type CompareOptions = {
  /** Results folders, at least two; every other one is compared with the first. */
  readonly folders: readonly string[];
  /** Name of a judging. Left out, the only one that all folders share. */
  readonly judgingName?: string;
  readonly seed: number;
  /** Number of bootstrap draws and of sign flips. @default 10000 */
  readonly draws?: number;
};

/**
 * Compares the answers to the unchanged questions; several epochs of a sample are averaged first. P-values
 * are adjusted over all tasks and candidates, those of the means over all candidates (Holm 1979).
 *
 * @throws MedixError 'run' where a folder holds no evaluation, and where the folders share no task, no
 *   judging, or several judgings of which none is named
 * @example
 * ```ts
 * const { candidates } = await compareEvaluations({ folders: ['evals/a', 'evals/b'], seed: 1 });
 * for (const { task, result } of candidates[0]?.tasks ?? []) {
 *   if (result.kind === 'compared') console.log(task, result.difference, result.interval);
 * }
 * ```
 */
export async function compareEvaluations({
  folders,
  judgingName,
  seed,
  draws = 10_000,
}: CompareOptions): Promise<EvalComparison> {
  // One after the other, so that of several bad folders it is the first that is told.
  const manifests: EvalManifest[] = [];
  for (const folder of folders) manifests.push(await readEvalManifest(folder));
  const shared = await findSharedJudging(folders, judgingName);
  const models = folders.map((folder, place) => ({
    id: manifests[place]?.model.id ?? folder,
    folder,
    judging: shared.names[place] ?? '',
  }));
  const [baseline, ...others] = models;
  if (baseline === undefined || others.length === 0) return failFewFolders(folders);
  const { both, leftOut } = sharedTasks(manifests);
  if (both.length === 0) failNoTask(folders);

  const tasks: ComparedTask[] = [];
  for (const task of both) {
    const answers = models.map((model, place) =>
      readOriginals(model, task, epochsOf(manifests[place])),
    );
    const [first = [], ...rest] = await Promise.all(answers);
    tasks.push({ task, baseline: first, candidates: rest });
  }
  const comparisons = compareTasks(tasks, { seed, draws });
  const { mode, votes, judges } = shared.manifest;
  return {
    baseline,
    judging: { mode, votes, judges: judges.map(({ id }) => id) },
    candidates: others.map((model, place) => ({
      ...model,
      ...(comparisons[place] ?? { tasks: [], overall: null }),
    })),
    leftOut,
    differences: manifests
      .slice(1)
      .flatMap((other, place) => differencesOf(manifests[0], other, others[place]?.folder ?? '')),
    seed,
    draws,
  };
}

function readOriginals(
  { folder, judging }: ComparedModel,
  taskId: string,
  epochs: number,
): Promise<JoinedAnswer[]> {
  return readJoinedAnswers(folder, judging, taskId, { variants: ['original'], epochs });
}

function epochsOf(manifest: EvalManifest | undefined): number {
  const sampling = manifest?.config['sampling'];
  const epochs =
    typeof sampling === 'object' && sampling !== null && 'epochs' in sampling
      ? sampling.epochs
      : undefined;
  return typeof epochs === 'number' ? epochs : 1;
}

function sharedTasks(manifests: readonly EvalManifest[]) {
  const all = new Set(manifests.flatMap(({ tasks }) => Object.keys(tasks)));
  const isShared = (taskId: string) => manifests.every(({ tasks }) => taskId in tasks);
  const sorted = [...all].toSorted();
  return { both: sorted.filter(isShared), leftOut: sorted.filter((task) => !isShared(task)) };
}

/** A difference in score is due to the models only where everything else is the same. */
function differencesOf(
  one: EvalManifest | undefined,
  other: EvalManifest,
  folder: string,
): string[] {
  const pairs: readonly (readonly [what: string, of: (manifest: EvalManifest) => unknown])[] = [
    ['prompt template', ({ template }) => template],
    ['system prompt', ({ config }) => config['systemPrompt']],
    ['sampling', ({ config }) => config['sampling']],
  ];
  const differing = pairs.filter(
    ([, of]) => one && JSON.stringify(of(one)) !== JSON.stringify(of(other)),
  );
  const revisions = Object.entries(other.tasks).filter(([task, { revision }]) => {
    const known = one?.tasks[task];
    return known !== undefined && known.revision !== revision;
  });
  return [
    ...differing.map(([what]) => `${folder}: another ${what} than the baseline`),
    ...revisions.map(
      ([task]) => `${folder}: another revision of ${task}; unchanged questions are compared`,
    ),
  ];
}

function failFewFolders(folders: readonly string[]): never {
  return fail('config', {
    where: 'folders',
    expected: 'at least two results folders',
    got: String(folders.length),
    next: 'name the results folders of the models to compare',
  });
}

function failNoTask(folders: readonly string[]): never {
  fail('run', {
    where: folders.join(', '),
    expected: 'a task that all folders have',
    got: 'none',
    next: 'evaluate the models on the same tasks',
  });
}
