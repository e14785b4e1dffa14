/**
 * Scores of a run that still hold: where judge, embedder and the way answers are read are those of the run, its
 * recorded components are what they would say again, and only their weights are new. So other weights cost
 * nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { aggregate, counts } from '../../reward/aggregate.ts';
import type { RewardOutcome } from '../../reward/composite.ts';
import type { OpenedReward } from '../../reward/open-reward.ts';
import { rewardProfileSchema } from '../../reward/profile-schema.ts';
import type { RewardItem } from '../../reward/reward-item.ts';
import { type Components, componentNames } from '../../reward/score.ts';

/** The new outcome from recorded components; undefined where somebody has to be asked. */
export type RecordedScores = (
  item: RewardItem,
  components: Components | undefined,
) => RewardOutcome | undefined;

const digested = z.looseObject({ digest: z.string() });
const recordedFacts = z.looseObject({
  medix: z.string(),
  judge: digested,
  embedder: digested,
  profile: z.looseObject({
    ownComponents: z.array(z.looseObject({ name: z.string(), digest: z.string() })).exactOptional(),
  }),
});

/**
 * @param facts those of the run's manifest
 * @param version of this package; another one may read answers in another way
 */
export function recordedScores(
  facts: Readonly<Record<string, unknown>>,
  { reward }: Pick<OpenedReward, 'reward'>,
  version: string,
): RecordedScores {
  const { profile, judge, embedder } = reward;
  const recorded = recordedFacts.safeParse(facts).data;
  const reading = readingOf(profile);
  const holds =
    recorded !== undefined &&
    reading !== undefined &&
    recorded.medix === version &&
    recorded.judge.digest === judge.digest &&
    recorded.embedder.digest === embedder.digest &&
    isDeepStrictEqual(readingOf(recorded.profile), reading) &&
    isDeepStrictEqual(codeOf(recorded.profile.ownComponents), codeOf(profile.ownComponents));
  if (!holds) return () => undefined;
  return (item, components) => {
    if (components === undefined) return undefined;
    if (Object.values(components).some(({ kind }) => kind === 'unscored')) return undefined;
    // Without a score for the modality there is none to be named.
    const needed = componentNames.filter(
      (name) => name !== 'modality' && counts(profile, item.sample, name),
    );
    return needed.every((name) => components[name] !== undefined)
      ? aggregate(profile, item, components)
      : undefined;
  };
}

/** What shapes components, and not the sum that is made of them; undefined where it cannot be read. */
function readingOf(profile: Readonly<Record<string, unknown>>) {
  const { name: _name, digest: _digest, ownComponents: _own, ...settings } = profile;
  const parsed = rewardProfileSchema.safeParse(settings).data;
  if (parsed === undefined) return undefined;
  const {
    weights: _weights,
    aggregation: _sum,
    gates: _gates,
    overlong: _overlong,
    textOnly: _text,
    ...reading
  } = parsed;
  return reading;
}

function codeOf(own: readonly { readonly name: string; readonly digest: string }[] = []) {
  return own.map(({ name, digest }) => [name, digest]).toSorted();
}
