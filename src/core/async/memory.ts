/**
 * A map of bounded size that forgets what was not used for longest. It keeps two generations: when the
 * younger is full it becomes the older, and what nobody asked for meanwhile is forgotten with the next.
 * (Deleting the oldest key of one `Map` instead grows slower the more has been deleted from its front.)
 */
type Memory<T> = {
  get(key: string): T | undefined;
  put(key: string, value: T): void;
};

/** @param capacity Entries at most; at least the half used last are kept. */
export function createMemory<T>(capacity: number): Memory<T> {
  const generation = Math.max(1, Math.floor(capacity / 2));
  let younger = new Map<string, T>();
  let older = new Map<string, T>();
  const put = (key: string, value: T) => {
    if (younger.size >= generation && !younger.has(key)) {
      older = younger;
      younger = new Map();
    }
    younger.set(key, value);
  };
  return {
    get: (key) => {
      const known = younger.get(key);
      if (known !== undefined) return known;
      const value = older.get(key);
      if (value !== undefined) put(key, value);
      return value;
    },
    put,
  };
}
