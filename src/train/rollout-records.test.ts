import { describe, expect, it } from 'vitest';
import { metricValues } from '../core/metrics.ts';
import type { FailureCause, Unscored } from '../core/outcome.ts';
import type { RewardOutcome } from '../reward/composite.ts';
import type { Components } from '../reward/score.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { withAdvantages } from './advantages.ts';
import { rewardMetrics, trainingRecords, validationRecords } from './rollout-records.ts';
import { rewardsOf, type ScoredRollout } from './score-rollouts.ts';

const one = { kind: 'scored', value: 1 } as const;
const zero = { kind: 'scored', value: 0 } as const;
const components: Components = { judge: one, similarity: zero, modality: one, format: one };

const scored = (reward: number, more: object = {}): RewardOutcome => ({
  kind: 'scored',
  reward,
  components,
  ...more,
});

function failed(cause: FailureCause, component: 'judge' | 'similarity'): RewardOutcome {
  const failure: Unscored = { kind: 'unscored', cause, message: 'no answer' };
  return { ...failure, components: { ...components, [component]: failure } };
}

function rollouts(...outcomes: readonly RewardOutcome[]): ScoredRollout[] {
  return outcomes.map((outcome, i) => ({ rollout: rolloutOf(`rollout-${i}`), outcome }));
}

function rolloutOf(key: string): Rollout {
  return {
    key,
    sample: {
      id: '1',
      source: 'test',
      images: [],
      problem: 'What?',
      modality: 'OTHER',
      referenceAnswer: 'a',
      accepted: [],
    },
    prompt: { tokens: Int32Array.of(1), images: [] },
    completion: Int32Array.of(2),
    samplerLogprobs: Float32Array.of(-1),
    text: 'a',
    stopReason: 'stop',
  };
}

describe('metrics of rewards', () => {
  it('count failures by cause and component and take no number from them', () => {
    const values = metricValues(
      rewardMetrics(
        'reward',
        rollouts(
          scored(1),
          scored(0.5),
          failed('timeout', 'judge'),
          failed('timeout', 'judge'),
          failed('transport', 'similarity'),
        ),
      ),
    );
    expect(values).toMatchObject({
      'reward/mean': 0.75,
      'reward/unscored': 0.6,
      'reward/unscored/timeout': 0.4,
      'reward/unscored/transport': 0.2,
      'reward/judge/mean': 1,
      'reward/judge/unscored': 0.4,
      'reward/similarity/mean': 0,
      'reward/similarity/unscored': 0.2,
      'reward/format/unscored': 0,
    });
    expect(values).not.toHaveProperty('reward/unscored/refused');
    expect(values).not.toHaveProperty('reward/overlong');
  });

  it('tell how much the judges of a panel disagree, over what they decided', () => {
    const judged = (disagreement: number) =>
      scored(1, { components: { ...components, judge: { ...one, disagreement } } });
    const some = rollouts(judged(0), judged(0.5), scored(1), failed('undecided', 'judge'));
    const values = metricValues(rewardMetrics('reward', some));
    expect(values).toMatchObject({
      'reward/judge/disagreement': 0.25,
      'reward/unscored/undecided': 0.25,
    });
    expect(values).not.toHaveProperty('reward/similarity/disagreement');
  });

  it('of nothing but failures are no numbers', () => {
    const all = rollouts(failed('refused', 'judge'));
    const values = metricValues(rewardMetrics('validation/reward', all));
    expect(values['validation/reward/mean']).toBeNull();
    expect(values['validation/reward/judge/mean']).toBeNull();
    expect(rewardsOf(all)).toEqual([]);
    expect(validationRecords(all, []).lines).toMatchObject([{ reward: null, advantage: null }]);
  });

  it('leave out a component that does not apply and show what length costs', () => {
    const { modality: _, ...untagged } = components;
    const values = metricValues(
      rewardMetrics('reward', rollouts(scored(0.9, { components: untagged, overlong: 0.25 }))),
    );
    expect(values).toMatchObject({ 'reward/overlong': 0.25, 'reward/format/mean': 1 });
    expect(values).not.toHaveProperty('reward/modality/mean');
  });
});

describe('advantages', () => {
  const group = rollouts(scored(1), failed('timeout', 'judge'), scored(0));

  it('leave unscored rollouts out of baseline and training', () => {
    const groups = [{ use: 'trained', rollouts: group } as const];
    const [trained = []] = withAdvantages(groups, { advantage: 'rloo' });
    expect(trained.map(({ key, advantage }) => [key, advantage])).toEqual([
      ['rollout-0', 1],
      ['rollout-2', -1],
    ]);
    expect(trainingRecords(groups, trained).lines[1]).toMatchObject({
      reward: null,
      advantage: null,
      use: 'unscored',
      components: { judge: { cause: 'timeout' }, format: { value: 1 } },
    });
  });

  it('compare rewards part by part where they come in parts', () => {
    const parts = (...values: number[]) => ({
      parts: values.map((value, i) => ({ weight: i === 0 ? 0.9 : 0.1, value })),
    });
    const inParts = rollouts(
      scored(0.1, parts(0, 1)),
      scored(0.1, parts(0, 1)),
      scored(0.1, parts(0.1, 0.1)),
    );
    const [trained = []] = withAdvantages([{ use: 'trained', rollouts: inParts }], {
      advantage: 'grpo',
    });
    expect(trained[0]?.advantage).toBeLessThan(-0.5);
    expect(trained[2]?.advantage).toBeGreaterThan(1);
  });
});
