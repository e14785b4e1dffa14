import { expect, it } from 'vitest';
import { scoreOf } from './measure.ts';

const nothing = { iteration: 1, bestScore: null };
const checkpoint = { every: 1, keepLast: 1, best: 'update/loss', bestIs: 'lowest' } as const;

it('a score is the metric that was asked for, its sign turned where the lowest is best', () => {
  const values = { 'update/loss': 0.5 };
  expect(scoreOf(values, checkpoint, nothing)).toBe(-0.5);
  expect(scoreOf(values, { ...checkpoint, bestIs: 'highest' }, nothing)).toBe(0.5);
});

it('an iteration without the metric, or in which it is not finite, has no score', () => {
  expect(scoreOf({}, checkpoint, nothing)).toBeNull();
  for (const value of [null, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(scoreOf({ 'update/loss': value }, checkpoint, nothing)).toBeNull();
  }
});

it('a metric that a validation does not have is told, unless there was one before', () => {
  const values = { 'validation/reward/mean': 0.5 };
  expect(() => scoreOf(values, checkpoint, nothing)).toThrow(
    /checkpoint\.best: expected a metric of the run: validation\/reward\/mean, got update\/loss/,
  );
  expect(scoreOf(values, checkpoint, { ...nothing, bestScore: 1 })).toBeNull();
  // Before training there are only those of the validation.
  expect(scoreOf(values, checkpoint, { ...nothing, iteration: 0 })).toBeNull();
  const other = { ...checkpoint, best: 'validation/accuracy' };
  expect(() => scoreOf(values, other, { ...nothing, iteration: 0 })).toThrow(
    /validation\/accuracy/,
  );
});
