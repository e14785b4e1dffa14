/**
 * The composite reward: checks by rule, then one call to the judge, one to the embedder and one to each
 * component of the user's own, side by side, each with the items for which it counts. Where a check by rule
 * is a gate of 0, judge and embedder are not asked.
 */
import { defined } from '../core/errors.ts';
import type { Score } from '../core/outcome.ts';
import type { Embedder, EmbedderDescription } from '../embed/embedder.ts';
import type { Judge, JudgeDescription } from '../judge/judge.ts';
import { aggregate, closedGate, counts, type RewardOutcome } from './aggregate.ts';
import { contradiction } from './components/contradiction.ts';
import { scoreByFindings } from './components/findings.ts';
import { type CheckedItem, scoreByJudge } from './components/judge.ts';
import { type OwnComponent, ownScoresAt, scoreByOwn } from './components/own-component.ts';
import { scoreReading } from './components/reading.ts';
import { scoreByRubric } from './components/rubric.ts';
import { scoreBySimilarity } from './components/similarity.ts';
import type { RewardProfile } from './profile.ts';
import type { RewardItem } from './reward-item.ts';
import { rewardRules } from './rules/rules.ts';
import { askedComponents, binaryScore, type Components, componentNames } from './score.ts';

export type { RewardOutcome } from './aggregate.ts';

export type RewardFunction = {
  readonly profile: RewardProfile;
  /** Who is asked, for messages and manifests. */
  readonly judge: JudgeDescription;
  readonly embedder: EmbedderDescription;
  /** One outcome per item, in the order of the items. Failures are outcomes; only a defect rejects. */
  score(items: readonly RewardItem[], signal: AbortSignal): Promise<readonly RewardOutcome[]>;
};

/**
 * The caller keeps judge, embedder and own components and closes them.
 * @param parts.own Their weights are those of the profile, see {@link withOwnComponents}. @default none
 */
export function createReward(parts: {
  readonly profile: RewardProfile;
  readonly judge: Judge;
  readonly embedder: Embedder;
  readonly own?: readonly OwnComponent[];
}): RewardFunction {
  const { profile, judge, embedder, own = [] } = parts;
  const read = rewardRules[profile.rules];
  const comparing = {
    findConflict: profile.contradiction ? contradiction : () => undefined,
    blanks: profile.rules === 'medix-r1-reference' ? 'embedded' : 'refused',
  } as const;
  const settle = profile.onFailure === 'zero' ? failureAsWrong : (score: Score) => score;
  const askers: Readonly<Record<AskedName, AskAbout>> = {
    judge: (items, signal) => scoreByJudge(items, judge, signal),
    similarity: (items, signal) =>
      scoreBySimilarity(
        items.map(({ check }) => check),
        embedder,
        profile.similarity,
        comparing,
        signal,
      ),
    findings: (items, signal) =>
      scoreByFindings(
        items.map(({ check }) => check),
        embedder,
        profile.findings ?? { floor: 0 },
        comparing.findConflict,
        signal,
      ),
    reading: (items, signal) =>
      scoreReading(
        items,
        embedder,
        profile.reading ?? { floor: 0 },
        comparing.findConflict,
        signal,
      ),
    rubric: (items, signal) => scoreByRubric(items, profile.rubric, judge, signal),
  };

  const score = async (items: readonly RewardItem[], signal: AbortSignal) => {
    const readings = items.map((item) => read(item, profile.guards));
    const checked = readings.map(({ check, ...byRule }, index) => {
      const item = defined(items[index], 'item of a reading');
      return { check, isDecided: closedGate(profile, item.sample, byRule) !== undefined, ...item };
    });
    const ask = async (name: AskedName) => {
      const needing = checked.filter(
        ({ sample, isDecided }) => !isDecided && counts(profile, sample, name),
      );
      const scores = needing.length > 0 ? await askers[name](needing, signal) : [];
      return [name, new Map(needing.map((item, index) => [item, scores[index]]))] as const;
    };
    const [answers, owned] = await Promise.all([
      Promise.all(askedNames.map(ask)),
      scoreByOwn(own, items, signal),
    ]);
    return items.map((item, index) => {
      const { check: _, ...byRule } = defined(readings[index], 'reading');
      const asked = answers.flatMap(([name, scores]) => {
        const score = scores.get(defined(checked[index], 'checked item'));
        return score === undefined ? [] : [[name, settle(score)] as const];
      });
      const own = ownScoresAt(owned, index);
      const components: Components = {
        ...inOrder({ ...byRule, ...Object.fromEntries(asked) }),
        ...own,
      };
      return aggregate(profile, item, components);
    });
  };
  return { profile, judge: judge.describe, embedder: embedder.describe, score };
}

/** Records of a run, and files of scores, have the components in this order. */
function inOrder({ format, ...others }: Components): Components {
  const all: Components = { ...others, format };
  const entries = componentNames.flatMap((name) => (all[name] ? [[name, all[name]]] : []));
  return { ...Object.fromEntries(entries), format } as Components;
}

const askedNames = [...askedComponents.judge, ...askedComponents.embedder];
type AskedName = (typeof askedNames)[number];

/** One score per item, in order; undefined where the component does not apply. */
type AskAbout = (
  items: readonly CheckedItem[],
  signal: AbortSignal,
) => Promise<readonly (Score | undefined)[]>;

/**
 * The paper's code turns every exception into a wrong answer. Nothing outside of its rules may, and what was
 * never asked (the caller gave up, the cap was reached) was no exception there either.
 */
function failureAsWrong(score: Score): Score {
  if (score.kind === 'scored' || score.cause === 'cancelled' || score.cause === 'cap-reached') {
    return score;
  }
  return binaryScore(false, `${score.cause}: ${score.message}`);
}
