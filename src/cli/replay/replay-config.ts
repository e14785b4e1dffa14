/** What a replay is computed with: the run's own settings under the changes given. */
import { z } from 'zod';
import { algorithmContradictions } from '../../config/algorithm-checks.ts';
import { algorithmSection } from '../../config/algorithm-config.ts';
import type { RewardConfig } from '../../config/judge-config.ts';
import { readConfig } from '../../config/read-config.ts';
import { fail } from '../../core/errors.ts';
import type { Manifest } from '../../run/records.ts';
import { type Estimation, resolveEstimation } from '../../train/algorithm.ts';
import { type RewardOptions, readRewardOptions } from '../reward/options.ts';

export const algorithmSchema = z.strictObject({ algorithm: algorithmSection.prefault({}) });

const runConfig = z.looseObject({
  reward: z.object({
    profile: z.unknown(),
    judge: z.unknown(),
    embedder: z.unknown(),
    components: z.unknown().exactOptional(),
  }),
  algorithm: z.record(z.string(), z.unknown()).prefault({}),
  rollout: z.looseObject({ groupSize: z.int().positive() }).exactOptional(),
});

export type ReplayConfig = {
  readonly reward: RewardConfig;
  /** `key=value` changes to fields of the reward profile. */
  readonly profileChanges: readonly string[];
  readonly estimation: Estimation;
};

/**
 * @param words `key=value`: fields of `reward` and `algorithm`, and of the reward profile as `profile.<field>`
 * @param manifest of the run; undefined where the source is none
 * @throws MedixError 'config' with what is wrong
 */
export async function readReplayConfig(
  options: RewardOptions,
  words: readonly string[],
  manifest: Manifest | undefined,
): Promise<ReplayConfig> {
  const run = runConfig.safeParse(manifest?.config).data;
  const isOf = (section: string) => (word: string) => word.startsWith(`${section}.`);
  const profileChanges = words.filter(isOf('profile')).map((word) => word.slice('profile.'.length));
  const ofAlgorithm = words.filter(isOf('algorithm'));
  const others = words.filter((word) => !isOf('profile')(word) && !isOf('algorithm')(word));
  const reward = await readRewardOptions(options, others, run ? { reward: run.reward } : {});
  const { algorithm } = await readConfig(algorithmSchema, {
    base: run ? { algorithm: run.algorithm } : {},
    overrides: ofAlgorithm,
  });
  const groupSize = run?.rollout?.groupSize ?? Number.POSITIVE_INFINITY;
  const [wrong] = algorithmContradictions(algorithm, groupSize);
  if (wrong) {
    const next = 'change it, or what contradicts it';
    const got = 'something that contradicts the other fields';
    fail('config', { where: wrong.path.join('.'), expected: wrong.expected, got, next });
  }
  return { reward, profileChanges, estimation: resolveEstimation(algorithm) };
}
