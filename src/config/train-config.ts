/** The config of `medix train`: reinforcement learning of a policy on open-ended answers. */
import { z } from 'zod';
import { engineSection } from './engine-config.ts';
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
    .describe('Published settings from which the fields below deviate where given'),
  advantage: z
    .enum(['grpo', 'rloo', 'dr-grpo'])
    .optional()
    .describe('Advantage estimator within a group'),
  filter: z
    .union([z.enum(['none', 'variance']), z.strictObject({ low: z.number(), high: z.number() })])
    .optional()
    .describe(
      'Which groups train: none (all), variance (rewards that differ), or {low, high} (mean reward strictly between)',
    ),
  loss: z
    .strictObject({
      kind: z.enum(['clip', 'gspo', 'cispo']).optional().describe('Policy loss'),
      clipLow: z.number().positive().lt(1).optional().describe('Ratio clip below 1'),
      clipHigh: z.number().positive().optional().describe('Ratio clip above 1'),
      clipDual: z.number().gt(1).optional().describe('Bound of the ratio for negative advantages'),
      lossAverage: z
        .enum(['token', 'sequence'])
        .optional()
        .describe('Mean over all tokens, or over sequences of their token means'),
      klCoefficient: z
        .number()
        .min(0)
        .optional()
        .describe('Weight of the KL to the start; 0 is off'),
      klEstimator: z.enum(['k1', 'k2', 'k3', 'abs']).optional().describe('KL estimator'),
    })
    .default({}),
  maxSampleRounds: positiveInteger
    .default(20)
    .describe('Rounds of sampling to fill an iteration when groups are filtered out'),
});

/** Schema of {@link TrainConfig}; its fields carry their own documentation. */
export const trainConfigSchema = z.strictObject({
  model: z.string().min(1).describe('Folder of the model to train, in Hugging Face layout'),
  engine: engineSection,
  out: outField('runs/train'),
  seed: seedField,
  iterations: positiveInteger.default(100).describe('Cycles of sampling, scoring and updating'),
  data: dataSection,
  rollout: z
    .strictObject({
      promptsPerIteration: positiveInteger
        .default(16)
        .describe('Groups that one iteration trains on'),
      groupSize: z.int().min(2).default(8).describe('Completions sampled for each prompt'),
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
        .describe('Mini-batches an iteration is split into, one optimizer step each'),
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
        .describe('Share of rollouts that may stay without a reward before the run pauses'),
    })
    .prefault({}),
  validation: z
    .strictObject({
      every: positiveInteger.default(10).describe('Iterations between validations'),
      beforeTraining: z.boolean().default(true).describe('Validate the model as it was given too'),
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
