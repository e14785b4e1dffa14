/** What a reward profile may say. A profile states everything, so its file alone tells how it scores. */
import { z } from 'zod';
import { rubricSchema } from '../data/rubric.ts';
import { type ComponentName, componentNames } from './score.ts';

/** The gates of aggregation `gated` in a profile that names none. */
export const defaultGates: readonly ComponentName[] = ['format'];

/** Components that look at what an answer says. */
export const aboutAnswer: readonly ComponentName[] = ['judge', 'similarity', 'rubric', 'findings'];
const aboutAnswerNames = 'judge, similarity, rubric or findings';

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
    .strictObject({
      judge: weight,
      similarity: weight,
      modality: weight,
      format: weight,
      rubric: weight.exactOptional(),
      findings: weight.exactOptional(),
      reading: weight.exactOptional(),
    })
    .describe(
      'Weight of each component; the weights add up to 1, and a component that is left out has none',
    ),
  rubric: rubricSchema
    .exactOptional()
    .describe(
      'Rubric of samples that have none of their own: a list of {criterion, points}; points below 0 are for mistakes',
    ),
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
  findings: z
    .strictObject({
      floor: z
        .number()
        .min(-1)
        .lt(1)
        .describe('Cosine at and below which two findings have nothing in common'),
    })
    .exactOptional()
    .describe(
      'How the component findings reads the cosine of two findings: it rises from 0 at the floor to 1',
    ),
  reading: z
    .strictObject({
      floor: z
        .number()
        .min(-1)
        .lte(1)
        .describe(
          'Cosine at and below which thinking has nothing in common with the reading; 1 rewards the same words alone',
        ),
    })
    .exactOptional()
    .describe(
      'How the component reading scores thinking that says it in other words than the reading: the score rises from 0 at the floor to 1',
    ),
  contradiction: z
    .boolean()
    .describe(
      'Whether the similarity of an answer that says the opposite, or leaves out a side or a number, is 0; for the components findings and reading the same of two findings',
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

type Fields = z.output<typeof fields>;
type Finding = { readonly path: string[]; readonly message: string; readonly holds: boolean };

/** Schema of a profile's file; refuses combinations that have no meaning. */
export const rewardProfileSchema = fields.superRefine((profile, context) => {
  for (const { path, message, holds } of [...countingFindings(profile), ...findings(profile)]) {
    if (holds) context.addIssue({ code: 'custom', path, message });
  }
});

/** What may be wrong with which components count. */
function countingFindings({ weights, textOnly, aggregation, ...profile }: Fields): Finding[] {
  const gates = aggregation === 'gated' ? (profile.gates ?? defaultGates) : [];
  const weightOf = (name: ComponentName) => weights[name] ?? 0;
  const isAdded = (name: ComponentName) => weightOf(name) > 0 && !gates.includes(name);
  const counts = (name: ComponentName) => weightOf(name) > 0 || gates.includes(name);
  const looks = (name: ComponentName) => aboutAnswer.includes(name) && counts(name);
  const hasTwice = (names: readonly ComponentName[]) => new Set(names).size < names.length;
  const total = componentNames.reduce((sum, name) => sum + weightOf(name), 0);
  const finding = (path: string, holds: boolean, message: string) => ({
    path: [path],
    message,
    holds,
  });
  return [
    finding(
      'weights',
      Math.abs(total - 1) > weightTolerance,
      `weights that add up to 1, not ${Number(total.toFixed(9))}`,
    ),
    finding('weights', !componentNames.some(looks), `a weight above 0 for ${aboutAnswerNames}`),
    finding(
      'rubric',
      profile.rubric !== undefined && !counts('rubric'),
      'none, since the component rubric has no weight',
    ),
    finding(
      'findings',
      profile.findings === undefined && counts('findings'),
      '{floor: …}, since the component findings counts',
    ),
    finding(
      'findings',
      profile.findings !== undefined && !counts('findings'),
      'none, since the component findings has no weight',
    ),
    finding(
      'reading',
      profile.reading === undefined && counts('reading'),
      '{floor: …}, since the component reading counts',
    ),
    finding(
      'reading',
      profile.reading !== undefined && !counts('reading'),
      'none, since the component reading has no weight',
    ),
    finding(
      'gates',
      profile.gates !== undefined && aggregation !== 'gated',
      'none, since aggregation is not gated',
    ),
    finding('gates', hasTwice(gates), 'each component once'),
    finding(
      'gates',
      !componentNames.some(isAdded),
      'gates that leave a component with a weight above 0',
    ),
    finding('textOnly', hasTwice(textOnly), 'each component once'),
    finding('textOnly', !textOnly.some(looks), `${aboutAnswerNames}, with a weight above 0`),
    finding(
      'textOnly',
      textOnly.some(looks) && !textOnly.some(isAdded),
      'a component with a weight above 0 that is no gate',
    ),
  ];
}

function findings({ overlong, onFailure, rules }: Fields): Finding[] {
  return [
    {
      path: ['overlong', 'buffer'],
      holds: overlong !== null && overlong.buffer > overlong.limit,
      message: 'a buffer no longer than the limit',
    },
    {
      path: ['onFailure'],
      holds: onFailure === 'zero' && rules !== 'medix-r1-reference',
      message: '"unscored": only rules medix-r1-reference may score a failure 0',
    },
  ];
}

/** The fields of a profile. */
export type RewardProfileSettings = z.output<typeof rewardProfileSchema>;
