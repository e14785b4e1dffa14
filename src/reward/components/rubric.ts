/**
 * Points for what an answer says: a weighted list of criteria, negative ones allowed, marked by the judge.
 *
 * The score is that of HealthBench (arXiv 2505.08775): the points of all criteria that are met over the sum of
 * the positive ones. Deviations: each response is held in [0, 1], where HealthBench clips the mean over all;
 * one request marks all criteria, where its graders are asked about one at a time. After RLR³ (arXiv
 * 2605.30244) whoever marks sees neither image nor reference answer, and what finds the answer in the response
 * (`reward/rules/`) sees neither criteria nor reference answer; their extractor is a model, this one is a rule.
 */
import { defined } from '../../core/errors.ts';
import type { Score } from '../../core/outcome.ts';
import type { RubricItem } from '../../core/sample.ts';
import { withoutImageMarks } from '../../data/image-marks.ts';
import type { Judge, RubricOutcome, RubricQuestion } from '../../judge/judge.ts';
import { binaryScore } from '../score.ts';
import type { CheckedItem } from './judge.ts';

/**
 * One score per item, in order; undefined where neither sample nor profile has a rubric. An answer that no rule
 * finds wrong is marked, also where it equals the reference answer. Criteria are asked in the order of their
 * text, so that their order in the data changes nothing.
 * @param common Rubric of samples that have none of their own.
 */
export async function scoreByRubric(
  items: readonly CheckedItem[],
  common: readonly RubricItem[] | undefined,
  judge: Judge,
  signal: AbortSignal,
): Promise<(Score | undefined)[]> {
  const rubricOf = ({ sample }: CheckedItem) => sample.rubric ?? common;
  const questions = items.flatMap((item): RubricQuestion[] => {
    const rubric = rubricOf(item);
    if (rubric === undefined || item.check.kind === 'wrong') return [];
    const criteria = sorted(rubric).map(({ criterion }) => criterion);
    const question = withoutImageMarks(item.sample.problem);
    return [{ question, answer: item.check.answer, criteria }];
  });
  const outcomes =
    questions.length > 0 && judge.grade ? await judge.grade(questions, signal) : undefined;
  let next = 0;
  return items.map((item) => {
    const rubric = rubricOf(item);
    if (rubric === undefined) return undefined;
    if (item.check.kind === 'wrong') return binaryScore(false, item.check.reason);
    return outcomes ? toScore(rubric, defined(outcomes[next++], 'marks')) : cannotGrade;
  });
}

function toScore(rubric: readonly RubricItem[], outcome: RubricOutcome): Score {
  if (outcome.kind === 'unscored') return outcome;
  const { met, shares = met.map(Number), disagreement } = outcome;
  const places = new Map(sorted(rubric).map((item, i) => [item, i]));
  const placeOf = (item: RubricItem) => defined(places.get(item), 'criterion');
  const found = [...rubric.entries()].flatMap(([i, item]) => (met[placeOf(item)] ? [i + 1] : []));
  const detail = `${found.length} of ${rubric.length} criteria met: ${found.join(', ') || 'none'}`;
  return {
    kind: 'scored',
    value: shareOfPoints(rubric, (item) => defined(shares[placeOf(item)], 'mark')),
    detail,
    ...(disagreement === undefined ? {} : { disagreement }),
  };
}

const cannotGrade: Score = {
  kind: 'unscored',
  cause: 'refused',
  message: 'this judge cannot mark a rubric: a language model can',
};

/**
 * @param met By item, in [0, 1]: how far it is met.
 * @returns Points of what is met over all positive points, in [0, 1]; the same in every order of the items.
 */
export function shareOfPoints(
  rubric: readonly RubricItem[],
  met: (item: RubricItem) => number,
): number {
  let reached = 0;
  let possible = 0;
  // Floating-point sums depend on their order.
  for (const item of sorted(rubric)) {
    reached += item.points * met(item);
    possible += Math.max(0, item.points);
  }
  return Math.min(1, Math.max(0, reached / possible));
}

function sorted(rubric: readonly RubricItem[]): RubricItem[] {
  return rubric.toSorted((a, b) => (a.criterion < b.criterion ? -1 : 1));
}
