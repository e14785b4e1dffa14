/** From the scores of one response to its reward. Pure. */
import { shareLeft } from '../config/judge-config.ts';
import { defined } from '../core/errors.ts';
import type { FailureCause, Unscored } from '../core/outcome.ts';
import { overlongShare } from './components/overlong.ts';
import type { RewardProfile } from './profile.ts';
import { aboutAnswer, defaultGates } from './profile-schema.ts';
import type { RewardItem, RewardSample } from './reward-item.ts';
import { askedComponents, type ComponentName, type Components, componentNames } from './score.ts';

/** One part of a reward, before it is weighted. */
type RewardPart = { readonly weight: number; readonly value: number };

export type RewardOutcome =
  | {
      readonly kind: 'scored';
      /** In [0, 1]; down to −penalty where the profile punishes long responses. */
      readonly reward: number;
      readonly components: Components;
      /** Share of the penalty for length that was taken off, in [0, 1]; absent without such a penalty. */
      readonly overlong?: number;
      /**
       * The parts of the reward, the same ones for each rollout of a group, where the profile wants the
       * advantage to compare them one by one (aggregation `per-component`).
       */
      readonly parts?: readonly RewardPart[];
    }
  /** A component that counts has failed; cause and message are those of the first that did. */
  | {
      readonly kind: 'unscored';
      readonly cause: FailureCause;
      readonly message: string;
      readonly components: Components;
    };

type Composition = {
  /** Weights of the components that are added up, together 1; the others weigh 0. */
  readonly weights: Readonly<Record<ComponentName, number>>;
  /** The components that multiply the sum, in the order of `componentNames`. */
  readonly gates: readonly ComponentName[];
};

type Counting = Pick<
  RewardProfile,
  'weights' | 'textOnly' | 'aggregation' | 'gates' | 'ownComponents'
>;

/** Whether a component counts for samples like this one: it is a gate, or weighs more than nothing. */
export function counts(
  profile: Counting,
  sample: Pick<RewardSample, 'images'>,
  name: ComponentName,
): boolean {
  return (
    shareOfProfile(profile) > 0 &&
    appliesTo(profile, sample, name) &&
    (weightOf(profile, name) > 0 || gateNames(profile).includes(name))
  );
}

/** Whether a component counts for any sample at all. */
export function countsForSome(profile: Counting, name: ComponentName): boolean {
  return counts({ ...profile, textOnly: [name] }, { images: [] }, name);
}

/** Whether some sample makes the reward ask the judge, and the embedder. */
export function askedBy(profile: Counting): {
  readonly judge: boolean;
  readonly embedder: boolean;
} {
  const isNeeded = (name: ComponentName) => countsForSome(profile, name);
  return {
    judge: askedComponents.judge.some(isNeeded),
    embedder: askedComponents.embedder.some(isNeeded),
  };
}

/** Whether a sample without images is scored by other components than one with images. */
export function tellsTextFromImages(profile: Counting): boolean {
  const leftOut = componentNames.filter((name) => !profile.textOnly.includes(name));
  return leftOut.some((name) => weightOf(profile, name) > 0 || gateNames(profile).includes(name));
}

/**
 * A gate that is 0: the reward is then 0 whatever the other components are, so nobody need be asked for them
 * and their failures do not matter. Undefined where there is none.
 */
export function closedGate(
  profile: Counting,
  sample: Pick<RewardSample, 'images'>,
  components: Partial<Components>,
): ComponentName | undefined {
  return gatesFor(profile, sample).find((name) => {
    const score = components[name];
    return score?.kind === 'scored' && score.value === 0;
  });
}

function weightOf({ weights }: Pick<RewardProfile, 'weights'>, name: ComponentName): number {
  return weights[name] ?? 0;
}

function appliesTo(
  { textOnly }: Pick<RewardProfile, 'textOnly'>,
  { images }: Pick<RewardSample, 'images'>,
  name: ComponentName,
): boolean {
  return images.length > 0 || textOnly.includes(name);
}

function gateNames({ aggregation, gates }: Counting): readonly ComponentName[] {
  return aggregation === 'gated' ? (gates ?? defaultGates) : [];
}

function gatesFor(profile: Counting, sample: Pick<RewardSample, 'images'>) {
  const named = gateNames(profile);
  return componentNames.filter((name) => named.includes(name) && appliesTo(profile, sample, name));
}

/**
 * What counts for one response, and how much. A component that does not apply, and for samples without
 * images any that the profile leaves out, passes its weight on to the others.
 */
export function compositionOf(
  profile: RewardProfile,
  sample: Pick<RewardSample, 'images'>,
  components: Components,
): Composition {
  const counting = componentNames.filter(
    (name) =>
      // One that weighs nothing and was not asked for changes no sum, not even in its last bit.
      (components[name] !== undefined || (name !== 'modality' && weightOf(profile, name) === 0)) &&
      appliesTo(profile, sample, name),
  );
  const gates = gatesFor(profile, sample).filter((name) => components[name] !== undefined);
  const added = counting.filter((name) => !gates.includes(name));
  // Whole weights stay as they are: a division by their rounded sum would cost the last bit.
  const total =
    added.length === componentNames.length
      ? 1
      : added.reduce((sum, name) => sum + weightOf(profile, name), 0);
  const share = (name: ComponentName) =>
    added.includes(name) && total > 0 ? weightOf(profile, name) / total : 0;
  return {
    weights: {
      judge: share('judge'),
      similarity: share('similarity'),
      modality: share('modality'),
      format: share('format'),
      rubric: share('rubric'),
      findings: share('findings'),
      reading: share('reading'),
    },
    gates,
  };
}

/** The outcome of one item whose components have been scored, those of the user's own included. */
export function aggregate(
  profile: RewardProfile,
  item: RewardItem,
  components: Components,
): RewardOutcome {
  const { ownComponents } = profile;
  if (ownComponents === undefined) return aggregateBuiltIn(profile, item, components);
  const share = shareOfProfile(profile);
  const outcome: RewardOutcome =
    share === 0
      ? { kind: 'scored', reward: 0, components, parts: [] }
      : aggregateBuiltIn(profile, item, components);
  if (outcome.kind === 'unscored') return outcome;
  let reward = share * outcome.reward;
  const isDecoupled = profile.aggregation === 'per-component';
  const parts = (outcome.parts ?? []).map(({ weight, value }) => ({
    weight: share * weight,
    value,
  }));
  for (const { name, weight } of ownComponents) {
    const score = defined(components[name], `score of ${name}`);
    if (score.kind === 'unscored') {
      return { kind: 'unscored', cause: score.cause, message: score.message, components };
    }
    reward += weight * score.value;
    parts.push({ weight, value: score.value });
  }
  const { parts: _, ...others } = outcome;
  return { ...others, reward, ...(isDecoupled ? { parts } : {}) };
}

/** What is left of the reward for the profile's own sum, in [0, 1]; with 0 its components do not count. */
export function shareOfProfile({
  ownComponents = [],
}: Pick<RewardProfile, 'ownComponents'>): number {
  return shareLeft(ownComponents);
}

function aggregateBuiltIn(
  profile: RewardProfile,
  { sample, response }: RewardItem,
  components: Components,
): RewardOutcome {
  const gated = gatedSum(profile, sample, components);
  if (gated.kind === 'unscored') return { ...gated, components };
  const { reward, parts } = gated;
  const isDecoupled = profile.aggregation === 'per-component';
  if (!profile.overlong) {
    return { kind: 'scored', reward, components, ...(isDecoupled ? { parts } : {}) };
  }
  const { penalty } = profile.overlong;
  const share = overlongShare(response, profile.overlong);
  return {
    kind: 'scored',
    reward: reward - penalty * share,
    components,
    overlong: share,
    ...(isDecoupled ? { parts: [...parts, { weight: penalty, value: -share }] } : {}),
  };
}

/** Otherwise a sample without a rubric would be rewarded for its form alone. */
const nothingLooked: Unscored = {
  kind: 'unscored',
  cause: 'refused',
  message: 'the sample has no rubric, and no other component looks at what its answer says',
};

type GatedSum =
  | { readonly kind: 'summed'; readonly reward: number; readonly parts: readonly RewardPart[] }
  | Unscored;

function gatedSum(profile: RewardProfile, sample: RewardSample, components: Components): GatedSum {
  if (closedGate(profile, sample, components) !== undefined) {
    return { kind: 'summed', reward: 0, parts: [] };
  }
  if (!aboutAnswer.some((name) => components[name] !== undefined)) return nothingLooked;
  const { weights, gates } = compositionOf(profile, sample, components);
  const parts: RewardPart[] = [];
  let gate = 1;
  for (const name of componentNames) {
    const isGate = gates.includes(name);
    const score = components[name];
    if (!score || (weights[name] === 0 && !isGate)) continue;
    if (score.kind === 'unscored') {
      return { kind: 'unscored', cause: score.cause, message: score.message };
    }
    if (isGate) gate *= score.value;
    else parts.push({ weight: weights[name], value: score.value });
  }
  const sum = parts.reduce((total, { weight, value }) => total + weight * value, 0);
  // Scaled weights may add up to a last bit more than 1.
  return { kind: 'summed', reward: gate * Math.min(1, sum), parts };
}
