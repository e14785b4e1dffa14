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
    'Reward profile that the judge or embedder is for: its question to the judge, threshold and rule on contradictions',
  );

const labelledFile =
  'JSONL rows {question, reference, accepted?, answer, correct, category?, id?}, correct being true or false';

/** Schema of {@link CertifyConfig}; its fields carry their own documentation. */
export const certifyConfigSchema = z.strictObject({
  judge: rewardFields.judge,
  embedder: embedderSection
    .nullable()
    .prefault({ kind: 'local' })
    .describe('Embedder that the judge is compared with; null compares with none'),
  profile: profileField,
  evaluation: z
    .strictObject({
      mode: askingFields.mode,
      votes: askingFields.votes,
    })
    .nullable()
    .default(null)
    .describe(
      'Certify the judge as `medix eval` asks it, which differs from a reward: {mode, votes}; null certifies it for rewards',
    ),
  probes: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(`Labelled answers of your own beside the shipped ones: ${labelledFile}`),
  repeats: positiveInteger
    .default(2)
    .describe('Times that every question is asked; from 2 on, changed verdicts are seen'),
  out: z.string().min(1).default('judge-certificate.json').describe('File of the certificate'),
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
    .describe(`Labelled answers instead of the shipped ones: ${labelledFile}`),
});
export type CalibrateConfig = z.output<typeof calibrateConfigSchema>;
