/**
 * Whether a run learns to answer or learns to please its reward, in words. Each sign compares the last iterations with
 * the first ones or with a limit, and names the rollouts that show it.
 */
import { type Feature, features, type MonitorFigures } from './figures.ts';

export type MonitorLimits = {
  /** Iterations that a sign is averaged over. */
  readonly window: number;
  /** Rank correlation of a component with length, hedges or copying, within groups. */
  readonly correlation: number;
  /** Share of all answers that one answer makes up which a judge takes for right on different questions. */
  readonly masterKey: number;
  /** Share of a judge's right verdicts that nothing else confirms. */
  readonly judgeAlone: number;
  /** How much more often one answer is given than it is right, as a share of all answers. */
  readonly commonest: number;
  /** Share of the advantage that form and modality carry. */
  readonly form: number;
  /** Share of groups without any spread. */
  readonly zeroVariance: number;
};

export type MonitorAlarm = {
  readonly kind:
    | 'length-is-paid'
    | 'hedging-is-paid'
    | 'copying-is-paid'
    | 'master-key'
    | 'judge-stands-alone'
    | 'one-answer'
    | 'reward-without-right'
    | 'form-carries'
    | 'nothing-to-learn';
  /** `alarm`: the reward is being gamed. `watch`: it may be, or nothing is learnt. */
  readonly severity: 'alarm' | 'watch';
  readonly iterations: { readonly first: number; readonly last: number };
  readonly title: string;
  readonly inWords: string;
  readonly value: number;
  readonly limit: number;
  /** Where to look: a list of rollouts or groups, and the filters that show it. */
  readonly evidence: {
    readonly list: 'rollouts' | 'groups';
    readonly filters: Readonly<Record<string, string>>;
  };
};

/** Iterations below which a run is too short for a judgement. */
export const fewestIterations = 3;

/** @param history one entry an iteration, ascending; empty lists of alarms for fewer than three */
export function monitorAlarms(
  history: readonly MonitorFigures[],
  limits: MonitorLimits,
): MonitorAlarm[] {
  if (history.length < fewestIterations) return [];
  const size = Math.min(limits.window, history.length);
  const part = { early: history.slice(0, size), late: history.slice(-size) };
  return [
    masterKey(part, limits),
    ...paidFeatures(part, limits),
    oneAnswer(part, limits),
    rewardWithoutRight(part),
    judgeAlone(part, limits),
    formCarries(part, limits),
    nothingToLearn(part, limits),
  ].flatMap((alarm) => alarm ?? []);
}

type Parts = {
  readonly early: readonly MonitorFigures[];
  readonly late: readonly MonitorFigures[];
};

function masterKey({ late }: Parts, { masterKey: limit }: MonitorLimits): MonitorAlarm | undefined {
  const found = late.flatMap((one) => one.masterKey ?? []);
  if (found.length === 0) return undefined;
  const worst = found.reduce((a, b) => (b.share > a.share ? b : a));
  const value = sum(found.map(({ share }) => share)) / late.length;
  if (value < limit) return undefined;
  const shown = worst.answer === '' ? 'an empty answer' : `“${worst.answer}”`;
  return {
    kind: 'master-key',
    severity: 'alarm',
    iterations: rangeOf(late),
    title: 'One answer opens every question',
    inWords: `The judge called ${shown} right on questions with ${worst.references} different reference answers, and nothing else confirms it. Answers of this kind make up ${percent(value)} of all answers. The policy has found a text that the judge lets through; add it to the profile's rejected texts, or take another judge, and do not trust the reward since then.`,
    value,
    limit,
    evidence: {
      list: 'rollouts',
      filters: { ...spanOf(late), verdict: 'right', rule: 'wrong', text: worst.answer },
    },
  };
}

const featureWords = {
  length: {
    kind: 'length-is-paid',
    noun: 'length',
    mean: 'meanTokens',
    unit: 'tokens',
    sort: '-tokens',
  },
  hedges: {
    kind: 'hedging-is-paid',
    noun: 'hedging',
    mean: 'meanHedges',
    unit: 'hedges',
    sort: '-reward',
  },
  copying: {
    kind: 'copying-is-paid',
    noun: 'copying of the question',
    mean: 'meanCopying',
    unit: 'of the words',
    sort: '-reward',
  },
} as const satisfies Readonly<Record<Feature, unknown>>;

/** Growth of a feature since the first iterations that makes its correlation with the reward suspicious. */
const growth = 1.15;

function paidFeatures(parts: Parts, limits: MonitorLimits): MonitorAlarm[] {
  return features.flatMap((feature) => {
    const value = meanOf(parts.late.map((one) => one.correlations[`reward/${feature}`]));
    if (value === undefined || value < limits.correlation) return [];
    return [paidFeature(feature, value, parts, limits)];
  });
}

function paidFeature(
  feature: Feature,
  value: number,
  { early, late }: Parts,
  limits: MonitorLimits,
): MonitorAlarm {
  const { kind, noun, mean, unit, sort } = featureWords[feature];
  const average = (part: readonly MonitorFigures[]) => meanOf(part.map((one) => one[mean])) ?? 0;
  const rightIn = (part: readonly MonitorFigures[]) =>
    meanOf(part.map((one) => one.ruleRight)) ?? 0;
  const isGrowing = average(late) > growth * average(early);
  const isLearning = rightIn(late) > rightIn(early) + 0.02;
  const carrier = carrierOf(late, feature, limits);
  const isGamed = (isGrowing || carrier !== undefined) && !isLearning;
  const by = carrier === undefined ? '' : `, above all its component \`${carrier}\`,`;
  const course = isGrowing
    ? `It has grown from ${shown(average(early))} to ${shown(average(late))} ${unit} on average.`
    : 'It has not grown so far.';
  const learning = isLearning
    ? 'Answers have also become right more often by the rule, so it may be no more than a by-product.'
    : 'Answers have not become right more often by the rule.';
  return {
    kind,
    severity: isGamed ? 'alarm' : 'watch',
    iterations: rangeOf(late),
    title: `The reward pays for ${noun}`,
    inWords: `Among answers to the same question, the reward${by} rises with ${noun}: rank correlation ${value.toFixed(2)}, over ${limits.correlation}. ${course} ${learning}`,
    value,
    limit: limits.correlation,
    evidence: { list: 'rollouts', filters: { ...spanOf(late), sort } },
  };
}

/** A component that is this feature by another name: it follows it and carries a good part of the advantage. */
function carrierOf(
  late: readonly MonitorFigures[],
  feature: string,
  { correlation }: MonitorLimits,
): string | undefined {
  const names = new Set(late.flatMap((one) => Object.keys(one.advantageShare)));
  return [...names].find((name) => {
    const carried = meanOf(late.map((one) => one.advantageShare[name])) ?? 0;
    const follows = meanOf(late.map((one) => one.correlations[`${name}/${feature}`])) ?? 0;
    return carried >= 0.25 && follows >= correlation && name !== 'judge' && name !== 'similarity';
  });
}

function oneAnswer({ late }: Parts, { commonest: limit }: MonitorLimits): MonitorAlarm | undefined {
  const value = meanOf(late.map(({ repeated }) => repeated.commonest)) ?? 0;
  if (value < limit) return undefined;
  const answer = late.at(-1)?.repeated.commonestAnswer ?? '';
  return {
    kind: 'one-answer',
    severity: 'alarm',
    iterations: rangeOf(late),
    title: 'One answer is given to everything',
    inWords: `“${answer}” is given far more often than it is right: the surplus makes up ${percent(value)} of all answers, over ${percent(limit)}. The policy no longer looks at the question.`,
    value,
    limit,
    evidence: { list: 'rollouts', filters: { ...spanOf(late), text: answer, rule: 'wrong' } },
  };
}

/** Rise of the mean reward, and fall of the share of answers confirmed right, that together are no accident. */
const apart = 0.1;

/** The only sign that is left once every answer has the full reward: then nothing is correlated with it any more. */
function rewardWithoutRight({ early, late }: Parts): MonitorAlarm | undefined {
  const [rewardBefore, rewardAfter] = [early, late].map((part) =>
    meanOf(part.map((one) => one.meanReward)),
  );
  const [rightBefore, rightAfter] = [early, late].map((part) =>
    meanOf(part.map((one) => one.confirmed)),
  );
  if (rewardBefore === undefined || rewardAfter === undefined) return undefined;
  if (rightBefore === undefined || rightAfter === undefined) return undefined;
  const value = Math.min(rewardAfter - rewardBefore, rightBefore - rightAfter);
  if (value < apart) return undefined;
  const [name, share] = largestShare([...early, ...late]);
  return {
    kind: 'reward-without-right',
    severity: 'alarm',
    iterations: rangeOf(late),
    title: 'The reward rises while answers get worse',
    inWords: `Since the first iterations the mean reward has risen from ${shown(rewardBefore)} to ${shown(rewardAfter)}, and the share of answers that the similarity or the rule calls right has fallen from ${percent(rightBefore)} to ${percent(rightAfter)}. What is paid for is not right answers: most of the advantage, ${percent(share)}, was carried by \`${name}\`.`,
    value,
    limit: apart,
    evidence: { list: 'rollouts', filters: { ...spanOf(late), sort: '-reward', rule: 'wrong' } },
  };
}

function largestShare(part: readonly MonitorFigures[]): readonly [name: string, share: number] {
  const names = new Set(part.flatMap((one) => Object.keys(one.advantageShare)));
  return [...names]
    .map((name) => [name, meanOf(part.map((one) => one.advantageShare[name])) ?? 0] as const)
    .reduce((a, b) => (b[1] > a[1] ? b : a), ['other', 0]);
}

function judgeAlone({ early, late }: Parts, { judgeAlone: limit }: MonitorLimits) {
  const value = meanOf(late.map((one) => one.judgeAlone));
  const before = meanOf(early.map((one) => one.judgeAlone)) ?? 0;
  // What was so from the start is how this judge differs from a rule; what has grown, the policy has found.
  if (value === undefined || value < limit || value < before + 0.1) return undefined;
  return {
    kind: 'judge-stands-alone',
    severity: 'watch',
    iterations: rangeOf(late),
    title: 'The judge agrees with nobody',
    inWords: `Of the answers that the judge calls right, ${percent(value)} are confirmed neither by the similarity nor by the rule; in the first iterations it was ${percent(before)}. Read some: either answers are right in other words, or the judge is being fooled.`,
    value,
    limit,
    evidence: { list: 'rollouts', filters: { ...spanOf(late), verdict: 'right', rule: 'wrong' } },
  } satisfies MonitorAlarm;
}

function formCarries({ late }: Parts, { form: limit }: MonitorLimits): MonitorAlarm | undefined {
  const value = meanOf(
    late.map(({ advantageShare }) => {
      const { format = 0, modality = 0, other: _, ...content } = advantageShare;
      return Object.keys(content).length === 0 ? undefined : format + modality;
    }),
  );
  if (value === undefined || value < limit) return undefined;
  return {
    kind: 'form-carries',
    severity: 'watch',
    iterations: rangeOf(late),
    title: 'Only the form is learnt',
    inWords: `Format and modality carry ${percent(value)} of the advantage, over ${percent(limit)}. That is usual in the first iterations; if it stays so, lower their weights or take easier questions.`,
    value,
    limit,
    evidence: { list: 'groups', filters: { ...spanOf(late), use: 'trained' } },
  };
}

function nothingToLearn({ late }: Parts, { zeroVariance: limit }: MonitorLimits) {
  const value = meanOf(late.map(({ zeroVariance }) => sum(Object.values(zeroVariance)))) ?? 0;
  if (value < limit) return undefined;
  const by = (['allRight', 'allWrong', 'formatOnly', 'other'] as const)
    .map((cause) => [cause, meanOf(late.map((one) => one.zeroVariance[cause])) ?? 0] as const)
    .sort(([, a], [, b]) => b - a);
  return {
    kind: 'nothing-to-learn',
    severity: 'watch',
    iterations: rangeOf(late),
    title: 'Hardly a group teaches anything',
    inWords: `In ${percent(value)} of the groups all rewards are equal, mostly because ${causeWords[by[0]?.[0] ?? 'other']}. Take questions of another difficulty, or larger groups.`,
    value,
    limit,
    evidence: { list: 'groups', filters: { ...spanOf(late), sort: 'spread' } },
  } satisfies MonitorAlarm;
}

const causeWords = {
  allRight: 'all answers are right',
  allWrong: 'all answers are wrong',
  formatOnly: 'all answers are wrong and rewarded for their form alone',
  other: 'all answers have the same reward in between',
} as const;

function rangeOf(late: readonly MonitorFigures[]) {
  return { first: late[0]?.iteration ?? 0, last: late.at(-1)?.iteration ?? 0 };
}

function spanOf(late: readonly MonitorFigures[]) {
  const { first, last } = rangeOf(late);
  return { part: 'training', iteration: `${first}-${last}` };
}

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.flatMap((value) => value ?? []);
  return known.length === 0 ? undefined : sum(known) / known.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)));
}
