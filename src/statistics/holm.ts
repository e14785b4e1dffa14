/** Several tests at once. */

/**
 * P-values adjusted so that, over all of them, a difference that is not there is claimed with at most the
 * stated probability: a test holds at 5 % when its adjusted value is at most 0.05 (Holm 1979, Scand. J.
 * Stat. 6, step-down). Needs no independence between the tests.
 *
 * @param pValues Each in [0, 1]; of all tests made, not only of those that look promising.
 * @returns In the order given, each in [0, 1].
 * @example
 * ```ts
 * holmAdjust([0.01, 0.04, 0.03]); // [0.03, 0.06, 0.06]
 * ```
 */
export function holmAdjust(pValues: readonly number[]): number[] {
  const ascending = pValues.map((_, test) => test).sort((a, b) => at(pValues, a) - at(pValues, b));
  const adjusted = pValues.map(() => 1);
  let floor = 0;
  for (const [rank, test] of ascending.entries()) {
    floor = Math.max(floor, Math.min(1, (pValues.length - rank) * at(pValues, test)));
    adjusted[test] = floor;
  }
  return adjusted;
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 1;
}
