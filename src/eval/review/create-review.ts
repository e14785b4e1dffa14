/** Draws a blinded review from stored evaluations and writes its folder. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WallClock } from '../../core/async/clock.ts';
import { defined, fail } from '../../core/errors.ts';
import { linkAt } from '../../core/files.ts';
import { reading } from '../../core/reading.ts';
import { rngFromKey } from '../../core/rng.ts';
import { storing, writeDirectoryDurably } from '../../run/durable.ts';
import type { EvalManifest } from '../results/records.ts';
import { blindItems, type DrawnItem } from './blind-items.ts';
import { findCandidates, type TaskCandidates } from './candidates.ts';
import { chooseTasks, isRestricted } from './choose-tasks.ts';
import { drawCandidates } from './draw-items.ts';
import { type NamedTask, writeImages } from './review-images.ts';
import {
  type KeyItem,
  type Rater,
  type Review,
  type ReviewItem,
  type ReviewKey,
  reviewFiles,
} from './review-set.ts';
import { openStoredEvaluation, type StoredEvaluation } from './stored-answers.ts';

export type CreateReviewOptions = {
  /** Results folders, one a model. */
  readonly from: readonly string[];
  readonly out: string;
  /** `pairs` takes two folders, `single` any number. */
  readonly kind: Review['kind'];
  /** Maximum number of items. */
  readonly count: number;
  readonly raters: number;
  readonly seed: number;
  /** Ids; empty takes all that every folder has. */
  readonly tasks: readonly string[];
  readonly prefer: ReviewKey['prefer'];
  /** Lets raters see the reference answer. */
  readonly showReference: boolean;
  /** Takes samples of tasks that are not public. */
  readonly allowRestricted: boolean;
  /** Where a task's images come from. */
  readonly access: (taskId: string, manifest: EvalManifest) => NamedTask;
  /** Milliseconds since 1970. */
  readonly clock: WallClock;
};

export type CreatedReview = {
  readonly review: Review;
  readonly key: ReviewKey;
  readonly raters: readonly Rater[];
};

/**
 * Writes the review, which appears whole or not at all.
 * @throws MedixError where a folder holds no evaluation, a task is unknown or restricted, nothing can be
 *   drawn, images are gone or `out` is taken
 */
export async function createReview(
  options: CreateReviewOptions,
  signal: AbortSignal,
): Promise<CreatedReview> {
  const { from, out, kind, prefer, seed, showReference } = options;
  requirePair(options);
  await requireFree(out);
  const evaluations = await Promise.all(from.map(openStoredEvaluation));
  const tasks = chooseTasks(evaluations, options.tasks, options.allowRestricted);
  const found: TaskCandidates[] = [];
  for (const task of tasks) found.push(await findCandidates(evaluations, task, kind));
  const drawn = draw(found, options);

  const judgings = distinctJudgings(evaluations);
  const blinding = { seed, judgings, showReference };
  const review: Omit<Review, 'items'> = {
    id: randomUUID(),
    createdAt: new Date(options.clock()).toISOString(),
    kind,
    seed,
    isRestricted: tasks.some((task) => isRestricted(evaluations, task)),
    showsReference: showReference,
  };
  const key: Omit<ReviewKey, 'items'> = {
    review: review.id,
    models: evaluations.map(({ manifest, folder }) => ({ id: manifest.model.id, folder })),
    judgings,
    prefer,
    tasks: Object.fromEntries(found.map((task) => [task.taskId, countsOf(task, drawn)])),
  };
  const raters = Array.from({ length: options.raters }, (_, place) => ({
    id: `rater-${place + 1}`,
    token: randomBytes(tokenBytes).toString('base64url'),
  }));

  const items: ReviewItem[] = [];
  const keyItems: KeyItem[] = [];
  const write = async (folder: string): Promise<void> => {
    const imageFolder = join(folder, reviewFiles.images);
    await mkdir(imageFolder);
    for (const task of tasks) {
      const ofTask = drawn.filter((item) => item.taskId === task);
      const blind = await blindItems(evaluations, task, ofTask, blinding);
      const withImages = blind.filter(({ hasImages }) => hasImages);
      const sampleIds = new Set(withImages.map((each) => each.key.sampleId));
      const images =
        sampleIds.size === 0
          ? new Map<string, string[]>()
          : await writeImages(sampleIds, options.access(task, manifestOf(evaluations)), {
              folder: imageFolder,
              signal,
            });
      items.push(
        ...blind.map((each) => ({ ...each.item, images: images.get(each.key.sampleId) ?? [] })),
      );
      keyItems.push(...blind.map((each) => each.key));
    }
    items.sort(byId);
    keyItems.sort(byId);
    await writeJson(join(folder, reviewFiles.review), { ...review, items });
    await writeJson(join(folder, reviewFiles.key), { ...key, items: keyItems }, ownerOnly);
    await writeJson(join(folder, reviewFiles.raters), raters, ownerOnly);
  };
  await storing(
    `--out ${out}`,
    () => writeDirectoryDurably(out, write),
    'correct the path, make room or grant access',
  );
  return { review: { ...review, items }, key: { ...key, items: keyItems }, raters };
}

/** 128 bits: a link cannot be guessed. */
const tokenBytes = 16;

function draw(
  found: readonly TaskCandidates[],
  { count, prefer, seed, kind, from }: CreateReviewOptions,
): DrawnItem[] {
  const candidates = found.flatMap((task) => task.candidates);
  if (candidates.length === 0) {
    fail('data', {
      where: from.join(', '),
      expected: kind === 'pairs' ? 'questions with two different answers' : 'answered questions',
      got: 'none',
      next: 'run `medix eval generate` first, or choose other tasks',
    });
  }
  const drawn = drawCandidates(candidates, count, prefer, rngFromKey(`${seed}/review`));
  const digits = String(drawn.length).length;
  return drawn.map((candidate, place) => ({
    ...candidate,
    id: `item-${String(place + 1).padStart(digits, '0')}`,
  }));
}

function countsOf(
  { taskId, candidates, unanswered, identical }: TaskCandidates,
  drawn: readonly DrawnItem[],
): ReviewKey['tasks'][string] {
  const ofTask = drawn.filter((item) => item.taskId === taskId);
  return { candidates: candidates.length, unanswered, identical, drawn: ofTask.length };
}

function byId(one: { readonly id: string }, other: { readonly id: string }): number {
  return one.id < other.id ? -1 : 1;
}

const ownerOnly = 0o600;

async function writeJson(path: string, value: unknown, mode?: number): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`, mode === undefined ? {} : { mode });
}

function distinctJudgings(evaluations: readonly StoredEvaluation[]): ReviewKey['judgings'] {
  const all = evaluations.flatMap(({ judgings }) => judgings);
  return [...new Map(all.toReversed().map((judging) => [judging.digest, judging])).values()];
}

async function requireFree(out: string): Promise<void> {
  const asked = {
    where: `--out ${out}`,
    expected: 'a folder that does not exist yet',
    next: 'choose another name: a review and its answers are never overwritten',
  };
  // A link to nothing is there as well.
  if ((await reading({ boundary: 'config', ...asked }, () => linkAt(out))) === 'missing') return;
  fail('config', { ...asked, got: 'one that does' });
}

function manifestOf([evaluation]: readonly StoredEvaluation[]): EvalManifest {
  return defined(evaluation, 'evaluation').manifest;
}

function requirePair({ kind, from }: CreateReviewOptions): void {
  if (kind === 'single' || from.length === 2) return;
  fail('config', {
    where: '--from',
    expected: 'two results folders for pairs',
    got: String(from.length),
    next: 'give --from twice, or --kind single',
  });
}
