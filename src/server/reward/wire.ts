/** What goes over `POST /v1/rewards`: the schemas behind its types, its checks and its OpenAPI description. */
import { z } from '@hono/zod-openapi';
import { modalities } from '../../core/modality.ts';
import { rubricSchema } from '../../data/rubric.ts';
import type { RewardOutcome } from '../../reward/composite.ts';
import { componentsSchema } from '../../reward/score.ts';

/** Larger integers have lost their last digits by the time they are read. */
function isExact(id: number): boolean {
  return !Number.isInteger(id) || Number.isSafeInteger(id);
}

export const itemSchema = z
  .strictObject({
    id: z
      .union([z.string(), z.number().refine(isExact, 'beyond 2^53: send it as text')])
      .transform(String)
      .optional()
      .describe(
        'Returned with the result; without it the result has the position in the batch, from 0',
      ),
    question: z.string().default('').describe('Shown to the judge'),
    images: z
      .array(z.string())
      .optional()
      .describe(
        'Images of the question, as base64 or as data URLs; [] where it has none. Left out, nothing is known of them, and where judge or profile depend on them the item is malformed',
      ),
    response: z.string().describe('What the policy wrote'),
    ground_truth: z
      .string()
      .min(1)
      .describe(
        'The reference answer, written as <TAG>answer with its modality tag, or without a tag',
      ),
    modality: z
      .enum(modalities)
      .optional()
      .describe(
        'Modality tag, if ground_truth has none; without either the component modality does not count',
      ),
    accepted: z.array(z.string()).default([]).describe('Further answers that count as right'),
    rubric: rubricSchema
      .optional()
      .describe(
        'What the component rubric looks for, if the profile has it: a list of {criterion, points}',
      ),
    reading: z
      .string()
      .optional()
      .describe(
        'All that can be read off the images, in words: what the component reading, if the profile has it, compares thinking with',
      ),
  })
  .openapi('RewardItem');
export type WireItem = z.output<typeof itemSchema>;

/** Items are checked one by one, since one that is malformed shall not cost the others their rewards. */
const uncheckedItem = z.unknown().openapi({ $ref: '#/components/schemas/RewardItem' } as object);

/** @param maxItems items of one batch at most. */
export function batchSchema(maxItems: number) {
  return z
    .strictObject({
      items: z.array(uncheckedItem).min(1).max(maxItems),
      explain: z
        .boolean()
        .default(false)
        .describe('Whether each result explains step by step how its reward was computed'),
    })
    .openapi('RewardBatch');
}

const resultComponents = componentsSchema
  .partial()
  .describe('Each component in [0, 1]; empty if the item was malformed');

const explanationSchema = z.array(z.string()).exactOptional().describe('One line for each step');

const resultSchema = z
  .union([
    z.object({
      id: z.string(),
      kind: z.literal('scored'),
      reward: z
        .number()
        .describe('In [0, 1]; below 0 is possible if the profile punishes long responses'),
      components: resultComponents,
      explanation: explanationSchema,
    }),
    z.object({
      id: z.string(),
      kind: z
        .literal('unscored')
        .describe('There is no reward, which must not be read as a reward of 0'),
      cause: z
        .string()
        .describe('"malformed" if the item is invalid, otherwise why judge or embedder failed'),
      message: z.string(),
      components: resultComponents,
      explanation: explanationSchema,
    }),
  ])
  .openapi('RewardResult');
export type RewardResult = z.output<typeof resultSchema>;

export const answerSchema = z
  .object({
    results: z.array(resultSchema).describe('One result for each item, in the order of the items'),
  })
  .openapi('RewardAnswer');

/** An outcome without the parts that only the advantages of MediX itself need. */
export function toWire(outcome: RewardOutcome) {
  if (outcome.kind === 'unscored') return outcome;
  const { kind, reward, components } = outcome;
  return { kind, reward, components };
}
