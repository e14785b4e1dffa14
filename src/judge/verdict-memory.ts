/** Where verdicts are kept, under the digest of everything that shapes them. */
import { z } from 'zod';
import type { AnswerStore } from '../cache/answer-store.ts';
import type { AnswerMemory } from '../core/async/ask-once.ts';
import { createMemory } from '../core/async/memory.ts';
import type { JudgeOutcome } from './judge.ts';

/** Verdicts kept in memory; about 1 kB each. */
const rememberedVerdicts = 50_000;

const storedVerdict = z.object({
  correct: z.boolean(),
  reply: z.string(),
  latencyMs: z.number(),
  tokens: z.object({ prompt: z.number(), completion: z.number() }).optional(),
  margin: z.number().optional(),
});

/** A verdict, as opposed to a failure. */
export type Judged = Extract<JudgeOutcome, { readonly kind: 'judged' }>;

/** The latest verdicts in memory; behind them, on disk, all of them where there is a store. */
export function createVerdictMemory(store: AnswerStore | undefined): AnswerMemory<Judged> {
  const recent = createMemory<Judged>(rememberedVerdicts);
  return {
    recall: (key) => {
      const known = recent.get(key) ?? readStored(store?.get('verdict', key));
      if (known !== undefined) recent.put(key, known);
      return known;
    },
    keep: async (key, answer) => {
      const { kind: _, source: __, ...verdict } = answer;
      await store?.put('verdict', key, Buffer.from(JSON.stringify(verdict)));
      recent.put(key, answer);
    },
  };
}

/** What is not a stored verdict counts as absent: it is asked again and overwritten. */
function readStored(bytes: Uint8Array | undefined): Judged | undefined {
  const stored = storedVerdict.safeParse(bytes === undefined ? undefined : parseJson(bytes)).data;
  if (stored === undefined) return undefined;
  const { tokens, margin, ...verdict } = stored;
  return {
    kind: 'judged',
    ...verdict,
    ...(tokens === undefined ? {} : { tokens }),
    ...(margin === undefined ? {} : { margin }),
    source: 'model',
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
