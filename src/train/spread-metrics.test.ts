import { expect, test } from 'vitest';
import { metricValues } from '../core/metrics.ts';
import type { RewardOutcome } from '../reward/composite.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { ScoredRollout } from './score-rollouts.ts';
import { advantageMetrics, spreadMetrics } from './spread-metrics.ts';

function rollout(text: string, tokens: number, stopReason: Rollout['stopReason'] = 'stop') {
  return {
    key: text,
    sample: {
      id: '1',
      source: 'test',
      images: [],
      problem: 'What?',
      referenceAnswer: 'a',
      accepted: [],
    },
    prompt: { tokens: Int32Array.of(1), images: [] },
    completion: new Int32Array(tokens),
    samplerLogprobs: new Float32Array(tokens),
    text,
    stopReason,
  } satisfies Rollout;
}

function scored(text: string, tokens: number, judge: number, stop?: 'length'): ScoredRollout {
  const outcome: RewardOutcome = {
    kind: 'scored',
    reward: judge,
    components: {
      judge: { kind: 'scored', value: judge },
      format: { kind: 'scored', value: 1 },
    },
  };
  return { rollout: rollout(text, tokens, stop), outcome };
}

const failed: ScoredRollout = {
  rollout: rollout('', 7),
  outcome: {
    kind: 'unscored',
    cause: 'timeout',
    message: 'no answer',
    components: {
      judge: { kind: 'unscored', cause: 'timeout', message: 'no answer' },
      format: { kind: 'scored', value: 0 },
    },
  },
};

test('the spread of rewards, lengths and responses is told, failures apart', () => {
  const values = metricValues(
    spreadMetrics([
      { rollouts: [scored('a', 1, 0), scored('b', 3, 1), scored('b', 5, 1, 'length')] },
      { rollouts: [scored('c', 2, 1), scored(' c\n', 2, 1), failed] },
    ]),
  );
  const third = Math.sqrt(1 / 3);
  expect(values).toMatchObject({
    'reward/std': expect.closeTo(Math.sqrt(0.2), 12),
    'reward/judge/std': expect.closeTo(Math.sqrt(0.2), 12),
    'reward/format/std': expect.closeTo(Math.sqrt(1 / 6), 12),
    'reward/groupStd': expect.closeTo(third / 2, 12),
    'reward/groupStd/p50': expect.closeTo(third / 2, 12),
    'reward/groupStd/p90': expect.closeTo(0.9 * third, 12),
    'reward/groupStd/zero': 0.5,
    'rollout/completionTokens/min': 1,
    'rollout/completionTokens/p50': 2.5,
    'rollout/completionTokens/max': 7,
    'rollout/completionTokens/stopped': 3,
    'rollout/completionTokens/right': 3,
    'rollout/completionTokens/wrong': 1,
    'rollout/empty': expect.closeTo(1 / 6, 12),
    'rollout/repeated': expect.closeTo(1 / 3, 12),
  });
  expect(values['reward/lengthCorrelation']).toBeGreaterThan(0.5);
});

test('what has no spread, or nothing to be spread, is null and never 0', () => {
  const none = metricValues(spreadMetrics([]));
  expect(new Set(Object.values(none))).toEqual(new Set([null]));
  const one = metricValues(spreadMetrics([{ rollouts: [scored('a', 4, 1)] }]));
  expect(one).toMatchObject({
    'reward/std': null,
    'reward/groupStd': null,
    'reward/groupStd/zero': null,
    'reward/lengthCorrelation': null,
    'rollout/completionTokens/wrong': null,
    'rollout/completionTokens/p95': 4,
  });
  expect(metricValues(advantageMetrics([]))).toEqual({
    'advantage/min': null,
    'advantage/max': null,
    'advantage/std': null,
  });
});

test('advantages are told by their range', () => {
  const trained = [-1, 0, 4].map((advantage) => ({ ...rollout('a', 1), advantage }));
  expect(metricValues(advantageMetrics(trained))).toEqual({
    'advantage/min': -1,
    'advantage/max': 4,
    'advantage/std': expect.closeTo(Math.sqrt(7), 12),
  });
});
