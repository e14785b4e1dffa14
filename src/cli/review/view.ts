/** What a review found, as lines for people. */
import type { JudgeAgreement } from '../../eval/review/judge-agreement.ts';
import type { Agreement } from '../../eval/review/rater-agreement.ts';
import { grades } from '../../eval/review/review-set.ts';
import type { PreferenceReport, ReviewReport } from '../../eval/review/score-review.ts';
import type { Share } from '../../eval/review/share.ts';
import type { Kappa } from '../../statistics/agreement.ts';
import type { Interval } from '../../statistics/quantile.ts';
import { formatTable } from '../table.ts';

export function describeReview(report: ReviewReport): string[] {
  const { items, ratedItems, raters } = report;
  const lines = [
    `${ratedItems} of ${items} items rated, by ${raters
      .map(({ id, answered }) => `${id}: ${answered}`)
      .join(', ')}; brackets hold 95 % intervals`,
    ...caveats(report),
  ];
  if (ratedItems === 0) return [...lines, 'Nothing to score yet.'];
  return [
    ...lines,
    ...describePreference(report),
    ...describeCorrectness(report),
    ...describeAgreement(report),
    ...describeJudges(report.judges),
    '',
    `labels: ${report.labels.correct} correct, ${report.labels.wrong} wrong answers by the majority of raters`,
  ];
}

function caveats({ prefer, showsReference, kind }: ReviewReport): string[] {
  return [
    ...(prefer === 'disagreements'
      ? [
          'Items on which judges disagree were drawn first: the shares hold for such items, not for the tasks.',
        ]
      : []),
    ...(kind === 'pairs'
      ? ['Pairs of identical answers were not drawn: the shares hold for answers that differ.']
      : []),
    ...(showsReference
      ? []
      : [
          'Raters did not see the reference answers: a judge that follows a wrong one counts as wrong here.',
        ]),
  ];
}

function describePreference({ preference, models }: ReviewReport): string[] {
  if (preference === null) return [];
  const [first = '', second = ''] = modelNames(models);
  const { shares, decided, left } = preference;
  return [
    '',
    'Preferred answer',
    ...formatTable(
      ['', 'share'],
      [
        [first, share(shares.first)],
        [second, share(shares.second)],
        ['both good', share(shares.both)],
        ['neither', share(shares.neither)],
      ],
    ),
    ...(decided === null
      ? []
      : [
          `${first} among the ${decided.of} items where one answer was preferred: ${share(decided)}`,
        ]),
    ...(left === null ? [] : [describeSides(left, preference)]),
  ];
}

function describeSides(left: Share, { hasPositionBias }: PreferenceReport): string {
  const verdict = hasPositionBias
    ? 'the position influences the raters, so trust the shares less'
    : 'no sign that the position matters';
  return `the answer on the left was preferred: ${share(left)}; ${verdict}`;
}

function describeCorrectness({ correctness, models }: ReviewReport): string[] {
  const names = modelNames(models);
  return [
    '',
    'Correctness',
    ...formatTable(
      ['model', 'correct', 'partly', 'wrong', 'cannot tell'],
      correctness.map((ofModel, place) => [
        names[place] ?? '',
        ...grades.map((grade) => share(ofModel[grade])),
      ]),
    ),
  ];
}

function describeAgreement({ agreement }: ReviewReport): string[] {
  if (agreement === null) return [];
  return [
    ...describeRatings('preference', agreement.preference),
    ...describeRatings('correctness', agreement.correctness),
  ];
}

function describeRatings(name: string, agreement: Agreement | null): string[] {
  if (agreement === null) return [];
  const alpha =
    agreement.alpha === null
      ? 'not defined'
      : withInterval(agreement.alpha.alpha, agreement.alpha.interval);
  return [
    '',
    `Raters on ${name}: Krippendorff's alpha ${alpha} (${agreement.things} rated by several raters)`,
    ...formatTable(
      ['raters', 'n', 'same', 'kappa'],
      agreement.pairs.map(({ one, other, things, agreement: same, kappa }) => [
        `${one}, ${other}`,
        String(things),
        percent(same),
        kappaText(kappa),
      ]),
    ),
  ];
}

function describeJudges(judges: readonly JudgeAgreement[]): string[] {
  if (judges.length === 0) return [];
  return [
    '',
    'Judges compared with the majority of raters',
    ...formatTable(
      ['judging', 'n', 'sensitivity', 'specificity', 'kappa', 'accepts partly correct'],
      judges.map((judge) => [
        `${judge.name} (${judge.judges.join(', ')})`,
        String(judge.answers),
        share(judge.sensitivity),
        share(judge.specificity),
        kappaText(judge.kappa),
        share(judge.acceptsPartly),
      ]),
    ),
    ...judges.flatMap(({ name, leftOut: { noVerdict, noMajority } }) =>
      noVerdict + noMajority === 0
        ? []
        : [
            `not counted for ${name}: ${noVerdict} answers without a verdict, ${noMajority} without a majority of raters`,
          ],
    ),
  ];
}

/** Models of one name are told apart by their folders. */
function modelNames(models: ReviewReport['models']): string[] {
  return models.map(({ id, folder }) =>
    models.filter((other) => other.id === id).length > 1 ? `${id} (${folder})` : id,
  );
}

function share(value: Share | null): string {
  if (value === null) return '–';
  return `${percent(value.value)} [${percent(value.interval.low)}, ${percent(value.interval.high)}]`;
}

function kappaText(kappa: Kappa | null): string {
  return kappa === null ? '–' : withInterval(kappa.kappa, kappa.interval);
}

function withInterval(value: number, { low, high }: Interval): string {
  return `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

function percent(value: number): string {
  return `${(100 * value).toFixed(0)} %`;
}
