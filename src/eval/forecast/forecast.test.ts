import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../../core/rng.ts';
import { forecast, formatForecast, type PilotItem } from './forecast.ts';

const prices = { input: 1, output: 10 };

function item(taskId: string, outputTokens: number): PilotItem {
  return { taskId, calls: 1, tokens: { input: 100, output: outputTokens }, ms: 10 * outputTokens };
}

describe('a forecast', () => {
  it('scales what each task’s pilot took to what is left of the task', () => {
    const pilot = [item('a', 10), item('a', 30), item('b', 200)];
    const found = forecast(pilot, { remaining: { a: 100, b: 10 }, atOnce: 4, prices });
    expect(found).toMatchObject({ pilot: 3, remaining: 110, assumed: [] });
    expect(found.calls).toEqual({ expected: 110, interval: { low: 110, high: 110 } });
    expect(found.tokens?.output.expected).toBe(100 * 20 + 10 * 200);
    expect(found.seconds?.expected).toBeCloseTo(40_000 / 1000 / 4, 12);
    expect(found.money?.expected).toBeCloseTo((11_000 + 10 * 4000) / 1e6, 12);
  });

  it('takes tasks without a pilot to be like the others, and names them', () => {
    const found = forecast([item('a', 10), item('b', 30)], {
      remaining: { a: 1, c: 100 },
      atOnce: 1,
      prices: null,
    });
    expect(found.assumed).toEqual(['c']);
    expect(found.tokens?.output.expected).toBe(10 + 100 * 20);
    expect(found.money).toBeNull();
    // How c differs from a and b, nobody has seen.
    expect(found.calls.interval).toBeNull();
  });

  it('says nothing of tokens, money or time that the pilot does not know', () => {
    const silent = { ...item('a', 10), tokens: null };
    const batched = { ...item('a', 10), ms: null };
    const found = forecast([item('a', 10), silent, batched], {
      remaining: { a: 5 },
      atOnce: 1,
      prices,
    });
    expect(found).toMatchObject({ tokens: null, money: null, seconds: null });
    expect(formatForecast('answers', found)[1]).toBe(
      '  5 calls, tokens not reported, time not known',
    );
  });

  it('gives no interval where no task has two items', () => {
    const found = forecast([item('a', 10), item('b', 30)], {
      remaining: { a: 5 },
      atOnce: 1,
      prices: null,
    });
    expect(found.tokens?.output).toEqual({ expected: 50, interval: null });
  });

  it('has the true sum in its interval about as often as it says', () => {
    const rng = rngFromKey('forecast');
    const draw = (task: string, mean: number) =>
      item(task, Math.max(0, mean + (mean / 2) * rng.normal()));
    let hits = 0;
    for (let trial = 0; trial < 400; trial++) {
      const pilot = Array.from({ length: 20 }, (_, i) => (i % 2 ? draw('a', 50) : draw('b', 60)));
      const rest = Array.from({ length: 300 }, (_, i) => (i % 3 ? draw('a', 50) : draw('b', 60)));
      const truth = rest.reduce((sum, { tokens }) => sum + (tokens?.output ?? 0), 0);
      const plan = { remaining: { a: 200, b: 100 }, atOnce: 1, prices: null };
      const interval = forecast(pilot, plan).tokens?.output.interval;
      if (interval && interval.low <= truth && truth <= interval.high) hits++;
    }
    expect(hits / 400).toBeGreaterThan(0.88);
    expect(hits / 400).toBeLessThan(0.99);
  });

  it('is told in two lines', () => {
    const pilot = [item('a', 10), item('a', 30)];
    const plan = { remaining: { a: 1500 }, atOnce: 4, prices };
    expect(formatForecast('answers', forecast(pilot, plan))).toEqual([
      'answers: 1,500 still to do, estimated from a pilot of 2; brackets hold rough 95 % intervals',
      expect.stringMatching(
        /^ {2}1,500 calls, 150,000 input and 30,000 \[[\d,]+, [\d,]+\] output tokens, 1 min \[[\d.]+ s, \d+ min\], 0\.45 \[0\.\d+, 0\.\d+\] in money$/,
      ),
    ]);
    const assumed = forecast(pilot, { ...plan, remaining: { a: 1000, b: 500 } });
    expect(formatForecast('answers', assumed)[2]).toBe(
      '  not in the pilot, so assumed to be like the other tasks: b',
    );
  });
});
