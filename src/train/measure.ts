/** A validation as metrics, and the one of them by which checkpoints are compared. */
import type { TrainConfig } from '../config/train-config.ts';
import { fail } from '../core/errors.ts';
import type { Metrics } from '../core/metrics.ts';
import { listed } from '../core/quoted.ts';
import type { Engine } from '../engine/engine.ts';
import type { RewardFunction } from '../reward/composite.ts';
import type { PreparePrompt } from '../rollout/prepare-prompts.ts';
import type { Observers } from './observers.ts';
import type { ProgressState } from './progress-state.ts';
import { completionMetrics, rewardMetrics, validationRecords } from './rollout-records.ts';
import type { SampleSet } from './sample-order.ts';
import { sampledMetrics } from './sampled-answers.ts';
import type { UnscoredLimit } from './score-rollouts.ts';
import { validate } from './validation.ts';

type Measuring = {
  readonly config: Pick<TrainConfig, 'rollout' | 'validation' | 'record'>;
  readonly engine: Engine;
  readonly reward: RewardFunction;
  /** Absent: nothing is validated. */
  readonly validationSamples?: SampleSet;
  readonly prepare: PreparePrompt;
  readonly observers: Observers;
  readonly signal: AbortSignal;
};

/**
 * Validates the present weights: greedy, and where `validation.samples` asks for it also sampled, both scored
 * by the reward of training.
 * @returns no metrics where nothing is validated
 * @throws MedixError 'reward' when too many rollouts stay unscored
 */
export async function measure(
  { config, engine, reward, validationSamples, prepare, observers, signal }: Measuring,
  iteration: number,
  unscored: UnscoredLimit,
): Promise<Metrics> {
  if (!validationSamples) return {};
  const { maxCompletionTokens } = config.rollout;
  const { samples } = config.validation;
  const answer = (sampled: number) =>
    validate(
      validationSamples,
      prepare,
      engine,
      reward,
      { maxCompletionTokens, samples: sampled },
      unscored,
      signal,
    );
  const greedy = await answer(0);
  const sampled = samples > 0 ? await answer(samples) : [];
  const recorded = validationRecords(greedy, sampled, {
    processor: engine.model.processor,
    tokenLogprobs: config.record.tokenLogprobs,
  });
  await observers.rollouts({ iteration, kind: 'validation', ...recorded });
  const questions = Array.from({ length: sampled.length / Math.max(1, samples) }, (_, i) =>
    sampled.slice(i * samples, (i + 1) * samples),
  );
  return {
    ...rewardMetrics('validation/reward', greedy),
    ...completionMetrics('validation', greedy),
    ...sampledMetrics('validation', questions, samples),
  };
}

/** Names the measure in checkpoints, so that scores by different ones are never compared. */
export function nameOfScore({ best, bestIs }: TrainConfig['checkpoint']): string {
  return `${bestIs} ${best}`;
}

/**
 * The metric that picks the best checkpoint, its sign turned where the lowest is best; null where this
 * iteration has none.
 * @param values all metrics of the iteration; before training those of a validation
 * @throws MedixError 'config' where a validation does not have the metric, and no iteration before had it
 */
export function scoreOf(
  values: Readonly<Record<string, number | null>>,
  { best, bestIs }: TrainConfig['checkpoint'],
  { iteration, bestScore }: Pick<ProgressState, 'iteration' | 'bestScore'>,
): number | null {
  const value = values[best];
  // What is not finite is better than nothing else, and has no place in a file.
  if (typeof value === 'number' && Number.isFinite(value)) {
    return bestIs === 'lowest' ? -value : value;
  }
  const isValidated = Object.keys(values).some((key) => key.startsWith('validation/'));
  const isDue = isValidated && (iteration > 0 || best.startsWith('validation/'));
  if (value === undefined && isDue && bestScore === null) {
    const stage = best.split('/')[0];
    const names = Object.keys(values).sort();
    const alike = names.filter((name) => name.split('/')[0] === stage);
    fail('config', {
      where: 'checkpoint.best',
      expected: `a metric of the run: ${listed(alike.length > 0 ? alike : names)}`,
      got: best,
      next: 'resume with another one, e.g. checkpoint.best=validation/reward/mean, and --allow checkpoint.best',
    });
  }
  return null;
}
