/** Agreement of two raters beyond what chance would bring about. */
import { requireArguments } from '../core/errors.ts';
import { z95 } from './normal.ts';
import { wilsonInterval } from './proportion.ts';
import type { Interval } from './quantile.ts';

/** What two raters said of one thing. */
export type RatingPair<Rating> = readonly [one: Rating, other: Rating];

export type Kappa = {
  /** In [-1, 1]: 1 for perfect agreement, 0 for that of chance. */
  readonly kappa: number;
  readonly interval: Interval;
};

/**
 * Cohen's kappa of unordered ratings (Cohen 1960, Educ. Psychol. Meas. 20) with its large-sample interval
 * (Fleiss, Cohen and Everitt 1969, Psychol. Bull. 72).
 *
 * Two deviations: the interval is clipped to [-1, 1]; and where the raters agree throughout, so that the
 * standard error vanishes however few the pairs, its lower end is that of Wilson's interval of the share
 * of agreeing pairs, at the chance agreement seen.
 *
 * @param pairs At least two different ratings among them: where both raters always said one and the same
 *   thing, kappa is 0/0. Where one rater alone never varies it is 0 and the interval has no width. Pairs
 *   count as independent.
 * @example
 * ```ts
 * cohenKappa([['yes', 'yes'], ['no', 'yes'], ['no', 'no']]); // { kappa: 0.4, interval: … }
 * ```
 */
export function cohenKappa<Rating extends string | number | boolean>(
  pairs: readonly RatingPair<Rating>[],
): Kappa {
  return kappaOf(pairs, (one, other) => Number(one !== other));
}

/**
 * Cohen's weighted kappa of scores (Cohen 1968, Psychol. Bull. 70), where a disagreement weighs as much as
 * the scores differ; interval, deviations and conditions as in {@link cohenKappa}.
 *
 * @param weights `linear` by the difference, `quadratic` by its square.
 * @example
 * ```ts
 * weightedKappa([[1, 1], [3, 4], [5, 5]], 'quadratic');
 * ```
 */
export function weightedKappa(
  pairs: readonly RatingPair<number>[],
  weights: 'linear' | 'quadratic',
): Kappa {
  const power = weights === 'linear' ? 1 : 2;
  return kappaOf(pairs, (one, other) => Math.abs(one - other) ** power);
}

/** With the weights as distances: kappa is 1 − distance seen / distance expected, whatever their unit. */
function kappaOf<Rating>(
  pairs: readonly RatingPair<Rating>[],
  distance: (one: Rating, other: Rating) => number,
): Kappa {
  const ones = sharesOf(pairs.map(([one]) => one));
  const others = sharesOf(pairs.map(([, other]) => other));
  const ratings = new Set([...ones.keys(), ...others.keys()]);
  requireArguments(ratings.size >= 2, 'at least two different ratings among the pairs');
  // Mean distance of a rating from all that the other rater says.
  const fromOthers = new Map(
    [...ratings].map((it) => [it, meanUnder(others, (o) => distance(it, o))]),
  );
  const fromOnes = new Map([...ratings].map((it) => [it, meanUnder(ones, (o) => distance(o, it))]));
  const expected = meanUnder(ones, (one) => fromOthers.get(one) ?? 0);
  const seen = meanOf(pairs, ([one, other]) => distance(one, other));
  const kappa = 1 - seen / expected;
  if (seen === 0) {
    const differing = meanUnder(ones, (one) => 1 - (others.get(one) ?? 0));
    const disagreeing = 1 - wilsonInterval(pairs.length, pairs.length).low;
    return { kappa, interval: { low: Math.max(-1, 1 - disagreeing / differing), high: 1 } };
  }
  // Delta method: how much one more such pair would move kappa.
  const influence = ([one, other]: RatingPair<Rating>) =>
    (seen * ((fromOthers.get(one) ?? 0) + (fromOnes.get(other) ?? 0)) -
      expected * distance(one, other)) /
    expected ** 2;
  const mean = meanOf(pairs, influence);
  const variance = meanOf(pairs, (pair) => (influence(pair) - mean) ** 2);
  const halfWidth = z95 * Math.sqrt(variance / pairs.length);
  return {
    kappa,
    interval: { low: Math.max(-1, kappa - halfWidth), high: Math.min(1, kappa + halfWidth) },
  };
}

function sharesOf<Rating>(ratings: readonly Rating[]): Map<Rating, number> {
  const shares = new Map<Rating, number>();
  for (const one of ratings) shares.set(one, (shares.get(one) ?? 0) + 1 / ratings.length);
  return shares;
}

/** Mean over a distribution. */
function meanUnder<Rating>(shares: ReadonlyMap<Rating, number>, value: (one: Rating) => number) {
  let total = 0;
  for (const [one, share] of shares) total += share * value(one);
  return total;
}

function meanOf<Item>(items: readonly Item[], value: (one: Item) => number): number {
  let total = 0;
  for (const one of items) total += value(one);
  return total / items.length;
}
