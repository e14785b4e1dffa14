/**
 * How much of each task overlaps with training sets, and whether overlapping samples are answered better.
 * Overlap is a fact about data: whether a model has memorised anything cannot be told from it, and
 * detectors that claim to are unreliable (arXiv 2606.10066), so nothing here says so.
 */
import { clipped, percentileInterval } from '../../statistics/bootstrap.ts';
import { sumByCluster } from '../../statistics/clusters.ts';
import type { Interval } from '../../statistics/quantile.ts';
import type { Figure } from '../results/report.ts';
import { bootstrapOf, figureOf, type Sampling } from '../scoring/figure.ts';
import type { Match, Overlap, SampleOverlap, TrainingSet } from './find-overlap.ts';

type Counts = { readonly exact: number; readonly near: number };

type OverlapExample = {
  readonly sample: string;
  /** Place in the task, from 0. */
  readonly index: number;
  /** The beginning of the question; null where the task's data may not be shown. */
  readonly question: string | null;
  readonly matches: Readonly<Partial<Record<'question' | 'image' | 'both', Match>>>;
};

/** Mean scores; null where there is nothing to score. */
type OverlapAccuracy = {
  readonly clean: Figure | null;
  readonly overlapping: Figure | null;
  /** Overlapping − clean; its interval is null where either is of a single cluster. */
  readonly difference: { readonly value: number; readonly interval: Interval | null } | null;
};

export type TaskOverlap = {
  readonly task: string;
  readonly samples: number;
  readonly withImages: number;
  readonly questions: Counts;
  readonly images: Counts;
  /** Samples of which one training row has question and image. */
  readonly both: Counts;
  /**
   * Samples that count as overlapping: those with images by their image, since many images are asked the
   * same question; the others by their question.
   */
  readonly overlapping: number;
  readonly examples: readonly OverlapExample[];
  /** Null where no results were given, or none of this task. */
  readonly accuracy: OverlapAccuracy | null;
};

export type OverlapReport = {
  readonly training: readonly TrainingSet[];
  readonly tasks: readonly TaskOverlap[];
  /** A sentence about each task. */
  readonly inWords: readonly string[];
};

export type OverlapReportOptions = Sampling & {
  /** Ids of tasks whose questions may be shown: public ones. */
  readonly shown: ReadonlySet<string>;
  /** Mean score of each sample that has one, by id; undefined where no results are compared. */
  readonly scores?: ReadonlyMap<string, number>;
};

const examplesShown = 5;

export function overlapReport(
  { samples, training }: Overlap,
  options: OverlapReportOptions,
): OverlapReport {
  const byTask = new Map<string, SampleOverlap[]>();
  for (const sample of samples) {
    const known = byTask.get(sample.taskId);
    if (known) known.push(sample);
    else byTask.set(sample.taskId, [sample]);
  }
  const tasks = [...byTask].map(([task, ofTask]) => taskOverlap(task, ofTask, options));
  return { training, tasks, inWords: tasks.map(describe) };
}

function taskOverlap(
  taskId: string,
  samples: readonly SampleOverlap[],
  options: OverlapReportOptions,
): TaskOverlap {
  const overlapping = samples.filter(isOverlapping);
  return {
    task: taskId,
    samples: samples.length,
    withImages: samples.filter(({ hasImages }) => hasImages).length,
    questions: countsOf(samples, 'question'),
    images: countsOf(samples, 'image'),
    both: countsOf(samples, 'both'),
    overlapping: overlapping.length,
    examples: overlapping
      .toSorted((a, b) => strengthOf(b) - strengthOf(a))
      .slice(0, examplesShown)
      .map((sample) => exampleOf(sample, options.shown.has(taskId))),
    accuracy: options.scores ? accuracyOf(taskId, samples, options.scores, options) : null,
  };
}

function isOverlapping({ hasImages, image, question }: SampleOverlap): boolean {
  return (hasImages ? image : question) !== undefined;
}

function countsOf(samples: readonly SampleOverlap[], what: 'question' | 'image' | 'both'): Counts {
  const count = (how: Match['how']) => samples.filter((sample) => sample[what]?.how === how).length;
  return { exact: count('exact'), near: count('near') };
}

/** The plainest examples come first. */
function strengthOf({ both, image, question }: SampleOverlap): number {
  const of = (match: Match | undefined) =>
    match === undefined ? 0 : match.how === 'exact' ? 2 : 1;
  return 9 * of(both) + 3 * of(image) + of(question);
}

function exampleOf(sample: SampleOverlap, isShown: boolean): OverlapExample {
  const { id, index, stem, question, image, both } = sample;
  return {
    sample: id,
    index,
    question: isShown ? stem : null,
    matches: {
      ...(question ? { question } : {}),
      ...(image ? { image } : {}),
      ...(both ? { both } : {}),
    },
  };
}

function accuracyOf(
  taskId: string,
  samples: readonly SampleOverlap[],
  scores: ReadonlyMap<string, number>,
  sampling: Sampling,
): OverlapAccuracy | null {
  const scored = samples.flatMap((sample) => {
    const value = scores.get(sample.id);
    const { cluster } = sample;
    return value === undefined ? [] : [{ cluster, value, isOverlapping: isOverlapping(sample) }];
  });
  if (scored.length === 0) return null;
  const subset = (wanted: boolean) => {
    const rows = scored.filter((row) => row.isOverlapping === wanted);
    if (rows.length === 0) return undefined;
    const name = `${taskId}/${wanted ? 'overlapping' : 'clean'}`;
    const sums = sumByCluster(rows);
    const draws = sums.values.length < 2 ? undefined : bootstrapOf(sums, name, sampling);
    return { figure: figureOf(rows, name, sampling), draws };
  };
  const [clean, overlapping] = [subset(false), subset(true)];
  const figures = { clean: clean?.figure ?? null, overlapping: overlapping?.figure ?? null };
  if (!clean || !overlapping) return { ...figures, difference: null };
  const value = overlapping.figure.score - clean.figure.score;
  const cleanDraws = clean.draws;
  const interval =
    cleanDraws && overlapping.draws
      ? clipped(
          percentileInterval(overlapping.draws.map((draw, d) => draw - (cleanDraws[d] ?? 0))),
          -1,
          1,
        )
      : null;
  return { ...figures, difference: { value, interval } };
}

function describe({ task, samples, withImages, overlapping, both, accuracy }: TaskOverlap): string {
  const share = percent(overlapping / samples);
  const by = withImages > 0 ? 'image' : 'question';
  const found = `${task}: the ${by} of ${overlapping} of ${samples} samples (${share}) is in the training sets`;
  const together =
    withImages > 0 && overlapping > 0
      ? `, with the question in the same row for ${both.exact + both.near}`
      : '';
  return `${found}${together}${describeAccuracy(accuracy)}`;
}

function describeAccuracy(accuracy: OverlapAccuracy | null): string {
  const { clean, overlapping, difference } = accuracy ?? {};
  if (!clean || !overlapping || !difference) return '';
  const { value, interval } = difference;
  const scores = `${percent(overlapping.score)} on these, ${percent(clean.score)} on the others`;
  const range =
    interval === null ? '' : ` (95 %: ${points(interval.low)} to ${points(interval.high)})`;
  return `; score ${scores}, a difference of ${points(value)}${range} points`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function points(difference: number): string {
  return `${difference < 0 ? '−' : '+'}${Math.abs(100 * difference).toFixed(1)}`;
}
