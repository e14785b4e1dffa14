/** Wall and processor time of a piece of work, and the signal of work that nobody stops. */

export const never: AbortSignal = new AbortController().signal;

export async function seconds<T>(work: () => Promise<T>): Promise<readonly [number, T]> {
  const start = performance.now();
  const result = await work();
  return [(performance.now() - start) / 1000, result];
}

/** Seconds that all threads of this process compute meanwhile. */
export async function processorSeconds<T>(work: () => Promise<T>): Promise<readonly [number, T]> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return [(user + system) / 1e6, result];
}
