/** How far raters agree with each other. */
import type { Rng } from '../../core/rng.ts';
import {
  cohenKappa,
  type Kappa,
  type RatingPair,
  weightedKappa,
} from '../../statistics/agreement.ts';
import { type Alpha, krippendorffAlpha, type RatingLevel } from '../../statistics/krippendorff.ts';
import type { Observations } from './observations.ts';
import type { Grade } from './review-set.ts';

/** Agreement on things that several raters rated. */
export type Agreement = {
  /** Things that at least two raters rated. */
  readonly things: number;
  /** Krippendorff's alpha; null where all ratings are one and the same. */
  readonly alpha: Omit<Alpha, 'units'> | null;
  /** Of every two raters with a thing in common. */
  readonly pairs: readonly {
    readonly one: string;
    readonly other: string;
    readonly things: number;
    /** Share of equal ratings. */
    readonly agreement: number;
    /** Null where both said one and the same throughout. */
    readonly kappa: Kappa | null;
  }[];
};

export type RaterAgreement = {
  /** Which answer is better, both, or neither; null for single answers. Kappa without weights. */
  readonly preference: Agreement | null;
  /** Wrong, partly correct, correct, as ordered; "cannot tell" is no rating. Kappa with linear weights. */
  readonly correctness: Agreement | null;
};

/** By thing, what each rater said. */
type Ratings = ReadonlyMap<string, ReadonlyMap<string, number>>;

const degreeOf: Readonly<Record<Exclude<Grade, 'unclear'>, number>> = {
  wrong: 0,
  partly: 1,
  correct: 2,
};
const neutralCode = { both: 2, neither: 3 } as const;

/**
 * @param raters ids, in the order in which they are reported
 * @param rng of the bootstrap behind alpha's interval
 */
export function raterAgreement(
  raters: readonly string[],
  { graded, choices }: Observations,
  rng: Rng,
): RaterAgreement {
  const preferences = ratingsOf(
    choices.map(({ rater, item, preferred }) => ({
      rater,
      thing: item.id,
      rating: typeof preferred === 'number' ? preferred : neutralCode[preferred],
    })),
  );
  const degrees = ratingsOf(
    graded.flatMap(({ rater, item, place, grade }) =>
      grade === 'unclear' ? [] : [{ rater, thing: `${item.id}-${place}`, rating: degreeOf[grade] }],
    ),
  );
  return {
    preference: agreementOf(raters, preferences, 'nominal', rng),
    correctness: agreementOf(raters, degrees, 'ordinal', rng),
  };
}

function ratingsOf(
  rows: readonly { readonly rater: string; readonly thing: string; readonly rating: number }[],
): Ratings {
  const ratings = new Map<string, Map<string, number>>();
  for (const { rater, thing, rating } of rows) {
    const ofThing = ratings.get(thing) ?? new Map<string, number>();
    ratings.set(thing, ofThing.set(rater, rating));
  }
  return ratings;
}

function agreementOf(
  raters: readonly string[],
  ratings: Ratings,
  level: RatingLevel,
  rng: Rng,
): Agreement | null {
  const shared = [...ratings.values()].filter((ofThing) => ofThing.size > 1);
  if (shared.length === 0) return null;
  const alpha = krippendorffAlpha(
    shared.map((ofThing) => [...ofThing.values()]),
    level,
    rng,
  );
  const pairs = raters.flatMap((one, place) =>
    raters.slice(place + 1).flatMap((other) => {
      const both = shared.flatMap((ofThing): RatingPair<number>[] => {
        const [ofOne, ofOther] = [ofThing.get(one), ofThing.get(other)];
        return ofOne === undefined || ofOther === undefined ? [] : [[ofOne, ofOther]];
      });
      return both.length === 0 ? [] : [{ one, other, ...pairAgreement(both, level) }];
    }),
  );
  return { things: shared.length, alpha: alpha ?? null, pairs };
}

function pairAgreement(pairs: readonly RatingPair<number>[], level: RatingLevel) {
  const agreement = pairs.filter(([one, other]) => one === other).length / pairs.length;
  const isConstant = new Set(pairs.flat()).size < 2;
  const kappaOf = level === 'nominal' ? cohenKappa : linearKappa;
  return { things: pairs.length, agreement, kappa: isConstant ? null : kappaOf(pairs) };
}

function linearKappa(pairs: readonly RatingPair<number>[]): Kappa {
  return weightedKappa(pairs, 'linear');
}
