/** Scores of samples as they were asked unchanged, from a results folder. */
import { fail } from '../../core/errors.ts';
import { readJoinedAnswers } from '../results/joined-answers.ts';
import { readEvalManifest, readJudgingManifest, resultsFile } from '../results/layout.ts';
import { responseRowSchema } from '../results/records.ts';
import { readRows } from '../results/rows.ts';

/**
 * Mean over epochs, by sample id; samples without a score are absent.
 *
 * @throws MedixError 'run' where the folder has no such judging, or answers to none of the tasks
 */
export async function readSampleScores(
  folder: string,
  judgingName: string,
  tasks: readonly { readonly id: string }[],
): Promise<Map<string, number>> {
  const manifest = await readEvalManifest(folder);
  await readJudgingManifest(folder, judgingName);
  const ids = tasks.map(({ id }) => id).filter((id) => id in manifest.tasks);
  if (ids.length === 0) {
    fail('run', {
      where: folder,
      expected: `results of ${tasks.map(({ id }) => id).join(' or ')}`,
      got: Object.keys(manifest.tasks).join(', '),
      next: 'name a task that was evaluated, or leave out --results',
    });
  }
  const scores = new Map<string, number>();
  for (const task of ids) {
    const epochs = await countEpochs(folder, task);
    const expected = { variants: ['original'], epochs } as const;
    const sums = new Map<string, { total: number; count: number }>();
    for (const { sample, verdict } of await readJoinedAnswers(
      folder,
      judgingName,
      task,
      expected,
    )) {
      if (verdict?.outcome.kind !== 'scored') continue;
      const sum = sums.get(sample.id) ?? { total: 0, count: 0 };
      sums.set(sample.id, { total: sum.total + verdict.outcome.score, count: sum.count + 1 });
    }
    for (const [id, { total, count }] of sums) scores.set(id, total / count);
  }
  return scores;
}

async function countEpochs(folder: string, taskId: string): Promise<number> {
  let last = 0;
  for await (const { value } of readRows(
    resultsFile.responses(folder, taskId),
    responseRowSchema,
  )) {
    last = Math.max(last, value.epoch);
  }
  return last + 1;
}
