/**
 * Metrics are means with their weights, so parts (micro-batches, iterations) add up exactly.
 * Keys read `stage/name`, e.g. `update/clipFractionHigh`.
 */

export type Mean = { readonly sum: number; readonly count: number };
export type Metrics = Readonly<Record<string, Mean>>;

/** A mean over no values: it adds nothing and is shown as `null`. */
export function meanOf(...values: readonly number[]): Mean {
  return { sum: values.reduce((a, b) => a + b, 0), count: values.length };
}

export function mergeMetrics(parts: readonly Metrics[]): Metrics {
  const merged: Record<string, Mean> = {};
  for (const part of parts) {
    for (const [key, { sum, count }] of Object.entries(part)) {
      const before = merged[key] ?? { sum: 0, count: 0 };
      merged[key] = { sum: before.sum + sum, count: before.count + count };
    }
  }
  return merged;
}

/** Values for the metrics file; a mean over nothing is `null`, not 0. */
export function metricValues(metrics: Metrics): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(metrics).map(([key, { sum, count }]) => [key, count > 0 ? sum / count : null]),
  );
}
