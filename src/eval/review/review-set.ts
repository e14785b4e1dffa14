/**
 * What a review folder holds. `review.json` is all that raters may learn; which model gave an answer and
 * what judges said of it stand in `key.json` alone, which is not served.
 */
import { z } from 'zod';
import { taskKinds } from '../results/records.ts';

export const reviewFiles = {
  review: 'review.json',
  key: 'key.json',
  raters: 'raters.json',
  images: 'images',
  ratings: 'answers',
} as const;

/** Ids become names of files and parts of addresses; the folder may be a stranger's. */
const id = z.string().regex(/^[\w-]+$/, 'letters, digits, _ and -');

/** What every browser shows, by file ending. */
export const imageTypes: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
};

const imageName = z
  .string()
  .regex(
    new RegExp(`^[0-9a-f]{64}\\.(${Object.keys(imageTypes).join('|')})$`),
    'the SHA-256 of an image file and its ending',
  );

const itemSchema = z.object({
  id,
  question: z.string(),
  /** Only where raters are to see it. */
  reference: z.string().optional(),
  /** Names of files in `images`. */
  images: z.array(imageName),
  /** One, or the two of a pair in random order; without the model's thinking. */
  answers: z.array(z.string()).min(1).max(2),
});
export type ReviewItem = z.infer<typeof itemSchema>;

/** `review.json`. */
export const reviewSchema = z.object({
  id,
  createdAt: z.iso.datetime(),
  kind: z.enum(['pairs', 'single']),
  /** Seed of the order of items and of answers. */
  seed: z.int().nonnegative(),
  /** Holds data that is not public: shown on this machine only. */
  isRestricted: z.boolean(),
  showsReference: z.boolean(),
  items: z.array(itemSchema).min(1),
});
export type Review = z.infer<typeof reviewSchema>;

/** `raters.json`: who may answer. A token opens a rater's pages, so the file is readable by its owner only. */
export const ratersSchema = z.array(z.object({ id, token: id })).min(1);
export type Rater = z.infer<typeof ratersSchema>[number];

const keyAnswerSchema = z.object({
  /** Place in `models`. */
  model: z.int().nonnegative(),
  /** By place in `judgings`: the score in [0, 1], or null where that judging has none. */
  scores: z.array(z.number().nullable()),
});

const keyItemSchema = z.object({
  id,
  task: z.string(),
  sampleId: z.string(),
  kind: z.enum(taskKinds),
  cluster: z.string(),
  reference: z.string(),
  accepted: z.array(z.string()),
  /** In the order of the item's answers. */
  answers: z.array(keyAnswerSchema).min(1).max(2),
});
export type KeyItem = z.infer<typeof keyItemSchema>;

/** `key.json`: what unblinds the review. */
export const keySchema = z
  .object({
    review: z.string(),
    models: z.array(z.object({ id: z.string(), folder: z.string() })).min(1),
    judgings: z.array(
      z.object({
        name: z.string(),
        judges: z.array(z.string()),
        /** Digest of mode, votes and judges: judgings of several folders with the same digest count as one. */
        digest: z.string(),
      }),
    ),
    prefer: z.enum(['none', 'disagreements']),
    /** What was drawn from, by task. */
    tasks: z.record(
      z.string(),
      z.object({
        candidates: z.int().nonnegative(),
        /** Samples that a model gave no answer to. */
        unanswered: z.int().nonnegative(),
        /** Pairs of identical answers: there is nothing to prefer. */
        identical: z.int().nonnegative(),
        drawn: z.int().nonnegative(),
      }),
    ),
    items: z.array(keyItemSchema).min(1),
  })
  .refine(
    ({ models, judgings, items }) =>
      items
        .flatMap(({ answers }) => answers)
        .every(({ model, scores }) => model < models.length && scores.length === judgings.length),
    { path: ['items'], error: 'answers of its models, with a score of each judging' },
  );
export type ReviewKey = z.infer<typeof keySchema>;

export const preferences = ['left', 'right', 'both', 'neither'] as const;
export type Preference = (typeof preferences)[number];

export const grades = ['correct', 'partly', 'wrong', 'unclear'] as const;
export type Grade = (typeof grades)[number];

export const maxCommentCharacters = 5000;

/** `answers/<rater>.jsonl`: what a rater said of an item; the last row of an item counts. */
export const ratingSchema = z
  .object({
    item: id,
    at: z.iso.datetime(),
    /** Places in the item's answers, as they were shown from left to right. */
    order: z.array(z.int().min(0).max(1)).min(1).max(2),
    /** For pairs only. */
    preference: z.enum(preferences).optional(),
    /** Grade of each answer, from left to right. */
    grades: z.array(z.enum(grades)).min(1).max(2),
    comment: z.string().max(maxCommentCharacters),
  })
  .refine(
    ({ order, grades }) => order.length === grades.length && new Set(order).size === order.length,
  );

export type Rating = z.infer<typeof ratingSchema>;
