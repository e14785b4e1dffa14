/** Wall time of a piece of work, and the signal of work that nobody stops. */

export const never: AbortSignal = new AbortController().signal;

export async function seconds<T>(work: () => Promise<T>): Promise<readonly [number, T]> {
  const start = performance.now();
  const result = await work();
  return [(performance.now() - start) / 1000, result];
}
