import type { RewardProfile } from '../profile.ts';

/**
 * Soft overlong punishment (DAPO, arXiv 2503.14476): none up to `limit − buffer`, rising in a straight line
 * to the whole at the limit and staying there.
 *
 * Deviation: lengths are Unicode code points of the response and not tokens, so that a rollout, a row of a
 * file and a foreign trainer's request are measured alike.
 *
 * @returns the share of the penalty that is due, in [0, 1].
 */
export function overlongShare(
  response: string,
  { limit, buffer }: Pick<NonNullable<RewardProfile['overlong']>, 'limit' | 'buffer'>,
): number {
  const excess = codePoints(response) - (limit - buffer);
  return Math.min(1, Math.max(0, excess / buffer));
}

export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
