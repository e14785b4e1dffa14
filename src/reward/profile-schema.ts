/** What a reward profile may say. A profile states everything, so its file alone tells how it scores. */
import { z } from 'zod';
import { componentNames } from './score.ts';

const weight = z.number().min(0).max(1);
const component = z.enum(componentNames);

/** Weights are written as decimals, so they add up to 1 within this. */
const weightTolerance = 1e-9;

const fields = z.strictObject({
  rules: z
    .enum(['medix-r1', 'medix-r1-reference'])
    .describe(
      "How a response is read: medix-r1 (strict format, lenient spelling), or medix-r1-reference (the paper's code, quirks included)",
    ),
  weights: z
    .strictObject({ judge: weight, similarity: weight, modality: weight, format: weight })
    .describe('What each component weighs; they add up to 1'),
  guards: z
    .strictObject({
      shortest: z.int().min(1).describe('Characters (Unicode code points) of an answer at least'),
      rejected: z.array(z.string().min(1)).describe('Texts that no right answer contains'),
    })
    .describe('Answers that are wrong without asking judge or embedder'),
  similarity: z
    .discriminatedUnion(
      'kind',
      [
        z.strictObject({
          kind: z.literal('threshold').describe('1 from a cosine on, else 0'),
          at: z.number().min(-1).max(1).describe('Least cosine that scores 1'),
        }),
        z.strictObject({
          kind: z.literal('graded').describe('the cosine itself, rising from 0 at the floor to 1'),
          floor: z
            .number()
            .min(-1)
            .lt(1)
            .default(0)
            .describe('Cosine that scores 0, as do all below; encoders place unlike texts above 0'),
        }),
      ],
      { error: '"threshold" or "graded"' },
    )
    .describe('What a cosine is worth'),
  contradiction: z
    .boolean()
    .describe(
      'Whether an answer that says the opposite, or leaves out a side or number, has no similarity',
    ),
  aggregation: z
    .enum(['sum', 'gated', 'per-component'])
    .describe(
      'sum: weighted sum; gated: format times the weighted mean of the others; per-component: weighted sum, and the advantage compares each component for itself (GDPO, arXiv 2601.05242)',
    ),
  overlong: z
    .strictObject({
      limit: z.int().positive().describe('Characters of a response that cost the whole penalty'),
      buffer: z.int().positive().describe('Characters below the limit over which the cost rises'),
      penalty: z.number().positive().describe('What is taken off the reward at the limit'),
    })
    .nullable()
    .describe('Soft punishment of long responses (DAPO, arXiv 2503.14476); null has none'),
  textOnly: z
    .array(component)
    .describe('Components that count for samples without images; their weights are scaled to 1'),
  onFailure: z
    .enum(['unscored', 'zero'])
    .describe(
      "What a failing judge or embedder makes of a response: unscored, or (only in the reference's rules, as in the paper's code) a wrong answer",
    ),
});

/** Schema of a profile's file; refuses combinations that have no meaning. */
export const rewardProfileSchema = fields.superRefine((profile, context) => {
  const problem = (path: string[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  const { weights, textOnly, overlong } = profile;
  const total = componentNames.reduce((sum, name) => sum + weights[name], 0);
  if (Math.abs(total - 1) > weightTolerance) {
    problem(['weights'], `weights that add up to 1, not ${Number(total.toFixed(9))}`);
  }
  if (weights.judge + weights.similarity === 0) {
    problem(['weights'], 'a weight above 0 for judge or similarity');
  }
  if (new Set(textOnly).size < textOnly.length) problem(['textOnly'], 'each component once');
  if (!textOnly.some((name) => isAboutAnswer(name) && weights[name] > 0)) {
    problem(['textOnly'], 'judge or similarity among them, with a weight above 0');
  }
  if (overlong && overlong.buffer > overlong.limit) {
    problem(['overlong', 'buffer'], 'a buffer no longer than the limit');
  }
  if (profile.onFailure === 'zero' && profile.rules !== 'medix-r1-reference') {
    problem(['onFailure'], '"unscored": only rules medix-r1-reference may score a failure 0');
  }
});

/** The fields of a profile. */
export type RewardProfileSettings = z.output<typeof rewardProfileSchema>;

function isAboutAnswer(name: z.output<typeof component>): boolean {
  return name === 'judge' || name === 'similarity';
}
