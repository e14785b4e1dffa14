import { expect, test } from 'vitest';
import { metricValues } from '../core/metrics.ts';
import { createLedger } from '../http/ledger.ts';
import { createUsageMeter } from './usage-meter.ts';

test('an iteration is told what it used itself, not what those before it did', () => {
  const ledger = createLedger({ prices: { input: 10, output: 20 } });
  const meter = createUsageMeter(
    () => ledger.summary(),
    () => 3 * 2 ** 20,
  );
  const judge = ledger.meter('judge');
  const ask = () => {
    judge.requested();
    judge.answered({ prompt: 100, completion: 10 });
  };
  for (const milliseconds of [30, 10, 20]) {
    ask();
    meter.judged(milliseconds);
  }
  expect(metricValues(meter.take())).toEqual({
    'usage/judge/requests': 3,
    'usage/judge/failed': 0,
    'usage/judge/reused': 0,
    'usage/judge/inputTokens': 300,
    'usage/judge/outputTokens': 30,
    'usage/judge/money': expect.closeTo(0.0036, 12),
    'usage/judge/p50Ms': 20,
    'usage/judge/p95Ms': expect.closeTo(29, 12),
    'usage/peakMemoryMiB': 3,
  });
  judge.requested();
  judge.failed();
  ledger.reused('judge');
  expect(metricValues(meter.take())).toEqual({
    'usage/judge/requests': 1,
    'usage/judge/failed': 1,
    'usage/judge/reused': 1,
    'usage/judge/inputTokens': 0,
    'usage/judge/outputTokens': 0,
    'usage/judge/money': 0,
    'usage/peakMemoryMiB': 3,
  });
});

test('without a server there is memory alone', () => {
  const meter = createUsageMeter(
    () => ({}),
    () => 2 ** 20,
  );
  expect(metricValues(meter.take())).toEqual({ 'usage/peakMemoryMiB': 1 });
});
