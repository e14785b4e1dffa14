/** How often completions are right, and how sure that is. */
import type { RewardOutcome } from '../../../reward/composite.ts';
import { z95 } from '../../../statistics/normal.ts';
import type { Interval } from '../../../statistics/quantile.ts';

/**
 * What the judge says; where the reward asks none, whether it is at least one half. Undefined for a completion without
 * a score.
 */
export function isRight({ components, ...outcome }: RewardOutcome): boolean | undefined {
  const judged = components.judge;
  if (judged !== undefined) return judged.kind === 'scored' ? judged.value >= 0.5 : undefined;
  return outcome.kind === 'scored' ? outcome.reward >= 0.5 : undefined;
}

export type Share = { readonly value: number; readonly interval: Interval };

/** Mean of shares, one for each prompt, with the normal interval over prompts; undefined for none. */
export function meanShare(shares: readonly number[]): Share | undefined {
  const count = shares.length;
  if (count === 0) return undefined;
  const value = shares.reduce((sum, share) => sum + share, 0) / count;
  const squares = shares.reduce((sum, share) => sum + (share - value) ** 2, 0);
  const halfWidth = count > 1 ? z95 * Math.sqrt(squares / (count - 1) / count) : 1;
  return {
    value,
    interval: { low: Math.max(0, value - halfWidth), high: Math.min(1, value + halfWidth) },
  };
}
