/**
 * How much of a score is left when the image is taken away: the same questions with the true image and with
 * a blank, shuffled or wrong one, paired by sample. A model that uses the image loses what it cannot know
 * from the words; the part of the score that survives comes from the words or from guessing. Knows nothing
 * about files and judges.
 */
import { averageDraws, clipped, percentileInterval } from '../../statistics/bootstrap.ts';
import { clusteredMean, sumByCluster } from '../../statistics/clusters.ts';
import type { Interval } from '../../statistics/quantile.ts';
import type { AnswerKey, Variant } from '../results/records.ts';
import { type ImageChange, type ImageDependence, imageVariants } from '../results/report.ts';
import { bootstrapOf, type Sampling, scoreInterval } from './figure.ts';

/** One scored answer about an image. */
export type VariantScore = AnswerKey & {
  readonly taskId: string;
  /** Samples of one cluster (image, patient) are drawn together. */
  readonly cluster: string;
  /** In [0, 1]. */
  readonly score: number;
};

type ImageVariant = (typeof imageVariants)[number];

/**
 * Epochs of a sample are averaged before it is paired. Intervals are of 95 %, by a bootstrap of whole
 * clusters that draws the two scores of a sample together. The order of the rows makes no difference.
 *
 * @param rows of image tasks, answers without a score left out; rows of other variants are passed over
 */
export function imageDependence(rows: Iterable<VariantScore>, sampling: Sampling): ImageDependence {
  const drawn = [...collect(rows)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([task, samples]) => ({
      task,
      pairs: imageVariants.flatMap((variant) => {
        const pair = drawPair(task, variant, [...samples.values()], sampling);
        return pair ? [pair] : [];
      }),
    }))
    .filter(({ pairs }) => pairs.length > 0);
  const tasks = drawn.map(({ task, pairs }) => {
    const changes = pairs.map((pair) => changeOf(pair, task));
    const blank = changes.find(({ variant }) => variant === 'blank-image');
    return { task, changes, textOnlyFloor: blank?.changedImage ?? null };
  });
  const overall = imageVariants.flatMap((variant) => {
    const found = drawn.flatMap(({ task, pairs }) =>
      pairs.filter((pair) => pair.variant === variant).map((pair) => ({ task, pair })),
    );
    if (found.length < 2) return [];
    const average = averageOf(
      variant,
      found.map(({ pair }) => pair),
    );
    const names = found.map(({ task }) => task);
    return [{ ...changeOf(average, `${names.length} tasks`), tasks: names }];
  });
  return { tasks, overall };
}

type Sum = { total: number; count: number };
type SampleScores = { readonly cluster: string; readonly byVariant: Map<Variant, Sum> };

function collect(rows: Iterable<VariantScore>): Map<string, Map<string, SampleScores>> {
  const tasks = new Map<string, Map<string, SampleScores>>();
  for (const { taskId, sampleId, cluster, variant, score } of rows) {
    const samples = tasks.get(taskId) ?? new Map<string, SampleScores>();
    tasks.set(taskId, samples);
    const sample = samples.get(sampleId) ?? { cluster, byVariant: new Map<Variant, Sum>() };
    samples.set(sampleId, sample);
    const sum = sample.byVariant.get(variant) ?? { total: 0, count: 0 };
    sample.byVariant.set(variant, { total: sum.total + score, count: sum.count + 1 });
  }
  return tasks;
}

/** Two means over the same samples, and draws of them over the same draws of clusters. */
type Pair = {
  readonly variant: ImageVariant;
  readonly samples: number;
  readonly clusters: number;
  readonly means: { readonly true: number; readonly changed: number };
  /** Null where one cluster holds all samples, which cannot tell how clusters vary. */
  readonly draws: { readonly true: Float64Array; readonly changed: Float64Array } | null;
};

function drawPair(
  taskId: string,
  variant: ImageVariant,
  samples: readonly SampleScores[],
  sampling: Sampling,
): Pair | undefined {
  const paired = samples.flatMap(({ cluster, byVariant }) => {
    const [known, changed] = [byVariant.get('original'), byVariant.get(variant)];
    return known && changed ? [{ cluster, true: meanOf(known), changed: meanOf(changed) }] : [];
  });
  if (paired.length === 0) return undefined;
  const sumsOf = (which: 'true' | 'changed') =>
    sumByCluster(paired.map((scores) => ({ cluster: scores.cluster, value: scores[which] })));
  const sums = { true: sumsOf('true'), changed: sumsOf('changed') };
  const clusters = sums.true.values.length;
  // Under one name the same clusters are drawn.
  const drawn = (which: 'true' | 'changed') =>
    bootstrapOf(sums[which], `${taskId}/${variant}/paired`, sampling);
  return {
    variant,
    samples: paired.length,
    clusters,
    means: { true: clusteredMean(sums.true), changed: clusteredMean(sums.changed) },
    draws: clusters < 2 ? null : { true: drawn('true'), changed: drawn('changed') },
  };
}

function meanOf({ total, count }: Sum): number {
  return total / count;
}

function averageOf(variant: ImageVariant, pairs: readonly Pair[]): Pair {
  const sum = (value: (pair: Pair) => number) =>
    pairs.reduce((total, pair) => total + value(pair), 0);
  const drawn = pairs.flatMap(({ draws }) => draws ?? []);
  return {
    variant,
    samples: sum(({ samples }) => samples),
    clusters: sum(({ clusters }) => clusters),
    means: {
      true: sum(({ means }) => means.true) / pairs.length,
      changed: sum(({ means }) => means.changed) / pairs.length,
    },
    draws:
      drawn.length < pairs.length
        ? null
        : {
            true: averageDraws(drawn.map((draws) => draws.true)),
            changed: averageDraws(drawn.map((draws) => draws.changed)),
          },
  };
}

function changeOf({ variant, samples, clusters, means, draws }: Pair, name: string): ImageChange {
  const difference = {
    score: means.changed - means.true,
    interval:
      draws &&
      clipped(
        percentileInterval(draws.changed.map((value, d) => value - (draws.true[d] ?? 0))),
        -1,
        1,
      ),
  };
  const ratios = draws?.true.every((value) => value > 0)
    ? clipped(
        percentileInterval(draws.changed.map((value, d) => value / (draws.true[d] ?? 1))),
        0,
        Number.POSITIVE_INFINITY,
      )
    : null;
  const survives = means.true > 0 ? { score: means.changed / means.true, interval: ratios } : null;
  const trueImage = { score: means.true, interval: draws && scoreInterval(draws.true) };
  const changedImage = {
    score: means.changed,
    interval: draws && scoreInterval(draws.changed),
  };
  const figures = { trueImage, changedImage, difference, survives };
  const inWords = `${name}: ${describe(variant, figures)}`;
  return { variant, samples, clusters, ...figures, inWords };
}

const imageNames: { readonly [V in ImageVariant]: string } = {
  'blank-image': 'a blank image',
  'shuffled-image': 'the image in shuffled tiles',
  'wrong-image': 'the image of another study',
};

function describe(
  variant: ImageVariant,
  {
    trueImage,
    changedImage,
    difference,
    survives,
  }: Pick<ImageChange, 'trueImage' | 'changedImage' | 'difference' | 'survives'>,
): string {
  const scores = `${percent(trueImage.score)} with the true image, ${percent(changedImage.score)} with ${imageNames[variant]}`;
  if (survives === null) return `${scores}; nothing was right that could be lost`;
  const share = `${percent(survives.score)}${range(survives.interval)} of the score survives`;
  return `${scores}; ${share}; ${verdictOn(difference.interval)}`;
}

function verdictOn(interval: Interval | null): string {
  if (interval === null) return 'a single cluster cannot tell whether the image matters';
  if (interval.high < 0) return 'the answers depend on the image';
  if (interval.low > 0) return 'the answers are better without the true image';
  return 'no dependence on the image is shown';
}

function range(interval: Interval | null): string {
  return interval === null ? '' : ` (${percent(interval.low)} to ${percent(interval.high)})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
