import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRatings } from './ratings.ts';
import { openKey, openReview } from './review-folder.ts';
import type { Rating, Review, ReviewKey } from './review-set.ts';

const image = `${'0a'.repeat(32)}.png`;
const review: Review = {
  id: 'r-1',
  createdAt: '2026-01-01T00:00:00.000Z',
  kind: 'single',
  seed: 1,
  isRestricted: false,
  showsReference: false,
  items: [{ id: 'item-1', question: 'Which?', images: [image], answers: ['x'] }],
};
const raters = [{ id: 'rater-1', token: 'abc_-1' }];
const key: ReviewKey = {
  review: 'r-1',
  models: [{ id: 'm', folder: 'f' }],
  judgings: [],
  prefer: 'none',
  tasks: {},
  items: [
    {
      id: 'item-1',
      task: 'scans',
      sampleId: 's',
      kind: 'open',
      cluster: 'c',
      reference: 'x',
      accepted: [],
      answers: [{ model: 0, scores: [] }],
    },
  ],
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-strange-'));
  await write('review.json', review);
  await write('raters.json', raters);
  await write('key.json', key);
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, value: unknown) =>
  writeFile(join(folder, name), JSON.stringify(value));

const outside = [
  '../../../etc/passwd',
  '/etc/passwd',
  '..',
  '.',
  '',
  'a/b',
  'a\\b',
  'x\u0000',
  'C:evil',
  'a\nb',
  '\u202egnp.x',
  'x'.repeat(64),
  `${'0A'.repeat(32)}.png`,
  `${image}/../../key.json`,
  `${image}\n`,
  `${'0a'.repeat(32)}.svg`,
  `${'0a'.repeat(32)}.html`,
  'key.json',
];

describe('a review folder that a stranger made', () => {
  it('opens where all of it is as `medix review create` writes it', async () => {
    expect(await openReview(folder)).toEqual({ review, raters });
    expect(await openKey(folder, review)).toEqual(key);
  });

  it.each(outside)('serves no image by the name %j', async (name) => {
    const [item] = review.items;
    await write('review.json', { ...review, items: [{ ...item, images: [name] }] });
    await expect(openReview(folder)).rejects.toThrow(/review\.json: expected a review folder/);
  });

  it.each(outside.filter((name) => !/^\w+$/.test(name)))(
    'takes %j neither for a rater nor for a token, an item or a review',
    async (name) => {
      await write('raters.json', [{ id: name, token: 'abc' }]);
      await expect(openReview(folder)).rejects.toThrow(/raters\.json: expected/);
      await write('raters.json', [{ id: 'rater-1', token: name }]);
      await expect(openReview(folder)).rejects.toThrow(/raters\.json: expected/);
      await write('raters.json', raters);
      const [item] = review.items;
      await write('review.json', { ...review, items: [{ ...item, id: name }] });
      await expect(openReview(folder)).rejects.toThrow(/review\.json: expected/);
      await write('review.json', { ...review, id: name });
      await expect(openReview(folder)).rejects.toThrow(/review\.json: expected/);
    },
  );

  it.each(['images', 'answers', 'report.json', 'labels.jsonl'])(
    'is not opened where %s leads out of it',
    async (name) => {
      await symlink(tmpdir(), join(folder, name));
      await expect(openReview(folder)).rejects.toThrow(/got a symbolic link to/);
    },
  );

  it.each([
    ['a model that is none of it', [{ model: 1, scores: [] }]],
    ['scores of no judging', [{ model: 0, scores: [1] }]],
  ])('has no key that tells of %s', async (_, answers) => {
    await write('key.json', { ...key, items: [{ ...key.items[0], answers }] });
    await expect(openKey(folder, review)).rejects.toThrow(/key\.json: expected/);
  });

  it.each([
    ['more grades than places', { order: [0], grades: ['correct', 'wrong'] }],
    ['more places than grades', { order: [0, 1], grades: ['correct'] }],
    ['one place twice', { order: [1, 1], grades: ['correct', 'wrong'] }],
    ['an item by a path', { item: '../item-1' }],
  ])('has no rating with %s', async (_, change) => {
    const rating: Rating = {
      item: 'item-1',
      at: review.createdAt,
      order: [0],
      grades: ['correct'],
      comment: '',
    };
    await mkdir(join(folder, 'answers'));
    const lines = [rating, { ...rating, ...change }].map((row) => JSON.stringify(row)).join('\n');
    await writeFile(join(folder, 'answers', 'rater-1.jsonl'), lines);
    expect([...(await readRatings(folder, 'rater-1')).values()]).toEqual([rating]);
  });
});
