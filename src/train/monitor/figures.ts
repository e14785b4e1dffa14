/**
 * What the rollouts of one iteration say about what is being learnt: which reward component carries the advantage, what
 * each is correlated with that has nothing to do with being right, and whose verdicts stand alone. Pure functions of
 * the rollouts as they are recorded, so that training and a reader of the run come to the same.
 */
import type { RolloutLine } from '../../run/records.ts';
import { spearman } from '../../statistics/correlation.ts';
import { type FilterCause, filterCauseOf, filterCauses } from '../filter-cause.ts';
import { sharesOfAdvantage } from './advantage-shares.ts';
import { agreementsOf, answerIn, form, scoreIn } from './agreement.ts';
import { recordedOutcomes } from './recorded-outcome.ts';
import { copiedShare, hedgesIn, phrasesOf, wordsOf } from './text-features.ts';

export const features = ['length', 'hedges', 'copying'] as const;
export type Feature = (typeof features)[number];

type PhraseCount = {
  /** Rollouts that hold it. */
  readonly count: number;
  /** Sum of the rewards of those that have one. */
  readonly reward: number;
  readonly scored: number;
};

export type MonitorFigures = {
  readonly iteration: number;
  readonly rollouts: number;
  readonly meanTokens: number;
  readonly meanHedges: number;
  readonly meanCopying: number;
  readonly meanReward: number | undefined;
  /** Share of the answers that the rule calls right, of those that it can read. */
  readonly ruleRight: number | undefined;
  /** Share of the answers that the rule or the similarity calls right, of those that either can read. */
  readonly confirmed: number | undefined;
  /** By component; they and `other`, what no component explains, add up to 1. Empty without advantages. */
  readonly advantageShare: Readonly<Record<string, number>>;
  /** Rank correlation within groups, by `<component>/<feature>`, with `reward` among the components. */
  readonly correlations: Readonly<Record<string, number>>;
  /** Shares of all groups without spread, by cause. */
  readonly zeroVariance: Readonly<Record<FilterCause, number>>;
  /** Of the answers that the judge calls right: the share that neither similarity nor rule confirms. */
  readonly judgeAlone: number | undefined;
  /** The answer that a judge took for right on most different references, with nothing to confirm it. */
  readonly masterKey: {
    /** As it was first written. */
    readonly answer: string;
    readonly references: number;
    readonly share: number;
  } | null;
  readonly repeated: {
    /** Share of the answers that are equal to the answer to a question with another reference. */
    readonly equal: number;
    /** The same for the words that they hold, whatever their order. */
    readonly nearEqual: number;
    /** How much more often the commonest answer is given than it is right, as a share of all answers. */
    readonly commonest: number;
    /** As it was first written. */
    readonly commonestAnswer: string;
  };
  /** Commonest phrases of two and three words. */
  readonly phrases: ReadonlyMap<string, PhraseCount>;
};

type Line = Pick<
  RolloutLine,
  | 'key'
  | 'sampleId'
  | 'question'
  | 'reference'
  | 'accepted'
  | 'completion'
  | 'completionTokens'
  | 'reward'
  | 'components'
  | 'advantage'
  | 'use'
>;

type Read = {
  readonly line: Line;
  /** The answer as it was written, and in the form in which answers are compared. */
  readonly written: string;
  readonly answer: string;
  readonly reference: string;
  readonly words: readonly string[];
  readonly values: Readonly<Record<string, number | undefined>>;
  readonly features: Readonly<Record<Feature, number>>;
};

const mostPhrases = 120;

/** @param lines of one iteration's training; greedy completions that others are compared with are passed over */
export function monitorFigures(iteration: number, lines: readonly Line[]): MonitorFigures {
  const sampled = lines.filter(({ use }) => use !== 'baseline');
  const groups = [...groupsOf(sampled).values()].map(readGroup);
  const all = groups.flat();
  const agreements = all.map(({ line }) => agreementsOf(line));
  const judged = agreements.filter(({ judge }) => judge === 'right');
  const alone = judged.filter((one) => one.similarity !== 'right' && one.rule !== 'right');
  const ruled = agreements.filter(({ rule }) => rule !== 'none');
  return {
    iteration,
    rollouts: all.length,
    meanTokens: meanOf(all.map((one) => one.features.length)) ?? 0,
    meanHedges: meanOf(all.map((one) => one.features.hedges)) ?? 0,
    meanCopying: meanOf(all.map((one) => one.features.copying)) ?? 0,
    meanReward: meanOf(all.flatMap(({ line }) => line.reward ?? [])),
    confirmed: meanOf(
      agreements
        .filter(({ similarity, rule }) => similarity !== 'none' || rule !== 'none')
        .map(({ similarity, rule }) => Number(similarity === 'right' || rule === 'right')),
    ),
    ruleRight: meanOf(ruled.map(({ rule }) => (rule === 'right' ? 1 : 0))),
    advantageShare: sharesOfAdvantage(
      groups.map((group) => group.map(({ line, values }) => ({ ...values, ...pick(line) }))),
    ),
    correlations: correlationsOf(groups),
    zeroVariance: zeroVarianceOf(groups),
    judgeAlone: judged.length === 0 ? undefined : alone.length / judged.length,
    masterKey: masterKeyOf(all, agreements),
    repeated: repeatedOf(all),
    phrases: phrasesIn(all),
  };
}

function pick({ reward, advantage }: Line) {
  return { ' reward': reward ?? undefined, ' advantage': advantage ?? undefined };
}

function groupsOf(lines: readonly Line[]): Map<string, Line[]> {
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const key = line.key.slice(0, line.key.lastIndexOf('/'));
    const known = groups.get(key);
    if (known) known.push(line);
    else groups.set(key, [line]);
  }
  return groups;
}

function readGroup(lines: readonly Line[]): Read[] {
  const question = phrasesOf(wordsOf(lines[0]?.question ?? ''), 3);
  return lines.map((line) => {
    const words = wordsOf(line.completion);
    const written = answerIn(line.completion);
    return {
      line,
      written,
      answer: form(written),
      reference: form(line.reference ?? ''),
      words,
      values: Object.fromEntries(
        Object.entries(line.components).map(([name, score]) => [name, scoreIn(score)]),
      ),
      features: {
        length: line.completionTokens,
        hedges: hedgesIn(line.completion),
        copying: copiedShare(words, question),
      },
    };
  });
}

/** Below this many rollouts a correlation is chance. */
const fewestPairs = 12;

function correlationsOf(groups: readonly (readonly Read[])[]): Record<string, number> {
  const names = new Set(
    groups.flatMap((group) => group.flatMap(({ values }) => Object.keys(values))),
  );
  const found: Record<string, number> = {};
  for (const name of ['reward', ...names]) {
    for (const feature of features) {
      const value = withinGroups(groups, name, feature);
      if (value !== undefined) found[`${name}/${feature}`] = value;
    }
  }
  return found;
}

/**
 * Over deviations from the group's mean, as advantages are: questions differ in how long their answers are and how
 * often they are right, which says nothing about what is paid for.
 */
function withinGroups(
  groups: readonly (readonly Read[])[],
  name: string,
  feature: Feature,
): number | undefined {
  const [xs, ys]: [number[], number[]] = [[], []];
  for (const group of groups) {
    const pairs = group.flatMap(({ line, values, features: of }) => {
      const value = name === 'reward' ? line.reward : values[name];
      return typeof value === 'number' ? [[value, of[feature]] as const] : [];
    });
    const [x, y] = [meanOf(pairs.map(([one]) => one)), meanOf(pairs.map(([, one]) => one))];
    if (x === undefined || y === undefined || pairs.length < 2) continue;
    // A group in which either does not vary says nothing.
    if (pairs.every(([one]) => Math.abs(one - x) < 1e-9)) continue;
    for (const [value, one] of pairs) {
      xs.push(rounded(value - x));
      ys.push(rounded(one - y));
    }
  }
  return xs.length < fewestPairs ? undefined : spearman(xs, ys);
}

/** Deviations that are equal but for the order of a sum shall be ties. */
function rounded(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}

function zeroVarianceOf(groups: readonly (readonly Read[])[]): Record<FilterCause, number> {
  const counts = Object.fromEntries(filterCauses.map((cause) => [cause, 0])) as Record<
    FilterCause,
    number
  >;
  let seen = 0;
  for (const group of groups) {
    const scored = group.flatMap(({ line }) => (line.reward === null ? [] : [line]));
    if (scored.length < 2) continue;
    seen++;
    const [first] = scored;
    if (scored.some(({ reward }) => Math.abs((reward ?? 0) - (first?.reward ?? 0)) > 1e-9))
      continue;
    counts[filterCauseOf(recordedOutcomes(scored))]++;
  }
  for (const cause of filterCauses) counts[cause] = seen === 0 ? 0 : counts[cause] / seen;
  return counts;
}

function masterKeyOf(
  all: readonly Read[],
  agreements: readonly ReturnType<typeof agreementsOf>[],
): MonitorFigures['masterKey'] {
  const found = new Map<string, { written: string; references: Set<string>; count: number }>();
  for (const [place, { written, answer, reference }] of all.entries()) {
    const one = agreements[place];
    if (one?.judge !== 'right' || one.similarity === 'right' || one.rule === 'right') continue;
    const known = found.get(answer) ?? { written, references: new Set<string>(), count: 0 };
    known.references.add(reference);
    known.count++;
    found.set(answer, known);
  }
  let best: MonitorFigures['masterKey'] = null;
  for (const { written, references, count } of found.values()) {
    if (best !== null && count / all.length <= best.share) continue;
    if (references.size >= 3)
      best = { answer: written, references: references.size, share: count / all.length };
  }
  return best;
}

function repeatedOf(all: readonly Read[]): MonitorFigures['repeated'] {
  const bag = (text: string) => [...new Set(text.split(' '))].sort().join(' ');
  const equal = sharedWithOthers(all, ({ answer }) => answer);
  const nearEqual = sharedWithOthers(all, ({ answer }) => bag(answer));
  const [given, right] = [new Map<string, number>(), new Map<string, number>()];
  for (const { answer, reference } of all) {
    given.set(answer, (given.get(answer) ?? 0) + 1);
    right.set(reference, (right.get(reference) ?? 0) + 1);
  }
  let [commonest, commonestAnswer] = [0, ''];
  for (const [answer, count] of given) {
    const excess = (count - (right.get(answer) ?? 0)) / all.length;
    if (excess > commonest) [commonest, commonestAnswer] = [excess, answer];
  }
  commonestAnswer = all.find(({ answer }) => answer === commonestAnswer)?.written ?? '';
  return { equal, nearEqual, commonest, commonestAnswer };
}

function sharedWithOthers(all: readonly Read[], nameOf: (one: Read) => string): number {
  const references = new Map<string, Set<string>>();
  for (const one of all) {
    const name = nameOf(one);
    const known = references.get(name) ?? new Set<string>();
    references.set(name, known.add(one.reference));
  }
  const shared = all.filter((one) => (references.get(nameOf(one))?.size ?? 0) > 1);
  return all.length === 0 ? 0 : shared.length / all.length;
}

function phrasesIn(all: readonly Read[]): Map<string, PhraseCount> {
  const counts = new Map<string, { count: number; reward: number; scored: number }>();
  for (const { line, words } of all) {
    for (const phrase of [...phrasesOf(words, 2), ...phrasesOf(words, 3)]) {
      const known = counts.get(phrase) ?? { count: 0, reward: 0, scored: 0 };
      known.count++;
      if (line.reward !== null) {
        known.reward += line.reward;
        known.scored++;
      }
      counts.set(phrase, known);
    }
  }
  const commonest = [...counts].sort(([, a], [, b]) => b.count - a.count).slice(0, mostPhrases);
  return new Map(commonest);
}

function meanOf(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
