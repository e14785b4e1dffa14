import { describe, expect, it } from 'vitest';
import type { Score } from '../core/outcome.ts';
import { compareBeforeAfter } from './before-after.ts';
import type { ScoredRollout } from './score-rollouts.ts';

const value = (score: number): Score => ({ kind: 'scored', value: score });

function answered(id: string, right: boolean): ScoredRollout {
  return {
    rollout: {
      key: id,
      sample: {
        id,
        source: 'test',
        images: [],
        problem: 'Which side?',
        modality: 'X_RAY',
        referenceAnswer: 'left',
        accepted: [],
      },
      prompt: { tokens: new Int32Array(), images: [] },
      completion: new Int32Array(),
      text: '',
      samplerLogprobs: new Float32Array(),
      stopReason: 'stop',
    },
    outcome: {
      kind: 'scored',
      reward: right ? 1 : 0.145,
      components: {
        judge: value(Number(right)),
        similarity: value(Number(right)),
        modality: value(1),
        format: value(1),
      },
    },
  };
}

function unscored(id: string): ScoredRollout {
  const { rollout, outcome } = answered(id, false);
  const judge = { kind: 'unscored', cause: 'timeout', message: 'no reply' } as const;
  return { rollout, outcome: { ...judge, components: { ...outcome.components, judge } } };
}

const ids = Array.from({ length: 40 }, (_, i) => `q${i}`);

describe('a comparison before and after training', () => {
  it('reports means, the gain in points and its significance', () => {
    const before = ids.map((id, i) => answered(id, i < 10));
    const after = ids.map((id, i) => answered(id, i < 30));
    const comparison = compareBeforeAfter(before, after, 1);
    expect(comparison.before).toMatchObject({ accuracy: 0.25, format: 1, modality: 1 });
    expect(comparison.after.accuracy).toBe(0.75);
    expect(comparison.after.reward).toBeCloseTo(0.75 + 0.25 * 0.145, 12);
    expect(comparison.accuracyGain.points).toBe(50);
    expect(comparison.accuracyGain.ci95[0]).toBeGreaterThan(30);
    expect(comparison.accuracyGain.ci95[1]).toBeLessThan(70);
    expect(comparison.mcnemarP).toBeLessThan(1e-5);
  });

  it('leaves a question out when either answer has no score', () => {
    const before = [unscored('a'), answered('b', true), answered('c', false)];
    const after = [answered('a', true), answered('b', true), unscored('c')];
    const comparison = compareBeforeAfter(before, after, 1);
    expect(comparison.questions).toBe(1);
    expect(comparison.before.accuracy).toBe(1);
  });

  it('refuses answers to different questions', () => {
    expect(() => compareBeforeAfter([answered('a', true)], [answered('b', true)], 1)).toThrow();
  });
});
