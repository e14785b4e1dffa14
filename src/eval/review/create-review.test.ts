import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SampleRow } from '../results/records.ts';
import { type CreateReviewOptions, createReview } from './create-review.ts';
import { RatingWriter, readRatings } from './ratings.ts';
import { openReview } from './review-folder.ts';
import type { Rating } from './review-set.ts';
import { writeEvaluation, writeScansTask } from './stored-evaluation.fixture.ts';
import { taskAccessOf } from './task-access.ts';

const signal = new AbortController().signal;
let folder = '';
let taskFile = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-review-'));
  taskFile = await writeScansTask(join(folder, 'task'), 6);
  await writeEvaluation(join(folder, 'alpha'), {
    model: 'model-alpha',
    taskFile,
    answer: ({ index }) => (index === 0 ? undefined : '<think>hidden thought</think>yes'),
    score: () => 1,
  });
  await writeEvaluation(join(folder, 'beta'), {
    model: 'model-beta',
    taskFile,
    answer: ({ index }) => (index === 1 ? 'yes' : `no, ${index}`),
    score: ({ index }) => (index < 4 ? 0 : 1),
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let reviews = 0;
const options = (changes: Partial<CreateReviewOptions> = {}): CreateReviewOptions => ({
  from: [join(folder, 'alpha'), join(folder, 'beta')],
  out: join(folder, `review-${++reviews}`),
  kind: 'pairs',
  count: 100,
  raters: 2,
  seed: 1,
  tasks: [],
  prefer: 'none',
  showReference: false,
  allowRestricted: false,
  access: (task, manifest) =>
    taskAccessOf(task, manifest, { data: {}, images: {}, hub: {}, cache: folder }),
  clock: () => 0,
  ...changes,
});

it('shows raters neither models nor verdicts, references or thinking', async () => {
  const wanted = options();
  const { key } = await createReview(wanted, signal);
  const shown = await readFile(join(wanted.out, 'review.json'), 'utf8');
  expect(shown).not.toMatch(/alpha|beta|scans-|Liver|hidden thought|judge|score/);
  expect(key.tasks['scans']).toEqual({ candidates: 10, unanswered: 1, identical: 1, drawn: 10 });
  expect(key.items.map(({ answers }) => answers[0]?.model)).toContain(1);
  expect(key.items.map(({ answers }) => answers[0]?.model)).toContain(0);
});

it('keeps every image once, in a form that browsers show', async () => {
  const wanted = options();
  const { review } = await createReview(wanted, signal);
  const files = await readdir(join(wanted.out, 'images'));
  expect(files).toHaveLength(5);
  expect(files.every((name) => /^[0-9a-f]{64}\.png$/.test(name))).toBe(true);
  expect(new Set(review.items.flatMap(({ images }) => images))).toEqual(new Set(files));
});

it('draws first what judges disagree on, where asked to', async () => {
  const { key } = await createReview(options({ prefer: 'disagreements', count: 2 }), signal);
  const scores = key.items.map(({ answers }) => answers.map((answer) => answer.scores[0]));
  expect(scores.map((pair) => pair.toSorted())).toEqual([
    [0, 1],
    [0, 1],
  ]);
});

it('takes single answers of one folder, with the reference where raters may see it', async () => {
  const from = [join(folder, 'beta')];
  const wanted = options({ from, kind: 'single', showReference: true, count: 3 });
  const { review } = await createReview(wanted, signal);
  expect(review.items).toHaveLength(3);
  expect(review.items.every(({ answers, reference }) => answers.length === 1 && reference)).toBe(
    true,
  );
});

it('gives links that cannot be guessed, in a file for its owner only', async () => {
  const wanted = options();
  const { raters } = await createReview(wanted, signal);
  expect(new Set(raters.map(({ token }) => token)).size).toBe(2);
  expect(raters.every(({ token }) => Buffer.from(token, 'base64url').length === 16)).toBe(true);
  expect(await openReview(wanted.out)).toMatchObject({ raters });
});

it('refuses restricted tasks unless allowed, and marks the review then', async () => {
  const secret = await writeScansTask(join(folder, 'secret'), 1, 'credentialed');
  const from = join(folder, 'restricted');
  const answer = (sample: SampleRow) => sample.id;
  await writeEvaluation(from, { model: 'm', taskFile: secret, answer, score: () => 1 });
  const wanted = options({ from: [from], kind: 'single' });
  await expect(createReview(wanted, signal)).rejects.toThrow(/task scans: expected public data/);
  const { review } = await createReview({ ...wanted, allowRestricted: true }, signal);
  expect(review.isRestricted).toBe(true);
});

it.each([
  ['an unknown task', { tasks: ['xrays'] }, /--task xrays: expected one of scans/],
  ['one folder for pairs', { from: ['somewhere'] }, /--from: expected two results folders/],
  ['a folder without an evaluation', { from: ['.'], kind: 'single' }, /manifest\.json: expected/],
] as const)('refuses %s', async (_, changes, message) => {
  await expect(createReview(options(changes), signal)).rejects.toThrow(message);
});

it('leaves a folder that exists as it is', async () => {
  const wanted = options();
  const { review } = await createReview(wanted, signal);
  await expect(createReview(wanted, signal)).rejects.toThrow(/a folder that does not exist yet/);
  expect(await openReview(wanted.out)).toMatchObject({ review });
});

it('leaves nothing behind where a sample is gone from its source', async () => {
  const other = await writeScansTask(join(folder, 'changed'), 1);
  const wanted = options({ access: () => ({ taskId: other, hub: {}, cache: folder }) });
  await expect(createReview(wanted, signal)).rejects.toThrow(/the samples that were evaluated/);
  expect((await readdir(folder)).filter((name) => name.includes('unfinished'))).toEqual([]);
});

it('keeps the last rating of each item, over a line that a crash tore', async () => {
  const out = join(folder, 'ratings');
  const rating = (item: string, comment: string): Rating => ({
    item,
    at: '2026-01-01T00:00:00.000Z',
    order: [0],
    grades: ['correct'],
    comment,
  });
  const first = new RatingWriter(out);
  await Promise.all([
    first.record('one', rating('item-1', 'a')),
    first.record('one', rating('item-2', 'b')),
  ]);
  await writeFile(join(out, 'answers', 'one.jsonl'), '{"item": "item-3", "at', { flag: 'a' });
  await new RatingWriter(out).record('one', rating('item-1', 'c'));
  const ratings = [...(await readRatings(out, 'one')).values()];
  expect(ratings.map(({ item, comment }) => [item, comment])).toEqual([
    ['item-1', 'c'],
    ['item-2', 'b'],
  ]);
});

it('says that its folder cannot be written', async () => {
  // Nobody makes folders there, whatever their permissions.
  const creating = createReview(options({ out: '/proc/medix/review' }), signal);
  await expect(creating).rejects.toThrow(
    /^--out \/proc\/medix\/review: expected a place that can be written, got E.*; correct the path/,
  );
});
