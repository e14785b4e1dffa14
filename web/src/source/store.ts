/**
 * What was asked of the server and what it answered. An answer stays on the page while it is asked for again; a change
 * on disk asks again for what speaks of it.
 */
import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { ChangeEvent, Failure } from '../../../src/server/view/wire.ts';

export type Question<T> = {
  /** Names the question; equal keys have equal answers. */
  readonly key: string;
  /** The run or evaluation that it is about; undefined for the list of them. */
  readonly about: string | undefined;
  readonly ask: () => Promise<T>;
};

export type Answer<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'there'; readonly value: T };

type Entry = {
  question: Question<unknown>;
  answer: Answer<unknown>;
  isAsking: boolean;
  isOld: boolean;
  readonly listeners: Set<() => void>;
};

const loading: Answer<never> = { kind: 'loading' };
const entries = new Map<string, Entry>();

/** A failed answer as its route tells it. */
export class Refusal extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.error);
    this.failure = failure;
  }
}

export function useAnswer<T>(question: Question<T>): Answer<T> {
  const [answer] = useAnswers([question]);
  return (answer ?? loading) as Answer<T>;
}

/** Several at once, in their order. */
export function useAnswers<T>(questions: readonly Question<T>[]): readonly Answer<T>[] {
  const keys = questions.map((question) => question.key).join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: equal keys are equal questions
  const asked = useMemo(() => questions, [keys]);
  const subscribe = useCallback(
    (listener: () => void) => {
      for (const question of asked) entryOf(question).listeners.add(listener);
      return () => {
        for (const { key } of asked) entries.get(key)?.listeners.delete(listener);
      };
    },
    [asked],
  );
  const cache = useMemo(() => ({ last: [] as readonly Answer<T>[] }), []);
  const snapshot = useCallback(() => {
    const now = asked.map(({ key }) => (entries.get(key)?.answer ?? loading) as Answer<T>);
    const isSame =
      now.length === cache.last.length && now.every((answer, i) => answer === cache.last[i]);
    if (!isSame) cache.last = now;
    return cache.last;
  }, [asked, cache]);
  const answers = useSyncExternalStore(subscribe, snapshot);
  useEffect(() => {
    for (const question of asked) ensure(entryOf(question));
  }, [asked]);
  return answers;
}

function entryOf(question: Question<unknown>): Entry {
  const known = entries.get(question.key);
  if (known) return known;
  const entry: Entry = {
    question,
    answer: loading,
    isAsking: false,
    isOld: true,
    listeners: new Set(),
  };
  entries.set(question.key, entry);
  forgetUnused();
  return entry;
}

/** Answers that nobody looks at are kept for going back, the last 200 of them. */
function forgetUnused(): void {
  if (entries.size <= 300) return;
  const unused = [...entries].filter(([, entry]) => entry.listeners.size === 0 && !entry.isAsking);
  for (const [key] of unused.slice(0, Math.max(0, unused.length - 200))) entries.delete(key);
}

function ensure(entry: Entry): void {
  if (!entry.isOld || entry.isAsking) return;
  entry.isAsking = true;
  entry.isOld = false;
  void entry.question
    .ask()
    .then(
      (value): Answer<unknown> => ({ kind: 'there', value }),
      (error: unknown): Answer<unknown> => ({ kind: 'failed', failure: failureOf(error) }),
    )
    .then((answer) => {
      entry.isAsking = false;
      entry.answer = answer;
      for (const listener of entry.listeners) listener();
      // Something changed while this was on its way.
      if (entry.isOld && entry.listeners.size > 0) ensure(entry);
    });
}

function failureOf(error: unknown): Failure {
  if (error instanceof Refusal) return error.failure;
  return {
    error: 'The server does not answer.',
    next: 'Is `medix view` still running in its terminal? Start it again and open the link that it prints.',
  };
}

/** Asks again for what speaks of this change, at once where it is on the page. */
export function changed(event: ChangeEvent): void {
  for (const entry of entries.values()) {
    const { about } = entry.question;
    if (about !== undefined && about !== event.run) continue;
    entry.isOld = true;
    if (entry.listeners.size > 0) ensure(entry);
  }
}

/** Everything on the page is asked for again. */
export function askAgain(): void {
  for (const entry of entries.values()) {
    entry.isOld = true;
    if (entry.listeners.size > 0) ensure(entry);
  }
}
