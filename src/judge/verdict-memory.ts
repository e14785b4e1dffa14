/** Where the answers of judges are kept, under the digest of everything that shapes them. */
import { z } from 'zod';
import type { AnswerKind, AnswerStore } from '../cache/answer-store.ts';
import type { AnswerMemory } from '../core/async/ask-once.ts';
import { createMemory } from '../core/async/memory.ts';
import type { JudgeOutcome, RubricOutcome } from './judge.ts';

/** Answers kept in memory; about 1 kB each. */
const rememberedAnswers = 50_000;

const tokens = z.object({ prompt: z.number(), completion: z.number() }).exactOptional();

const storedVerdict = z.object({
  correct: z.boolean(),
  reply: z.string(),
  latencyMs: z.number(),
  tokens,
  margin: z.number().exactOptional(),
});

const storedMarks = z.object({
  met: z.array(z.boolean()),
  reply: z.string(),
  latencyMs: z.number(),
  tokens,
});

/** A verdict, as opposed to a failure. */
export type Judged = Extract<JudgeOutcome, { readonly kind: 'judged' }>;

/** The marks of a rubric, as opposed to a failure. */
export type Graded = Extract<RubricOutcome, { readonly kind: 'graded' }>;

/** The latest verdicts in memory; behind them, on disk, all of them where there is a store. */
export function createVerdictMemory(store: AnswerStore | undefined): AnswerMemory<Judged> {
  return createStoredMemory(store, 'verdict', (stored) => {
    const verdict = storedVerdict.safeParse(stored).data;
    return verdict && { kind: 'judged', ...verdict, source: 'model' };
  });
}

/** The same for the marks of rubrics. */
export function createGradeMemory(store: AnswerStore | undefined): AnswerMemory<Graded> {
  return createStoredMemory(store, 'rubric', (stored) => {
    const marks = storedMarks.safeParse(stored).data;
    return marks && { kind: 'graded', ...marks, source: 'model' };
  });
}

/** @param read What is no stored answer counts as absent: it is asked again and overwritten. */
function createStoredMemory<Answer extends { readonly kind: string; readonly source: string }>(
  store: AnswerStore | undefined,
  kind: AnswerKind,
  read: (stored: unknown) => Answer | undefined,
): AnswerMemory<Answer> {
  const recent = createMemory<Answer>(rememberedAnswers);
  return {
    recall: (key) => {
      const known = recent.get(key) ?? read(parseJson(store?.get(kind, key)));
      if (known !== undefined) recent.put(key, known);
      return known;
    },
    keep: async (key, answer) => {
      const { kind: _, source: __, ...kept } = answer;
      await store?.put(kind, key, Buffer.from(JSON.stringify(kept)));
      recent.put(key, answer);
    },
    ...(store?.claim === undefined ? {} : { claim: claiming(store, kind, read, recent.put) }),
  };
}

/** What another process stored and cannot be read here is asked again, and overwritten. */
function claiming<Answer>(
  store: AnswerStore,
  kind: AnswerKind,
  read: (stored: unknown) => Answer | undefined,
  remember: (key: string, answer: Answer) => void,
): NonNullable<AnswerMemory<Answer>['claim']> {
  return async (key, signal) => {
    const claim = await store.claim?.(kind, key, signal);
    if (claim?.kind !== 'answer') return { release: async () => claim?.release() };
    const answer = read(parseJson(claim.value));
    if (answer === undefined) return { release: async () => {} };
    remember(key, answer);
    return { answer };
  };
}

function parseJson(bytes: Uint8Array | undefined): unknown {
  try {
    return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
