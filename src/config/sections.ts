/**
 * Parts that the configs of several commands share. Every field's description states its meaning and
 * unit; ranges and defaults are read from the schema itself (see field-list.ts). Paths are relative to
 * the working directory.
 */
import { z } from 'zod';

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

/** @param better what a validation must show to be better than those before */
export function patienceField(better: string) {
  return positiveInteger
    .nullable()
    .default(null)
    .describe(
      `Number of validations in a row without ${better} after which training ends; null never ends it early`,
    );
}

export function outField(example: string) {
  return z
    .string()
    .min(1)
    .default(example)
    .describe('Run directory; must be new or empty unless the run is resumed');
}
