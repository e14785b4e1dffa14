/**
 * How the four components become one reward. Profiles are files: `medix-r1-reference` repeats the paper's
 * code (arXiv 2602.23363), quirks included; `medix-r1`, the default, keeps its components and weights and
 * repairs its defects; `medix-r1-reading` adds the component `reading`; a user's own may change anything that profile-schema.ts lists.
 */
import { fileURLToPath } from 'node:url';
import { readConfig } from '../config/read-config.ts';
import { digestOf } from '../core/digest.ts';
import { fail } from '../core/errors.ts';
import { foundAt, foundNames } from '../core/files.ts';
import { packageFile } from '../core/package-file.ts';
import { reading } from '../core/reading.ts';
import { normaliserVersion } from '../judge/normalise.ts';
import { type RewardProfileSettings, rewardProfileSchema } from './profile-schema.ts';

export type RewardProfile = Readonly<RewardProfileSettings> & {
  /** Shipped name, or the path it was read from. */
  readonly name: string;
  /**
   * Hexadecimal SHA-256 of every setting, and of how answers are compared: two profiles with one digest score
   * alike.
   */
  readonly digest: string;
  /** Components of the user's own that a config adds; absent without. */
  readonly ownComponents?: readonly OwnWeight[];
};

/** What an own component weighs: its share of the reward, of which the profile has the rest. */
export type OwnWeight = {
  readonly name: string;
  /** In (0, 1); together below 1. */
  readonly weight: number;
  /** Hexadecimal SHA-256 of its code and of what it says of itself. */
  readonly digest: string;
};

const shippedNames: readonly string[] = ['medix-r1', 'medix-r1-reading', 'medix-r1-reference'];
const shippedFolder = packageFile('assets/reward-profiles/');

/** The profile with components of the user's own; the same profile without. */
export function withOwnComponents(
  profile: RewardProfile,
  own: readonly OwnWeight[],
): RewardProfile {
  if (own.length === 0) return profile;
  const ownComponents = own.map(({ name, weight, digest }) => ({ name, weight, digest }));
  return { ...profile, digest: digestOf([profile.digest, ownComponents]), ownComponents };
}

/**
 * Opens a profile that comes with MediX, or a user's YAML or JSON file.
 * @param changes `key=value` over the file. @default none
 * @throws MedixError 'config' with every problem of the file and the path of each field.
 * @example
 * ```ts
 * const { weights } = await openRewardProfile('medix-r1');
 * ```
 */
export async function openRewardProfile(
  nameOrPath: string,
  changes: readonly string[] = [],
): Promise<RewardProfile> {
  const path = shippedNames.includes(nameOrPath)
    ? fileURLToPath(new URL(`${nameOrPath}.yaml`, shippedFolder))
    : nameOrPath;
  const asked = {
    where: `reward profile ${nameOrPath}`,
    expected: `one of ${shippedNames.join(', ')}, or a file that can be read`,
    next: 'correct the name or the path',
  };
  const found = await reading({ boundary: 'config', ...asked }, () => foundAt(path));
  if (found !== 'file') fail('config', { ...asked, got: foundNames[found] });
  const settings = await readConfig(rewardProfileSchema, { base: path, overrides: changes });
  // The paper's rules compare characters, so no form of ours shapes them.
  const shaping = settings.rules === 'medix-r1' ? [settings, normaliserVersion] : settings;
  const name = changes.length === 0 ? nameOrPath : `${nameOrPath} with ${changes.join(' ')}`;
  return { name, digest: digestOf(shaping), ...settings };
}
