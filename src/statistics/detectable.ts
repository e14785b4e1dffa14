/** What a comparison could have found: without it, "no significant difference" says nothing. */
import { requireArguments } from '../core/errors.ts';
import { normalQuantile } from './normal.ts';

export type TestPlan = {
  /** Probability of claiming a difference that is not there, two-sided. @default 0.05 */
  readonly alpha?: number;
  /** Probability of finding a difference that is there; above 0.5. @default 0.8 */
  readonly power?: number;
};

/**
 * Least difference of two means that a test finds with the stated power, in the unit of the standard
 * error (Bloom 1995, Eval. Rev. 19). Holds for clustered and graded scores alike.
 *
 * @param standardError Of the difference, e.g. that of `pairedDifference`.
 * @example
 * ```ts
 * detectableDifference(0.015); // with a power of 80 %: 0.042
 * ```
 */
export function detectableDifference(standardError: number, plan: TestPlan = {}): number {
  const { forAlpha, forPower } = quantilesOf(plan);
  return (forAlpha + forPower) * standardError;
}

/**
 * Least difference in accuracy of two models on the same independent questions that McNemar's test finds
 * (Miettinen 1968, Biometrics 24; Connor 1987, Biometrics 43).
 *
 * @param questions Answered by both. Of clusters, divide by the design effect.
 * @param discordance Share that exactly one model gets right, in (0, 1].
 * @returns Undefined where even a difference as large as the discordance would be missed.
 * @example
 * ```ts
 * detectablePairedDifference(500, 0.2);
 * ```
 */
export function detectablePairedDifference(
  questions: number,
  discordance: number,
  plan: TestPlan = {},
): number | undefined {
  requireArguments(questions > 0, 'a number of questions above 0');
  requireArguments(discordance > 0 && discordance <= 1, 'a discordance above 0 and at most 1');
  const { forAlpha: a, forPower: b } = quantilesOf(plan);
  // The larger root of √n·δ = a·√ψ + b·√(ψ − δ²).
  const root = Math.sqrt(questions + b * b - a * a);
  const difference =
    (Math.sqrt(discordance) * (Math.sqrt(questions) * a + b * root)) / (questions + b * b);
  return difference <= discordance ? difference : undefined;
}

/**
 * Least gain in accuracy over a model on other questions that the two-sample test of proportions with
 * pooled variance finds (Fleiss, Levin and Paik 2003, 4.2, without continuity correction).
 *
 * @param accuracy Of the baseline, in [0, 1).
 * @param questions Of each model, independent.
 * @returns Undefined where even a model without error would not stand out.
 * @example
 * ```ts
 * detectableUnpairedDifference(0.6, 500);
 * ```
 */
export function detectableUnpairedDifference(
  accuracy: number,
  questions: number,
  plan: TestPlan = {},
): number | undefined {
  requireArguments(questions > 0, 'a number of questions above 0');
  requireArguments(accuracy >= 0 && accuracy < 1, 'an accuracy of at least 0 that can still rise');
  const { forAlpha, forPower } = quantilesOf(plan);
  const isFound = (difference: number) => {
    const better = accuracy + difference;
    const pooled = (accuracy + better) / 2;
    const spread =
      forAlpha * Math.sqrt(2 * pooled * (1 - pooled)) +
      forPower * Math.sqrt(accuracy * (1 - accuracy) + better * (1 - better));
    return Math.sqrt(questions) * difference >= spread;
  };
  let [missed, found] = [0, 1 - accuracy];
  if (!isFound(found)) return undefined;
  // 60 halvings exhaust the digits.
  for (let step = 0; step < 60; step++) {
    const middle = (missed + found) / 2;
    if (isFound(middle)) found = middle;
    else missed = middle;
  }
  return found;
}

function quantilesOf({ alpha = 0.05, power = 0.8 }: TestPlan) {
  requireArguments(alpha > 0 && alpha < 1, 'alpha between 0 and 1');
  requireArguments(power > 0.5 && power < 1, 'power between 0.5 and 1');
  return { forAlpha: normalQuantile(1 - alpha / 2), forPower: normalQuantile(power) };
}
