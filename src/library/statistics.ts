/**
 * `medix-r1/statistics`: intervals, paired tests and agreement, as MediX reports them. Intervals are of
 * 95 %. Pure; randomness comes from a generator that the caller seeds. A function that is given what it
 * has no meaning for throws a RangeError.
 */
export { type Rng, rngFromKey } from '../core/rng.ts';
export { cohenKappa, type Kappa, type RatingPair, weightedKappa } from '../statistics/agreement.ts';
export {
  averageDraws,
  bcaInterval,
  drawMeans,
  percentileInterval,
} from '../statistics/bootstrap.ts';
export {
  type ClusteredValue,
  type ClusterSums,
  clusteredMean,
  clusteredStandardError,
  sumByCluster,
} from '../statistics/clusters.ts';
export {
  type Corrected,
  correctMean,
  correctProportion,
  drawJudgeRates,
  type JudgeDraws,
  type JudgeRates,
} from '../statistics/corrected.ts';
export { kendall, spearman } from '../statistics/correlation.ts';
export {
  detectableDifference,
  detectablePairedDifference,
  detectableUnpairedDifference,
  type TestPlan,
} from '../statistics/detectable.ts';
export { type EpochSpread, type EpochValue, spreadOverEpochs } from '../statistics/epochs.ts';
export { holmAdjust } from '../statistics/holm.ts';
export {
  type Alpha,
  krippendorffAlpha,
  type RatingLevel,
  type Ratings,
} from '../statistics/krippendorff.ts';
export {
  comparePaired,
  mcnemarPValue,
  type PairedAnswer,
  type PairedComparison,
} from '../statistics/mcnemar.ts';
export {
  type PairedDifference,
  type PairedScore,
  pairedDifference,
  signFlipPValue,
} from '../statistics/paired.ts';
export { type Count, wilsonInterval } from '../statistics/proportion.ts';
export type { Interval } from '../statistics/quantile.ts';
export {
  type Auc,
  auc,
  type RocPoint,
  rocCurve,
  type ScoredLabel,
  youdenPoint,
} from '../statistics/roc.ts';
