/**
 * Parts that the configs of several commands share. Every field's description states its meaning and
 * unit; ranges and defaults are read from the schema itself (see field-list.ts). Paths are relative to
 * the working directory.
 */
import { z } from 'zod';
import { columnsSection } from './columns-config.ts';

export const positiveInteger = z.int().positive();

/** A field that names code of the user's own, see load-module.ts. */
export const moduleField = z
  .string()
  .min(1)
  .describe(
    'Module of your own and its export, relative to the working directory: ./mine.ts#name; without # its default export. It is code: it runs with all your rights',
  );

export const seedField = z
  .int()
  .nonnegative()
  .default(1)
  .describe(
    'Fixes data order, sampling and new weights: the same config and seed give the same run',
  );

/** Whether a data location names synthetic studies rather than files. */
export function isPhantoms(location: string | null): boolean {
  return location === 'phantoms' || location === 'phantoms@readings';
}

export const dataSection = z
  .strictObject({
    train: z
      .string()
      .min(1)
      .describe(
        'Training set: a file of rows (parquet, JSONL, JSON, CSV or TSV), a folder, path@split, owner/name@split on the Hugging Face hub, "phantoms" (synthetic studies), or "phantoms@readings" (synthetic studies whose demonstrations teach to read images)',
      ),
    validation: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('Held-out set, given like data.train; null turns validation off'),
    trainCount: positiveInteger
      .nullable()
      .default(null)
      .describe('Use at most this many training rows; null takes all; phantoms need a number'),
    validationCount: positiveInteger
      .nullable()
      .default(null)
      .describe('Use at most this many validation rows; null takes all; phantoms need a number'),
    columns: columnsSection.prefault({}),
    imageRoot: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Folder of the images that rows name by path, and the only one they may name files of; null: the folder of the file of rows',
      ),
    textOnly: z
      .boolean()
      .default(false)
      .describe(
        'Whether the questions have no images: true trains without images, rejects rows that have some and takes solutions without a modality tag; false refuses a set without a single image',
      ),
    seed: z.int().nonnegative().default(1).describe('Seed that decides which phantoms are drawn'),
    template: z
      .string()
      .min(1)
      .default('medix-r1')
      .describe(
        'Prompt template: "medix-r1", "brief", "question" (nothing but the question), or the path of a Jinja file',
      ),
  })
  .superRefine((data, context) => {
    for (const split of ['train', 'validation'] as const) {
      if (isPhantoms(data[split]) && data[`${split}Count`] === null) {
        context.addIssue({
          code: 'custom',
          path: [`${split}Count`],
          message: 'a whole number, since any number of phantoms can be drawn',
        });
      }
    }
  });

export const optimizerFields = {
  learningRate: z.number().positive().default(1e-6).describe('Peak learning rate of AdamW'),
  beta1: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .describe('AdamW decay rate of the running mean of gradients'),
  beta2: z
    .number()
    .min(0)
    .lt(1)
    .default(0.999)
    .describe('AdamW decay rate of the running mean of squared gradients'),
  epsilon: z.number().positive().default(1e-8).describe('AdamW constant that keeps steps finite'),
  weightDecay: z
    .number()
    .min(0)
    .default(0.01)
    .describe('AdamW weight decay; it applies to matrices only'),
  maxGradNorm: z
    .number()
    .min(0)
    .default(1)
    .describe('Gradients are scaled down to this global L2 norm; 0 turns clipping off'),
  schedule: z
    .enum(['constant', 'cosine'])
    .default('constant')
    .describe('Learning rate after warm-up: "constant", or "cosine" (falls to 0 at the end)'),
  warmupSteps: z
    .int()
    .min(0)
    .default(0)
    .describe('Number of optimizer steps over which the learning rate rises linearly from 0'),
};

export const checkpointSection = z.strictObject({
  every: positiveInteger.default(10).describe('Number of iterations between checkpoints'),
  keepLast: positiveInteger
    .default(2)
    .describe(
      'How many of the newest checkpoints are kept, in addition to the one with the best validation',
    ),
});

export function outField(example: string) {
  return z
    .string()
    .min(1)
    .default(example)
    .describe('Run directory; must be new or empty unless the run is resumed');
}
