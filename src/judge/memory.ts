/** A map of bounded size that forgets the least recently used entry first. */
type Memory<T> = {
  get(key: string): T | undefined;
  put(key: string, value: T): void;
};

export function createMemory<T>(capacity: number): Memory<T> {
  const entries = new Map<string, T>();
  return {
    get: (key) => {
      const value = entries.get(key);
      if (value !== undefined) {
        // A Map iterates in insertion order, so re-inserting makes the entry the youngest.
        entries.delete(key);
        entries.set(key, value);
      }
      return value;
    },
    put: (key, value) => {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size <= capacity) return;
      const oldest = entries.keys().next();
      if (!oldest.done) entries.delete(oldest.value);
    },
  };
}
