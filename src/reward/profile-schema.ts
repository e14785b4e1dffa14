/** What a reward profile may say. A profile states everything, so its file alone tells how it scores. */
import { z } from 'zod';
import { type ComponentName, componentNames } from './score.ts';

/** The gates of aggregation `gated` in a profile that names none. */
export const defaultGates: readonly ComponentName[] = ['format'];

/** Components that look at what an answer says. */
const aboutAnswer: readonly ComponentName[] = ['judge', 'similarity'];

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
    .describe('Weight of each component; the weights add up to 1'),
  guards: z
    .strictObject({
      shortest: z
        .int()
        .min(1)
        .describe('Length of the shortest right answer, in characters (Unicode code points)'),
      rejected: z.array(z.string().min(1)).describe('Texts that no right answer contains'),
    })
    .describe('Which answers are wrong without asking judge or embedder'),
  similarity: z
    .discriminatedUnion(
      'kind',
      [
        z.strictObject({
          kind: z.literal('threshold').describe('1 if the cosine reaches the threshold, else 0'),
          at: z.number().min(-1).max(1).describe('Lowest cosine that scores 1'),
        }),
        z.strictObject({
          kind: z
            .literal('graded')
            .describe('the cosine, rescaled so that it rises from 0 at the floor to 1'),
          floor: z
            .number()
            .min(-1)
            .lt(1)
            .default(0)
            .describe(
              'Cosine at and below which the score is 0; embedders give even unrelated texts a cosine above 0',
            ),
        }),
      ],
      { error: '"threshold" or "graded"' },
    )
    .describe('How the cosine of two texts becomes a score'),
  contradiction: z
    .boolean()
    .describe(
      'Whether the similarity of an answer that says the opposite, or leaves out a side or a number, is 0',
    ),
  aggregation: z
    .enum(['sum', 'gated', 'per-component'])
    .describe(
      'sum: weighted sum; gated: the gates times the weighted mean of the others; per-component: weighted sum, and the advantage compares each component for itself (GDPO, arXiv 2601.05242)',
    ),
  gates: z
    .array(component)
    .min(1)
    .exactOptional()
    .describe(
      'Components that multiply the others, for aggregation gated; their weights do not count. Where one of them is 0 by rule, judge and embedder are not asked. Left out, the format alone',
    ),
  overlong: z
    .strictObject({
      limit: z
        .int()
        .positive()
        .describe('Length in characters from which a response costs the whole penalty'),
      buffer: z
        .int()
        .positive()
        .describe('Number of characters before the limit over which the penalty rises'),
      penalty: z.number().positive().describe('Amount subtracted from the reward at the limit'),
    })
    .nullable()
    .describe('Soft punishment of long responses (DAPO, arXiv 2503.14476); null turns it off'),
  textOnly: z
    .array(component)
    .describe(
      'Components that count for samples without images; their weights are rescaled to add up to 1',
    ),
  onFailure: z
    .enum(['unscored', 'zero'])
    .describe(
      "What becomes of a response when judge or embedder fails: 'unscored', or 'zero' (a wrong answer, as in the paper's code; only with rules medix-r1-reference)",
    ),
});

/** Schema of a profile's file; refuses combinations that have no meaning. */
export const rewardProfileSchema = fields.superRefine((profile, context) => {
  const problem = (path: string[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  const { weights, textOnly, overlong, aggregation } = profile;
  const gates = aggregation === 'gated' ? (profile.gates ?? defaultGates) : [];
  const isAdded = (name: ComponentName) => weights[name] > 0 && !gates.includes(name);
  const counts = (name: ComponentName) => weights[name] > 0 || gates.includes(name);
  const total = componentNames.reduce((sum, name) => sum + weights[name], 0);
  if (Math.abs(total - 1) > weightTolerance) {
    problem(['weights'], `weights that add up to 1, not ${Number(total.toFixed(9))}`);
  }
  if (!aboutAnswer.some(counts)) {
    problem(['weights'], 'a weight above 0 for judge or similarity');
  }
  if (profile.gates && aggregation !== 'gated') {
    problem(['gates'], 'none, since aggregation is not gated');
  }
  if (new Set(gates).size < gates.length) problem(['gates'], 'each component once');
  if (!componentNames.some(isAdded)) {
    problem(['gates'], 'gates that leave a component with a weight above 0');
  }
  if (new Set(textOnly).size < textOnly.length) problem(['textOnly'], 'each component once');
  if (!textOnly.some((name) => aboutAnswer.includes(name) && counts(name))) {
    problem(['textOnly'], 'judge or similarity, with a weight above 0');
  } else if (!textOnly.some(isAdded)) {
    problem(['textOnly'], 'a component with a weight above 0 that is no gate');
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
