/** How far stored verdicts of judges agree with the majority of raters. */
import { cohenKappa, type Kappa } from '../../statistics/agreement.ts';
import type { RatedAnswer } from './labels.ts';
import type { ReviewKey } from './review-set.ts';
import { type Share, shareOf } from './share.ts';
import { isRight } from './stored-answers.ts';

export type JudgeAgreement = {
  /** Name of the judging. */
  readonly name: string;
  readonly judges: readonly string[];
  /** Answers with a verdict that most raters call correct or wrong. */
  readonly answers: number;
  /** Share of correct answers that the judge accepts. */
  readonly sensitivity: Share | null;
  /** Share of wrong answers that it refuses. */
  readonly specificity: Share | null;
  readonly agreement: Share | null;
  /** Null where judge and raters said one and the same throughout. */
  readonly kappa: Kappa | null;
  /** Share of partly correct answers that it accepts. */
  readonly acceptsPartly: Share | null;
  readonly leftOut: {
    /** Rated answers that the judging has no verdict on. */
    readonly noVerdict: number;
    /** Answers with a verdict on which no grade has a majority of raters. */
    readonly noMajority: number;
  };
};

type Compared = {
  readonly cluster: string;
  readonly majority: RatedAnswer['majority'];
  readonly accepted: boolean;
};

/** One entry a judging. Reports are left out: their verdicts are degrees. */
export function judgeAgreements(
  { judgings }: ReviewKey,
  rated: readonly RatedAnswer[],
): JudgeAgreement[] {
  const answers = rated.filter(({ item }) => item.kind !== 'report');
  return judgings.map(({ name, judges }, judging) => {
    const compared = answers.flatMap(({ item, place, majority }): Compared[] => {
      const score = item.answers[place]?.scores[judging];
      if (score === undefined || score === null) return [];
      return [{ cluster: item.cluster, majority, accepted: isRight(score) }];
    });
    const decided = compared.filter(
      ({ majority }) => majority === 'correct' || majority === 'wrong',
    );
    const share = (of: readonly Compared[], holds: (one: Compared) => boolean) =>
      shareOf(of.map((one) => ({ cluster: one.cluster, holds: holds(one) })));
    const of = (majority: RatedAnswer['majority']) =>
      compared.filter((one) => one.majority === majority);
    return {
      name,
      judges,
      answers: decided.length,
      sensitivity: share(of('correct'), ({ accepted }) => accepted),
      specificity: share(of('wrong'), ({ accepted }) => !accepted),
      agreement: share(decided, agrees),
      kappa: kappaOf(decided),
      acceptsPartly: share(of('partly'), ({ accepted }) => accepted),
      leftOut: {
        noVerdict: answers.length - compared.length,
        noMajority: of(undefined).length,
      },
    };
  });
}

function agrees({ majority, accepted }: Compared): boolean {
  return accepted === (majority === 'correct');
}

function kappaOf(decided: readonly Compared[]): Kappa | null {
  const pairs = decided.map(
    ({ majority, accepted }) => [majority === 'correct', accepted] as const,
  );
  return new Set(pairs.flat()).size < 2 ? null : cohenKappa(pairs);
}
