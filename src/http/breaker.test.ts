import { describe, expect, it } from 'vitest';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { createBreaker } from './breaker.ts';

function failing(times: number, spanMs: number) {
  const clock = createTestClock();
  const breaker = createBreaker(clock);
  const trials = Array.from({ length: times }, () => breaker.begin());
  clock.advance(spanMs);
  for (const trial of trials) trial.failed();
  return { clock, breaker };
}

describe('createBreaker', () => {
  it('opens after five failures in a row that span three seconds', () => {
    expect(failing(4, 60_000).breaker.permits()).toBe(true);
    expect(failing(5, 60_000).breaker.permits()).toBe(false);
  });

  it('is not tripped by requests that fail together in a moment', () => {
    expect(failing(64, 100).breaker.permits()).toBe(true);
  });

  it('begins to count anew after a success', () => {
    const { breaker } = failing(4, 60_000);
    breaker.begin().succeeded();
    breaker.begin().failed();
    expect(breaker.permits()).toBe(true);
  });

  it('lets one request try after the cool-down, and another when that one was cancelled', () => {
    const { clock, breaker } = failing(5, 60_000);
    clock.advance(9_999);
    expect(breaker.permits()).toBe(false);
    expect(breaker.trialInMs()).toBe(1);
    clock.advance(1);
    expect(breaker.permits()).toBe(true);
    const trial = breaker.begin();
    expect(breaker.permits()).toBe(false);
    expect(breaker.trialInMs()).toBeUndefined();
    trial.abandoned();
    expect(breaker.permits()).toBe(true);
    breaker.begin().failed();
    expect(breaker.permits()).toBe(false);
    clock.advance(10_000);
    breaker.begin().succeeded();
    expect(breaker.permits() && breaker.begin() && breaker.permits()).toBeTruthy();
  });
});
