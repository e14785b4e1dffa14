/**
 * Exponential moving average without the pull of its start; what was not measured stays so.
 * @param weight of what came before, 0 (nothing is smoothed) to below 1
 */
export function smooth(
  values: readonly (number | null)[],
  weight: number,
): readonly (number | null)[] {
  if (weight <= 0) return values;
  let sum = 0;
  let total = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + value;
    total = total * weight + 1;
    return sum / total;
  });
}

/** Running sums over the series of each iteration, for areas that lie on each other. */
export function stacked(
  series: readonly (readonly (number | null)[])[],
): readonly (readonly (number | null)[])[] {
  const length = series[0]?.length ?? 0;
  const under = new Array<number>(length).fill(0);
  return series.map((values) =>
    Array.from({ length }, (_, i) => {
      const value = values[i] ?? null;
      if (value === null && series.every((other) => (other[i] ?? null) === null)) return null;
      under[i] = (under[i] ?? 0) + (value ?? 0);
      return under[i] ?? 0;
    }),
  );
}
