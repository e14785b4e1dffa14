/**
 * `medix-r1`: the names that most programs need. The other entries have the rest: `medix-r1/reward`,
 * `/judge`, `/eval`, `/train`, `/run` and `/statistics`. Nothing else of the package is public.
 */
export { type ErrorBoundary, MedixError, type Problem } from '../core/errors.ts';
export {
  type Answerer,
  compareEvaluations,
  type EvalReport,
  evaluate,
  readEvalReport,
} from './eval.ts';
export { type Judge, type JudgeItem, type JudgeOutcome, openJudge } from './judge.ts';
export {
  type Embedder,
  openReward,
  type Reward,
  type RewardComponent,
  type RewardItem,
  type RewardOutcome,
  type Score,
} from './reward.ts';
export { readManifest, readMetrics, readRollouts } from './run.ts';
export { type RunObserver, type TrainedModel, train } from './train.ts';
