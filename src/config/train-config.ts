/** The config of `medix train`: reinforcement learning of a policy on open-ended answers. */
import { z } from 'zod';
import { algorithmContradictions } from './algorithm-checks.ts';
import { algorithmSection } from './algorithm-config.ts';
import { dataSection } from './data-config.ts';
import { trainingEngineSection } from './engine-config.ts';
import { rewardFields } from './judge-config.ts';
import {
  checkpointSection,
  optimizerFields,
  outField,
  positiveInteger,
  seedField,
} from './sections.ts';

const rolloutSection = z.strictObject({
  promptsPerIteration: positiveInteger
    .default(16)
    .describe('Number of groups (prompts) that one iteration trains on'),
  groupSize: positiveInteger
    .default(8)
    .describe(
      'Number of completions sampled for each prompt; at least 2 unless the advantage is "reinforce++"',
    ),
  maxCompletionTokens: positiveInteger
    .default(256)
    .describe('Tokens after which a completion is cut off'),
});

const fields = z.strictObject({
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
  rollout: rolloutSection.prefault({}),
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

/**
 * Schema of {@link TrainConfig}; its fields carry their own documentation. Contradictions in the algorithm are told
 * together with what is wrong elsewhere, but only once its own fields are right, and not where some whole number
 * has a fraction: there zod stops.
 */
export const trainConfigSchema = fields.superRefine(requireConsistentAlgorithm, {
  when: () => true,
});

function requireConsistentAlgorithm(config: unknown, context: z.RefinementCtx): void {
  const { success, data } = z
    .object({
      algorithm: algorithmSection,
      rollout: rolloutSection.pick({ groupSize: true }).loose(),
    })
    .safeParse(config);
  if (!success) return;
  for (const { path, expected } of algorithmContradictions(
    data.algorithm,
    data.rollout.groupSize,
  )) {
    context.addIssue({ code: 'custom', path: [...path], message: expected });
  }
}

/** A checked config with every default filled in. */
export type TrainConfig = z.output<typeof trainConfigSchema>;
