/** One response's reward, step by step in words: the same rules and sums as composite.ts, told. */
import type { Score } from '../core/outcome.ts';
import { quoted } from '../core/quoted.ts';
import {
  aggregate,
  closedGate,
  compositionOf,
  type RewardOutcome,
  shareOfProfile,
} from './aggregate.ts';
import { codePoints } from './components/overlong.ts';
import type { RewardProfile } from './profile.ts';
import type { RewardItem, RewardSample } from './reward-item.ts';
import type { AnswerCheck } from './rules/answer-check.ts';
import { rewardRules } from './rules/rules.ts';
import { type ComponentName, type Components, componentNames } from './score.ts';

/**
 * Recomputes a reward without asking anyone: rules are applied again, the scores of judge and embedder are
 * taken from `components`, as they were recorded.
 *
 * @param components of the same item under the same profile; where another profile's rules decided them, the
 *   explanation says which do not fit.
 * @returns lines for people. Text of models and data is quoted, cut and escaped: safe on any terminal.
 */
export function explainReward(
  profile: RewardProfile,
  item: RewardItem,
  components: Components,
): readonly string[] {
  const { sample, response } = item;
  const { check, ...byRule } = rewardRules[profile.rules](item, profile.guards);
  const ruled: Partial<Components> = { ...ruledByCheck(check), ...byRule };
  const ownNames = (profile.ownComponents ?? []).map(({ name }) => name);
  const present = componentNames.filter((name) => components[name] !== undefined);
  return [
    `profile: ${profile.name} (rules ${profile.rules}, aggregation ${profile.aggregation})`,
    `question: ${quoted(sample.problem)}, with ${imageCount(sample)}`,
    `right: ${[sample.referenceAnswer, ...sample.accepted].map((text) => quoted(text)).join(' or ')}, ${modalityOf(sample)}`,
    `response: ${quoted(response)}`,
    `answer: ${describeCheck(check)}`,
    ...[...present, ...ownNames].map(
      (name) => `${name}: ${describeScore(name, components[name], profile)}`,
    ),
    ...present.flatMap((name) => mismatch(name, components[name], ruled[name])),
    ...uncounted(profile, sample, components),
    ...total(profile, item, components),
  ];
}

/** What judge and similarity must be where rules alone decide the answer. */
function ruledByCheck(check: AnswerCheck): Partial<Components> {
  if (check.kind === 'compare') return {};
  const score: Score = { kind: 'scored', value: check.kind === 'exact' ? 1 : 0 };
  return { judge: score, similarity: score };
}

function describeCheck(check: AnswerCheck): string {
  if (check.answer === undefined && check.kind === 'wrong') return `none: ${check.reason}`;
  const answer = quoted(check.answer ?? '');
  switch (check.kind) {
    case 'wrong':
      return `${answer}, wrong by rule: ${check.reason}`;
    case 'exact':
      return `${answer}, right by rule: it equals a right answer`;
    case 'compare':
      return `${answer}, which no rule decides: judge and embedder are asked`;
  }
}

function describeScore(
  name: string,
  score: Score | undefined,
  { similarity }: RewardProfile,
): string {
  if (score === undefined) return 'does not apply';
  if (score.kind === 'unscored') return `failed (${score.cause}): ${quoted(score.message)}`;
  const { value, detail } = score;
  if (detail === undefined) return formatValue(value);
  const compared = name === 'similarity' && detail.startsWith('cosine ');
  if (!compared) return `${formatValue(value)}, ${quoted(detail)}`;
  const rule =
    similarity.kind === 'threshold'
      ? `needs at least ${similarity.at}`
      : `graded from 0 at ${similarity.floor} to 1`;
  return `${formatValue(value)}, ${quoted(detail)}; ${rule}`;
}

/** A recorded value that these rules do not give. */
function mismatch(
  name: ComponentName,
  recorded: Score | undefined,
  ruled: Score | undefined,
): string[] {
  if (recorded?.kind !== 'scored' || ruled?.kind !== 'scored') return [];
  if (recorded.value === ruled.value) return [];
  return [
    `note: ${name} was recorded as ${formatValue(recorded.value)}, these rules give ${formatValue(ruled.value)}`,
  ];
}

function uncounted(profile: RewardProfile, sample: RewardSample, components: Components): string[] {
  const closed = closedGate(profile, sample, components);
  if (closed !== undefined) {
    return [`gate: ${closed} is 0, so the others do not count and need not be asked`];
  }
  const { weights, gates } = compositionOf(profile, sample, components);
  const names = componentNames.filter(
    (name) => profile.weights[name] !== undefined && weights[name] === 0 && !gates.includes(name),
  );
  return names.length === 0
    ? []
    : [`not counted: ${names.join(', ')}; the others share the weight`];
}

function total(profile: RewardProfile, item: RewardItem, components: Components): string[] {
  const outcome = aggregate(profile, item, components);
  const { weights, gates } = compositionOf(profile, item.sample, components);
  if (outcome.kind === 'unscored') {
    const failed = Object.keys(components).filter((name) => components[name]?.kind === 'unscored');
    return [`reward: none, since ${failed.join(' and ')} failed; a failure is no wrong answer`];
  }
  const sum = componentNames
    .filter((name) => weights[name] > 0)
    .map((name) => `${formatValue(weights[name])} × ${formatScore(components[name])} (${name})`)
    .join(' + ');
  const closed = closedGate(profile, item.sample, components);
  const factors = gates.map((name) => `${formatScore(components[name])} (${name}) × `).join('');
  const opened = gates.length > 0 ? `${factors}[${sum}]` : sum;
  const gated = closed === undefined ? opened : `0 (${closed})`;
  return [
    ...lengthLine(profile, item, outcome),
    `reward: ${withOwn(profile, `${gated}${penaltyOf(profile, outcome)}`, components)} = ${formatValue(outcome.reward)}`,
  ];
}

/** The profile's sum beside what components of the user's own add. */
function withOwn(profile: RewardProfile, sum: string, components: Components): string {
  const { ownComponents } = profile;
  if (ownComponents === undefined) return sum;
  const added = ownComponents.map(
    ({ name, weight }) => `${formatValue(weight)} × ${formatScore(components[name])} (${name})`,
  );
  const share = shareOfProfile(profile);
  const rest = share === 0 ? [] : [`${formatValue(share)} × [${sum}]`];
  return [...rest, ...added].join(' + ');
}

type Scored = Extract<RewardOutcome, { readonly kind: 'scored' }>;

function lengthLine(
  { overlong }: RewardProfile,
  { response }: RewardItem,
  outcome: Scored,
): string[] {
  if (!overlong || outcome.overlong === undefined) return [];
  const from = overlong.limit - overlong.buffer;
  return [
    `length: ${codePoints(response)} characters; free up to ${from}, the whole penalty from ${overlong.limit} on`,
  ];
}

function penaltyOf({ overlong }: RewardProfile, outcome: Scored): string {
  if (!overlong || outcome.overlong === undefined) return '';
  return ` − ${formatValue(overlong.penalty)} × ${formatValue(outcome.overlong)} (length)`;
}

function modalityOf({ modality }: RewardSample): string {
  return modality === undefined ? 'modality unknown' : `modality ${modality}`;
}

function imageCount({ images }: RewardSample): string {
  return images.length === 1 ? '1 image' : `${images.length} images`;
}

function formatScore(score: Score | undefined): string {
  return score?.kind === 'scored' ? formatValue(score.value) : '?';
}

/** At most six digits behind the point. */
function formatValue(value: number): string {
  return String(Number(value.toFixed(6)));
}
