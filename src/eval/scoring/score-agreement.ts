/** How far the judgings in one results folder agree on the same answers. */
import { cohenKappa } from '../../statistics/agreement.ts';
import { krippendorffAlpha } from '../../statistics/krippendorff.ts';
import type { JoinedAnswer } from '../results/joined-answers.ts';
import type { AgreementReport } from '../results/report.ts';
import { rngFor, type Sampling } from './figure.ts';

/** One answer's score by each judging; undefined where one has none. */
type Scores = readonly (number | undefined)[];

export type JudgedAnswers = {
  readonly judgingName: string;
  /** The same answers in the same order for every judging. */
  readonly answers: readonly JoinedAnswer[];
};

/** Right-or-wrong answers and graded reports apart; nothing of a single judging. */
export function agreementOf(
  judgings: readonly JudgedAnswers[],
  sampling: Sampling,
): AgreementReport[] {
  const [first] = judgings;
  if (first === undefined || judgings.length < 2) return [];
  const names = judgings.map(({ judgingName }) => judgingName);
  return (['binary', 'graded'] as const).flatMap((scale): AgreementReport[] => {
    const scores = first.answers.flatMap(({ sample }, place): Scores[] => {
      if ((sample.kind === 'report') !== (scale === 'graded')) return [];
      return [judgings.map(({ answers }) => scoreOf(answers[place]))];
    });
    const compared = scores.filter((one) => one.filter((score) => score !== undefined).length > 1);
    return compared.length > 0 ? [reportOf(scale, names, compared, sampling)] : [];
  });
}

function reportOf(
  scale: AgreementReport['scale'],
  names: readonly string[],
  scores: readonly Scores[],
  { draws, seed }: Sampling,
): AgreementReport {
  const level = scale === 'binary' ? 'nominal' : 'interval';
  const alpha = krippendorffAlpha(scores, level, rngFor(`agreement/${scale}`, seed), draws);
  return {
    scale,
    judgings: names,
    answers: scores.length,
    alpha: alpha ? { value: alpha.alpha, interval: alpha.interval } : null,
    pairs: names.flatMap((one, place) =>
      names
        .slice(place + 1)
        .flatMap((other, further) => pairOf(one, other, scale, scores, place, place + 1 + further)),
    ),
  };
}

function pairOf(
  one: string,
  other: string,
  scale: AgreementReport['scale'],
  scores: readonly Scores[],
  onePlace: number,
  otherPlace: number,
): AgreementReport['pairs'] {
  const pairs = scores.flatMap((ratings): (readonly [number, number])[] => {
    const a = ratings[onePlace];
    const b = ratings[otherPlace];
    return a === undefined || b === undefined ? [] : [[a, b]];
  });
  if (pairs.length === 0) return [];
  const isVaried = new Set(pairs.flat()).size > 1;
  const kappa = scale === 'binary' && isVaried ? cohenKappa(pairs) : undefined;
  return [
    {
      one,
      other,
      answers: pairs.length,
      agreement: pairs.filter(([a, b]) => a === b).length / pairs.length,
      kappa: kappa ? { value: kappa.kappa, interval: kappa.interval } : null,
    },
  ];
}

function scoreOf(answer: JoinedAnswer | undefined): number | undefined {
  const outcome = answer?.verdict?.outcome;
  return outcome?.kind === 'scored' ? outcome.score : undefined;
}
