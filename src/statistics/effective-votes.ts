/** How many independent judges a panel is worth. */
import { pearson } from './correlation.ts';

export type EffectiveVotes = {
  /** In [1, members]: as many independent judges would lower the variance of a vote as much. */
  readonly votes: number;
  readonly members: number;
  /** Mean correlation of two members' errors. */
  readonly errorCorrelation: number;
};

/**
 * Kish's design effect (1965) applied to votes: k members whose errors correlate by ρ on average are worth
 * k / (1 + (k − 1)·ρ). Negative correlation counts as none, since it says more about few labels than about
 * judges.
 *
 * @param errors One row a labelled answer, one entry a member: whether it erred, undefined where it gave no
 *   verdict. Pairs of members use the answers that both judged; a pair in which one never, or always, erred
 *   has no correlation and leaves the mean.
 * @returns Undefined where no pair of members has a correlation.
 */
export function effectiveVotes(
  errors: readonly (readonly (boolean | undefined)[])[],
): EffectiveVotes | undefined {
  const members = errors.reduce((most, { length }) => Math.max(most, length), 0);
  const correlations: number[] = [];
  for (let one = 0; one < members; one++) {
    for (let other = one + 1; other < members; other++) {
      const shared = errors.filter((row) => row[one] !== undefined && row[other] !== undefined);
      const correlation = pearson(
        shared.map((row) => Number(row[one])),
        shared.map((row) => Number(row[other])),
      );
      if (correlation !== undefined) correlations.push(correlation);
    }
  }
  if (correlations.length === 0) return undefined;
  const mean = correlations.reduce((sum, one) => sum + one, 0) / correlations.length;
  return {
    votes: members / (1 + (members - 1) * Math.max(0, mean)),
    members,
    errorCorrelation: mean,
  };
}
