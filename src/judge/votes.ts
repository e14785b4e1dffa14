/** Yes-or-no votes of several judges, for panels of rewards and of evaluations alike. */

/**
 * What more than half of all judges say that were asked, failed ones included, so that a judge that answers now
 * and then cannot decide alone. Undefined where neither side has as many.
 */
export function majorityOf(votes: {
  readonly right: number;
  readonly wrong: number;
  /** Judges that were asked, at least `right + wrong`. */
  readonly asked: number;
}): boolean | undefined {
  if (isMost(votes.right, votes.asked)) return true;
  return isMost(votes.wrong, votes.asked) ? false : undefined;
}

/** More than half of them. */
export function isMost(count: number, all: number): boolean {
  return 2 * count > all;
}

/**
 * Share of the pairs of votes that differ, in [0, 1]: 0 where all say the same, for two votes 1 where they do not.
 * Undefined for fewer than two.
 */
export function disagreementOf(right: number, wrong: number): number | undefined {
  const votes = right + wrong;
  return votes < 2 ? undefined : (2 * right * wrong) / (votes * (votes - 1));
}

export function describeTie(right: number, wrong: number): string {
  return `${right} of ${right + wrong} say right, ${wrong} wrong`;
}
