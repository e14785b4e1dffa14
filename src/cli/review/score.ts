/** `medix review score`: what the raters said, and how far judges agree with them. */
import { join } from 'node:path';
import { rngFromKey } from '../../core/rng.ts';
import { readRatings } from '../../eval/review/ratings.ts';
import { openKey, openReview } from '../../eval/review/review-folder.ts';
import { scoreReview } from '../../eval/review/score-review.ts';
import { storing, writeFileDurably } from '../../run/durable.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { describeReview } from './view.ts';

export const setUpReviewScore: SetUpCommand = (command, context) => {
  command
    .argument('<dir>', 'folder that `medix review create` wrote')
    .action((folder: string) => score(folder, context));
};

async function score(folder: string, { terminal }: CommandContext): Promise<void> {
  const { review, raters } = await openReview(folder);
  const key = await openKey(folder, review);
  const ratings = new Map(
    await Promise.all(raters.map(async ({ id }) => [id, await readRatings(folder, id)] as const)),
  );
  const { report, labels } = scoreReview(
    review,
    key,
    ratings,
    rngFromKey(`${review.seed}/review/score`),
  );
  const reportFile = join(folder, 'report.json');
  const labelsFile = join(folder, 'labels.jsonl');
  await storing(
    folder,
    async () => {
      await writeFileDurably(reportFile, `${JSON.stringify(report, null, 2)}\n`);
      await writeFileDurably(labelsFile, labels.map((row) => `${JSON.stringify(row)}\n`).join(''));
    },
    'make room or grant access',
  );
  for (const line of describeReview(report)) terminal.print(line);
  terminal.print(`\nall figures: ${reportFile}`);
  if (labels.length > 0) {
    terminal.print(
      `to measure a judge on the labels of the raters: medix judge certify probes=${labelsFile}`,
    );
  }
}
