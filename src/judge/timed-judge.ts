/** A judge whose requests are timed. */
import type { Judge } from './judge.ts';

/**
 * The same judge; what it decided by rule or from memory took no request and is not told.
 * @param onRequest hears of each request that gave a verdict, in milliseconds, retries excluded
 */
export function timedJudge(judge: Judge, onRequest: (milliseconds: number) => void): Judge {
  return {
    ...judge,
    judge: async (asked, signal) => {
      const outcomes = await judge.judge(asked, signal);
      for (const outcome of outcomes) {
        if (outcome.kind === 'judged' && outcome.source === 'model') onRequest(outcome.latencyMs);
      }
      return outcomes;
    },
  };
}
