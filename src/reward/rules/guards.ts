import type { RewardProfile } from '../profile.ts';

/** Why an answer is wrong without asking anyone, or undefined. */
export function rejectedBy(
  { shortest, rejected }: RewardProfile['guards'],
  answer: string,
): string | undefined {
  // A code point takes at most two code units, so long answers need no count.
  const isShort = answer.length < 2 * shortest && [...answer].length < shortest;
  if (isShort) return `shorter than ${shortest} characters`;
  const found = rejected.find((text) => answer.includes(text));
  return found === undefined ? undefined : `contains ${JSON.stringify(found)}`;
}
