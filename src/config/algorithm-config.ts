/** The section `algorithm` of a training config: a published algorithm, and what is to differ from it. */
import { z } from 'zod';
import { positiveInteger } from './sections.ts';

const positive = z.number().positive();

const lossSection = z.strictObject({
  kind: z
    .enum(['clip', 'gspo', 'luspo', 'cispo', 'reinforce', 'sapo', 'dppo-tv', 'dppo-kl'])
    .optional()
    .describe(
      'Policy loss: "clip" (the clipped ratio of PPO), "gspo", "luspo", "cispo", "reinforce", "sapo", "dppo-tv" or "dppo-kl"',
    ),
  clipLow: positive
    .lte(1)
    .optional()
    .describe(
      'The ratio is clipped below 1 − clipLow; 1 means no lower bound. With "dppo-tv" and "dppo-kl" the largest divergence of a token whose advantage is not positive',
    ),
  clipHigh: positive
    .optional()
    .describe(
      'The ratio is clipped above 1 + clipHigh. With "dppo-tv" and "dppo-kl" the largest divergence of a token whose advantage is positive',
    ),
  clipDual: z
    .number()
    .gt(1)
    .optional()
    .describe(
      'Upper bound of the ratio where the advantage is negative (dual clip); for "clip", "gspo" and "luspo"',
    ),
  temperaturePositive: positive
    .optional()
    .describe('Temperature of "sapo" where the advantage is positive'),
  temperatureNegative: positive
    .optional()
    .describe('Temperature of "sapo" where the advantage is not positive'),
  lossAverage: z
    .enum(['token', 'sequence', 'dr-grpo'])
    .optional()
    .describe(
      'How the loss is averaged: "token" (over all tokens), "sequence" (over sequences, each by its token mean) or "dr-grpo" (over sequences, the token sum of each divided by rollout.maxCompletionTokens)',
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
  klIn: z
    .enum(['loss', 'reward'])
    .optional()
    .describe(
      'Where the KL penalty is: added to the "loss" of each token, or taken off the "reward" of each completion, summed over its tokens, before advantages are computed',
    ),
  klTarget: positive
    .optional()
    .describe(
      'Mean KL of a token, by klEstimator, that klCoefficient is adapted to after each iteration: up to 2 % more where the KL is larger, as much less where it is smaller',
    ),
  entropyCoefficient: z
    .number()
    .min(0)
    .optional()
    .describe('Weight of a bonus for the entropy of the policy at each token; 0 turns it off'),
  entropyTarget: positive
    .optional()
    .describe(
      'Mean entropy of a token in nats that entropyCoefficient, 0 or what is given to begin with, is adapted to: each iteration 0.005 more where the entropy is smaller, as much less where it is larger, and no bonus there',
    ),
  klUnbiased: z
    .boolean()
    .optional()
    .describe(
      'Whether the KL penalty is multiplied by the ratio of new to old policy, so that its gradient is unbiased',
    ),
});

const correctionSection = z.union([
  z.literal('none'),
  z.strictObject({ cap: positive, over: z.enum(['token', 'sequence']) }),
  z
    .strictObject({
      low: z.number().min(0),
      high: positive,
      over: z.enum(['token', 'sequence']).default('token'),
    })
    .refine(({ low, high }) => low < high, 'a high above the low'),
]);

/** Schema of {@link AlgorithmConfig}. */
export const algorithmSection = z.strictObject({
  preset: z
    .enum(['grpo', 'dapo', 'gspo', 'dr-grpo', 'cispo', 'sapo', 'reinforce++'])
    .default('dapo')
    .describe(
      'Published algorithm, "grpo", "dapo", "gspo", "dr-grpo", "cispo", "sapo" or "reinforce++", whose settings are used; the algorithm fields below override single settings',
    ),
  advantage: z
    .enum([
      'grpo',
      'rloo',
      'dr-grpo',
      'opo',
      'remax',
      'pass@k',
      'maxrl',
      'reinforce++',
      'reinforce++-baseline',
    ])
    .optional()
    .describe(
      'How advantages are computed: within a group by "grpo", "rloo", "dr-grpo", "opo", "pass@k" or "maxrl", with a greedy completion of the same prompt by "remax", over all groups of an iteration by "reinforce++" or "reinforce++-baseline"',
    ),
  passAtK: z
    .int()
    .min(2)
    .optional()
    .describe(
      'Number of completions whose best one "pass@k" rewards; below rollout.groupSize. For that advantage alone',
    ),
  lengthPenalty: z
    .number()
    .min(0)
    .default(0)
    .describe(
      'What is taken off the reward of a completion of rollout.maxCompletionTokens tokens whose whole group is right, and less in proportion to its length and to the mean reward of its group, before advantages are computed; 0 turns it off',
    ),
  filter: z
    .union([
      z.enum(['none', 'variance', 'any-part']),
      z.strictObject({ low: z.number(), high: z.number() }),
    ])
    .optional()
    .describe(
      'Filter of groups before training: "none" keeps all, "variance" keeps groups whose rewards differ, "any-part" also those in which only parts of the reward do, {low, high} keeps groups whose mean reward lies strictly between the two',
    ),
  loss: lossSection.default({}),
  samplerCorrection: correctionSection
    .optional()
    .describe(
      'Weights that make up for a sampler whose logprobs differ from those of training: "none"; {cap, over}, the ratio of the two, at most the cap, over each "token" or the whole "sequence"; or {low, high, over}, the ratio of the token, which does not train where it lies outside of the two, or with over "sequence" where the geometric mean of its completion does. Without effect on engines whose sampler is exact',
    ),
  selfDistillation: z
    .strictObject({
      weight: positive.describe(
        'What one unit of log ratio between teacher and policy weighs as an advantage',
      ),
    })
    .optional()
    .describe(
      'Where no rollout of a group is rewarded for anything, the policy that is shown the reference answer teaches the policy that is not: {weight: 0.1}. Left out, such groups teach nothing',
    ),
  showReadings: z
    .strictObject({
      weight: positive.describe('Advantage of each token of a reading'),
    })
    .optional()
    .describe(
      'Supervision beside the rewards: of each prompt whose sample has a reading, the policy also learns the modality tag and the thinking that says it, with this advantage for each token: {weight: 1}. Left out, readings are not shown',
    ),
  credit: z
    .enum(['completion', 'block'])
    .default('completion')
    .describe(
      'Which tokens a reward is credited to: "completion", all of it to all tokens; or "block", that for the reading (component reading of the reward profile) to the tokens up to the end of the thinking, and the rest to those after it',
    ),
  imageContrast: z
    .strictObject({
      weight: positive.describe('What is added to the reward at most'),
      against: z
        .enum(['grey', 'other'])
        .default('other')
        .describe(
          'What stands in place of the image: a "grey" one of its size, or that of an "other" prompt of the iteration',
        ),
    })
    .optional()
    .describe(
      'A bonus for completions that are less likely without their image: {weight: 0.2}. Each is scored once more with another image, and weight × (1 − e^(−d)) is added to its reward, where d is how much less likely its tokens are then, in nats on average, and nothing where they are not. Left out, there is none',
    ),
  maxSampleRounds: positiveInteger
    .default(20)
    .describe('Maximum rounds of sampling to fill an iteration when groups are filtered out'),
});

export type AlgorithmConfig = z.output<typeof algorithmSection>;
