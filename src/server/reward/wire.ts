/** What goes over `POST /v1/rewards`: the schemas behind its types, its checks and its OpenAPI description. */
import { z } from '@hono/zod-openapi';
import { modalities } from '../../core/modality.ts';
import type { RewardOutcome } from '../../reward/composite.ts';
import { componentsSchema } from '../../reward/score.ts';

export const itemSchema = z
  .strictObject({
    id: z
      .union([z.string(), z.number()])
      .transform(String)
      .optional()
      .describe('Comes back with the result; without one, the place in the batch, from 0'),
    question: z.string().default('').describe('Shown to the judge'),
    images: z
      .array(z.string())
      .default([])
      .describe('Image files as base64 or as data URLs; shown to judges that see'),
    response: z.string().describe('What the policy wrote'),
    ground_truth: z.string().min(1).describe('<TAG>answer, or the answer alone'),
    modality: z.enum(modalities).optional().describe('The tag, where the ground truth has none'),
    accepted: z.array(z.string()).default([]).describe('Further answers that count as right'),
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
        .describe('Whether each result says step by step how its reward came about'),
    })
    .openapi('RewardBatch');
}

const resultComponents = componentsSchema
  .partial()
  .describe('Each component in [0, 1]; none where the item was malformed');

const explanationSchema = z.array(z.string()).exactOptional().describe('One step a line');

const resultSchema = z
  .union([
    z.object({
      id: z.string(),
      kind: z.literal('scored'),
      reward: z.number().describe('In [0, 1]; lower where the profile punishes long responses'),
      components: resultComponents,
      explanation: explanationSchema,
    }),
    z.object({
      id: z.string(),
      kind: z.literal('unscored').describe('There is no reward, and 0 would be a wrong one'),
      cause: z
        .string()
        .describe('"malformed" when the item is at fault, else what judge or embedder met'),
      message: z.string(),
      components: resultComponents,
      explanation: explanationSchema,
    }),
  ])
  .openapi('RewardResult');
export type RewardResult = z.output<typeof resultSchema>;

export const answerSchema = z
  .object({ results: z.array(resultSchema).describe('One an item, in the order of the items') })
  .openapi('RewardAnswer');

/** An outcome without what only advantages within MediX are made of. */
export function toWire(outcome: RewardOutcome) {
  if (outcome.kind === 'unscored') return outcome;
  const { kind, reward, components } = outcome;
  return { kind, reward, components };
}
