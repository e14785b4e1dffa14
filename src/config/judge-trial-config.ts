/** The configs of `medix judge certify` and `medix judge calibrate`. */
import { z } from 'zod';
import { askingFields } from './eval-config.ts';
import { embedderSection, rewardFields } from './judge-config.ts';
import { positiveInteger } from './sections.ts';

const profileField = z
  .string()
  .min(1)
  .default('medix-r1')
  .describe(
    'Reward profile that the judge or embedder will be used with; its judge prompt, similarity threshold and rule on contradictions are applied here',
  );

const labelledFile =
  'JSONL rows {question, reference, accepted?, answer, correct, category?, id?}, correct being true or false';

/** Schema of {@link CertifyConfig}; its fields carry their own documentation. */
export const certifyConfigSchema = z.strictObject({
  judge: rewardFields.judge,
  embedder: embedderSection
    .nullable()
    .prefault({ kind: 'local' })
    .describe('Embedder that the judge is compared with; null skips the comparison'),
  profile: profileField,
  evaluation: z
    .strictObject({
      mode: askingFields.mode,
      votes: askingFields.votes,
    })
    .nullable()
    .default(null)
    .describe(
      'Set {mode, votes} to certify the judge for `medix eval`, which asks it in another way than a reward does; null certifies it for rewards',
    ),
  rubric: z
    .boolean()
    .default(false)
    .describe(
      'Certify how the judge marks a rubric instead of its verdicts, for profiles with the component rubric: each labelled answer is a rubric whose one criterion is the reference answer',
    ),
  probes: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(`Your own labelled answers, used in addition to the shipped ones: ${labelledFile}`),
  repeats: positiveInteger
    .default(2)
    .describe('How many times every question is asked; 2 or more show how often verdicts change'),
  out: z
    .string()
    .min(1)
    .default('judge-certificate.json')
    .describe('File to which the certificate is written'),
});
export type CertifyConfig = z.output<typeof certifyConfigSchema>;

/** Schema of {@link CalibrateConfig}; its fields carry their own documentation. */
export const calibrateConfigSchema = z.strictObject({
  embedder: rewardFields.embedder,
  profile: profileField,
  probes: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(`Your own labelled answers, used instead of the shipped ones: ${labelledFile}`),
});
export type CalibrateConfig = z.output<typeof calibrateConfigSchema>;
