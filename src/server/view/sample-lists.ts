/**
 * Lists of an evaluation's samples, and two of them side by side: filters, order, page, and whether a difference may be
 * chance. Pure, since a static copy comes to the same answers in the reader's browser.
 */
import type { z } from 'zod';
import { rngFromKey } from '../../core/rng.ts';
import { pairedDifference } from '../../statistics/paired.ts';
import type {
  CompareAnswer,
  CompareRow,
  compareQuery,
  SampleRowView,
  SamplesAnswer,
  samplesQuery,
} from './wire.ts';

type SamplesQuery = z.output<typeof samplesQuery>;
type Filters = Pick<SamplesQuery, 'task' | 'kind' | 'text' | 'subgroup'>;

/** @param rows of one variant and judging, in the order in which they were asked */
export function samplesOf(
  rows: readonly SampleRowView[],
  query: Omit<SamplesQuery, 'variant' | 'judging'>,
): SamplesAnswer {
  const { sort, offset, limit } = query;
  const shown = rows.filter((row) => sampleMeets(row, [row.answer], query) && rowMeets(row, query));
  if (sort === 'wrong-first') shown.sort((a, b) => (a.score ?? 2) - (b.score ?? 2));
  if (sort === 'longest') shown.sort((a, b) => (b.answer?.length ?? 0) - (a.answer?.length ?? 0));
  return { total: shown.length, offset, samples: shown.slice(offset, offset + limit) };
}

function sampleMeets(
  row: SampleRowView,
  answers: readonly (string | null)[],
  { task, kind, text, subgroup }: Filters,
): boolean {
  if (task && row.task !== task) return false;
  if (kind !== undefined && row.kind !== kind) return false;
  if (subgroup !== undefined) {
    const [, dimension = '', value] = /^([^=]*)=(.*)$/.exec(subgroup) ?? [];
    if (row.subgroups[dimension] !== value) return false;
  }
  if (!text) return true;
  const wanted = text.toLowerCase();
  return [row.question, row.reference, ...row.accepted, ...answers].some((one) =>
    one?.toLowerCase().includes(wanted),
  );
}

function rowMeets(
  row: SampleRowView,
  { outcome, cause, label, differ }: Pick<SamplesQuery, 'outcome' | 'cause' | 'label' | 'differ'>,
): boolean {
  if (outcome !== undefined && row.outcome !== outcome) return false;
  if (cause !== undefined && row.cause !== cause) return false;
  if (
    differ !== undefined &&
    !(differ === 'any' ? row.differing[0] : row.differing.includes(differ))
  )
    return false;
  if (label === undefined) return true;
  return label === 'any' ? row.label !== null : (row.label ?? 'none') === label;
}

/** The name of two judgings that differ, as the filter `differ` takes it. */
export function pairName(one: string, other: string): string {
  return `${one},${other}`;
}

/** Resamples and seed of the comparison of a slice, fewer than a report's since it is asked for with every filter. */
const slice = { draws: 2000, seed: 'view/compare' } as const;

/** @param a rows of one variant, by the judging of their own evaluation; likewise `b` */
export function comparisonOf(
  a: readonly SampleRowView[],
  b: readonly SampleRowView[],
  query: Filters & Pick<z.output<typeof compareQuery>, 'flipped' | 'offset' | 'limit'>,
): Omit<CompareAnswer, 'a' | 'b'> {
  const { task, flipped, offset, limit } = query;
  const asked = (rows: readonly SampleRowView[]) =>
    rows.filter((row) => !task || row.task === task);
  const nameOf = ({ task, sampleId }: SampleRowView) => `${task}/${sampleId}`;
  const [fromA, inB] = [asked(a), new Map(asked(b).map((row) => [nameOf(row), row]))];
  const shared = fromA.flatMap((one) => {
    const other = inB.get(nameOf(one));
    return other === undefined ? [] : [{ one, other }];
  });
  const rows = shared.flatMap(({ one, other }) =>
    sampleMeets(one, [one.answer, other.answer], query) ? [pairOf(one, other)] : [],
  );
  const shown = flipped === undefined ? rows : rows.filter((row) => isFlipped(row, flipped));
  const size = (row: CompareRow) => Math.abs(row.difference ?? 0);
  const ordered = shown.toSorted((x, y) => size(y) - size(x));
  return {
    total: ordered.length,
    offset,
    rows: ordered.slice(offset, offset + limit).map(({ cluster: _, ...row }) => row),
    significance: significanceOf(rows),
    onlyA: fromA.length - shared.length,
    onlyB: inB.size - shared.length,
  };
}

type Pair = CompareRow & { readonly cluster: string };

function isFlipped({ flipped }: CompareRow, asked: 'better' | 'worse' | 'any'): boolean {
  return asked === 'any' ? flipped !== null : flipped === asked;
}

function pairOf(one: SampleRowView, other: SampleRowView): Pair {
  const [a, b] = [one, other].map(({ answer, score }) => ({ answer, score })) as [Side, Side];
  const difference = a.score === null || b.score === null ? null : b.score - a.score;
  const { task, sampleId, question, reference, images, cluster } = one;
  return {
    ...{ task, sampleId, question, reference, images, cluster, a, b, difference },
    flipped: flipOf(difference),
  };
}

type Side = CompareRow['a'];

function flipOf(difference: number | null): CompareRow['flipped'] {
  if (difference === null || difference === 0) return null;
  return difference > 0 ? 'better' : 'worse';
}

/** Of all that the filters leave but `flipped`, which would choose by the result. */
function significanceOf(rows: readonly Pair[]): CompareAnswer['significance'] {
  const scores = rows.flatMap(({ a, b, cluster }) =>
    a.score === null || b.score === null
      ? []
      : [{ cluster, baseline: a.score, candidate: b.score }],
  );
  if (scores.length === 0) return null;
  const found = pairedDifference(scores, rngFromKey(slice.seed), slice.draws);
  const better = rows.filter(({ flipped }) => flipped === 'better').length;
  const worse = rows.filter(({ flipped }) => flipped === 'worse').length;
  return {
    compared: found.questions,
    clusters: found.clusters,
    aMean: found.baselineMean,
    bMean: found.candidateMean,
    difference: found.difference,
    interval: found.interval ?? null,
    pValue: found.pValue,
    better,
    worse,
    inWords: significanceInWords(found),
  };
}

function significanceInWords({
  questions,
  difference,
  pValue,
}: ReturnType<typeof pairedDifference>): string {
  const points = Math.abs(100 * difference).toFixed(1);
  const side = difference < 0 ? 'lower' : 'higher';
  const chance =
    pValue < 0.05
      ? `chance alone gives so much in ${(100 * pValue).toFixed(1)} % of cases`
      : 'chance alone can explain that';
  return `On these ${questions} questions the second is ${points} points ${side}; ${chance}.`;
}
