/** The config of `medix train`: reinforcement learning of a policy on open-ended answers. */
import { z } from 'zod';
import { algorithmContradictions } from './algorithm-checks.ts';
import { algorithmSection } from './algorithm-config.ts';
import { dataSection } from './data-config.ts';
import { trainingEngineSection } from './engine-config.ts';
import { rewardFields } from './judge-config.ts';
import { monitorSection } from './monitor-config.ts';
import {
  checkpointSection,
  optimizerFields,
  outField,
  patienceField,
  positiveInteger,
  seedField,
} from './sections.ts';
import { trackSection } from './track-config.ts';

const rolloutSection = z.strictObject({
  promptsPerIteration: positiveInteger
    .default(16)
    .describe('Number of groups (prompts) that one iteration trains on'),
  groupSize: positiveInteger
    .default(8)
    .describe(
      'Number of completions sampled for each prompt; at least 2 unless the advantage is "reinforce++" or "remax"',
    ),
  maxCompletionTokens: positiveInteger
    .default(256)
    .describe('Tokens after which a completion is cut off'),
  curriculum: z
    .strictObject({
      targetPassRate: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.5)
        .describe(
          'Share of right answers that teaches most: prompts whose last group was further from it are drawn less often, down to a tenth',
        ),
    })
    .nullable()
    .default(null)
    .describe(
      'Prefer prompts that the policy answers rightly some of the time, which leads from easy ones to hard ones; null draws all alike',
    ),
});

const optimizerSection = z.strictObject({
  ...optimizerFields,
  stepsPerIteration: positiveInteger
    .default(1)
    .describe(
      'Number of mini-batches into which an iteration is split, with one optimizer step each; at most rollout.promptsPerIteration, since a mini-batch never splits a group',
    ),
  epochsPerIteration: positiveInteger
    .default(1)
    .describe(
      'Number of passes over the mini-batches of an iteration; the old policy of the ratio is the one before the first step',
    ),
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
  optimizer: optimizerSection.prefault({}),
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
      samples: z
        .int()
        .nonnegative()
        .default(0)
        .describe(
          'Number k of answers sampled at temperature 1 for each held-out question, beside the greedy one, for the metrics validation/pass@k and validation/maj@k; 0 samples none',
        ),
      patience: patienceField('a better value of checkpoint.best'),
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
      tokenLogprobs: z
        .boolean()
        .default(true)
        .describe('Keep the logprob of each token of a completion, to sixteenths of a nat'),
    })
    .prefault({}),
  monitor: monitorSection,
  checkpoint: checkpointSection
    .extend({
      best: z
        .string()
        .min(1)
        .default('validation/reward/mean')
        .describe('Metric by which the best checkpoint is kept and validation.patience counts'),
      bestIs: z
        .enum(['highest', 'lowest'])
        .default('highest')
        .describe('Which value of checkpoint.best is the best: "highest" or "lowest"'),
    })
    .prefault({}),
  track: trackSection.prefault({}),
});

/**
 * Schema of {@link TrainConfig}; its fields carry their own documentation. Contradictions between fields are told
 * together with what is wrong elsewhere, but only once the fields themselves are right, and not where some whole
 * number has a fraction: there zod stops.
 */
export const trainConfigSchema = fields
  .superRefine(requireConsistentAlgorithm, { when: () => true })
  .superRefine(requireFullMiniBatches, { when: () => true })
  .superRefine(requireValidationSet);

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

function requireFullMiniBatches(config: unknown, context: z.RefinementCtx): void {
  const { success, data } = z
    .object({
      rollout: rolloutSection.pick({ promptsPerIteration: true }).loose(),
      optimizer: optimizerSection.pick({ stepsPerIteration: true }).loose(),
    })
    .safeParse(config);
  if (!success) return;
  const { promptsPerIteration } = data.rollout;
  if (data.optimizer.stepsPerIteration <= promptsPerIteration) return;
  context.addIssue({
    code: 'custom',
    path: ['optimizer', 'stepsPerIteration'],
    message: `at most ${promptsPerIteration}, the number of groups (rollout.promptsPerIteration), since a mini-batch never splits a group`,
  });
}

function requireValidationSet(
  { data, validation, checkpoint }: z.output<typeof fields>,
  context: z.RefinementCtx,
): void {
  if (data.validation !== null) return;
  const refuse = (name: string, expected: string) =>
    context.addIssue({
      code: 'custom',
      path: ['validation', name],
      message: `${expected}, since there is no held-out set (data.validation)`,
    });
  if (validation.samples > 0) refuse('samples', '0');
  if (validation.patience !== null && checkpoint.best.startsWith('validation/')) {
    refuse('patience', 'null');
  }
}

/** A checked config with every default filled in. */
export type TrainConfig = z.output<typeof trainConfigSchema>;
