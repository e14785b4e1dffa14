/** The config of `medix train`: reinforcement learning of a policy on open-ended answers. */
import { z } from 'zod';
import { trainingEngineSection } from './engine-config.ts';
import { rewardFields } from './judge-config.ts';
import {
  checkpointSection,
  dataSection,
  optimizerFields,
  outField,
  positiveInteger,
  seedField,
} from './sections.ts';

const algorithmSection = z.strictObject({
  preset: z
    .enum(['grpo', 'dapo', 'gspo'])
    .default('dapo')
    .describe(
      'Published algorithm, "grpo", "dapo" or "gspo", whose settings are used; the algorithm fields below override single settings',
    ),
  advantage: z
    .enum(['grpo', 'rloo', 'dr-grpo'])
    .optional()
    .describe('How advantages are computed within a group: "grpo", "rloo" or "dr-grpo"'),
  filter: z
    .union([z.enum(['none', 'variance']), z.strictObject({ low: z.number(), high: z.number() })])
    .optional()
    .describe(
      'Filter of groups before training: "none" keeps all, "variance" keeps groups whose rewards differ, {low, high} keeps groups whose mean reward lies strictly between the two',
    ),
  loss: z
    .strictObject({
      kind: z
        .enum(['clip', 'gspo', 'cispo'])
        .optional()
        .describe('Policy loss: "clip" (the clipped ratio of PPO), "gspo" or "cispo"'),
      clipLow: z
        .number()
        .positive()
        .lt(1)
        .optional()
        .describe('The ratio is clipped below 1 − clipLow'),
      clipHigh: z
        .number()
        .positive()
        .optional()
        .describe('The ratio is clipped above 1 + clipHigh'),
      clipDual: z
        .number()
        .gt(1)
        .optional()
        .describe('Upper bound of the ratio where the advantage is negative (dual clip)'),
      lossAverage: z
        .enum(['token', 'sequence'])
        .optional()
        .describe(
          'How the loss is averaged: "token" (over all tokens) or "sequence" (over sequences, each by its token mean)',
        ),
      klCoefficient: z
        .number()
        .min(0)
        .optional()
        .describe('Weight of the KL penalty towards the starting model; 0 turns it off'),
      klEstimator: z
        .enum(['k1', 'k2', 'k3', 'abs'])
        .optional()
        .describe('KL estimator: "k1", "k2", "k3" or "abs"'),
    })
    .default({}),
  maxSampleRounds: positiveInteger
    .default(20)
    .describe('Maximum rounds of sampling to fill an iteration when groups are filtered out'),
});

/** Schema of {@link TrainConfig}; its fields carry their own documentation. */
export const trainConfigSchema = z.strictObject({
  model: z
    .string()
    .min(1)
    .describe(
      'Model to train: a folder in Hugging Face layout, or owner/name[@revision] of the hub',
    ),
  engine: trainingEngineSection,
  out: outField('runs/train'),
  seed: seedField,
  iterations: positiveInteger
    .default(100)
    .describe('Number of cycles of sampling, scoring and updating'),
  data: dataSection,
  rollout: z
    .strictObject({
      promptsPerIteration: positiveInteger
        .default(16)
        .describe('Number of groups (prompts) that one iteration trains on'),
      groupSize: z
        .int()
        .min(2)
        .default(8)
        .describe('Number of completions sampled for each prompt'),
      maxCompletionTokens: positiveInteger
        .default(256)
        .describe('Tokens after which a completion is cut off'),
    })
    .prefault({}),
  algorithm: algorithmSection.prefault({}),
  optimizer: z
    .strictObject({
      ...optimizerFields,
      stepsPerIteration: positiveInteger
        .default(1)
        .describe(
          'Number of mini-batches into which an iteration is split, with one optimizer step each',
        ),
    })
    .prefault({}),
  reward: z
    .strictObject({
      ...rewardFields,
      unscoredLimit: z
        .number()
        .min(0)
        .max(1)
        .default(0.1)
        .describe(
          'Highest share of rollouts that may stay without a reward; above it the run pauses',
        ),
    })
    .prefault({}),
  validation: z
    .strictObject({
      every: positiveInteger.default(10).describe('Number of iterations between validations'),
      beforeTraining: z
        .boolean()
        .default(true)
        .describe('Also validate the model before the first iteration'),
    })
    .prefault({}),
  record: z
    .strictObject({
      images: z
        .boolean()
        .default(true)
        .describe(
          'Keep each image that was asked about once in the run directory; false keeps its digest only',
        ),
    })
    .prefault({}),
  checkpoint: checkpointSection.prefault({}),
});

/** A checked config with every default filled in. */
export type TrainConfig = z.output<typeof trainConfigSchema>;
