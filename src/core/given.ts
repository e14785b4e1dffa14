type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** What was given, without what is undefined, so that it can be laid over defaults. */
export function given<T extends object>(settings: T): Present<T> {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Present<T>;
}
