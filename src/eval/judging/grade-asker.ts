/**
 * Asks a language model for grades. The same request is asked once, over all evaluations that share a
 * store; only grades are kept, failures never.
 */
import { z } from 'zod';
import type { AnswerStore } from '../../cache/answer-store.ts';
import type { ChatModel, ChatRequest } from '../../chat/chat-model.ts';
import { type AnswerMemory, createAskOnce } from '../../core/async/ask-once.ts';
import { createMemory } from '../../core/async/memory.ts';
import { digestOf, digestOfBytes } from '../../core/digest.ts';
import { defined } from '../../core/errors.ts';
import type { Unscored } from '../../core/outcome.ts';
import type { Ledger } from '../../http/ledger.ts';
import type { Vote } from '../results/records.ts';
import type { GradeForm } from './read-grade.ts';

export type GradeAskerParts = {
  readonly model: ChatModel;
  readonly ledger: Ledger;
  /** Where grades are kept across evaluations. @default in memory only */
  readonly store?: AnswerStore;
};

type Asked = {
  readonly outcome: Vote['outcome'];
  /** Time of the request, without retries and waiting; 0 where no request was answered. */
  readonly latencyMs: number;
};

/** One request, one vote. Never rejects. */
export type GradeAsker = (
  request: ChatRequest,
  form: GradeForm,
  signal: AbortSignal,
) => Promise<Asked>;

const storedGrade = z.object({
  score: z.number(),
  reply: z.string(),
  latencyMs: z.number(),
  tokens: z.object({ prompt: z.number(), completion: z.number() }).optional(),
});
type Graded = z.output<typeof storedGrade> & { readonly kind: 'graded' };

/** Grades kept in memory; about 1 kB each. */
const rememberedGrades = 20_000;

export function createGradeAsker({ model, ledger, store }: GradeAskerParts): GradeAsker {
  const askOnce = createAskOnce<Graded>(createGradeMemory(store));
  return async (request, form, signal) => {
    const withSchema = form.schema === undefined ? request : { ...request, schema: form.schema };
    const key = digestOf(['grade', form.version, model.describe.digest, digestible(request)]);
    const asked = await askOnce([key], signal, (_, shared) =>
      askForGrade(model, withSchema, form, shared),
    );
    const { answer, reused } = defined(asked[0], 'asked grade');
    if (answer.kind === 'unscored') {
      const { cause, message } = answer;
      return { outcome: { kind: 'failed', cause, message }, latencyMs: 0 };
    }
    if (reused) ledger.reused('judge', answer.tokens);
    const { score, reply, latencyMs } = answer;
    return { outcome: { kind: 'judged', score, reply }, latencyMs: reused ? 0 : latencyMs };
  };
}

async function askForGrade(
  model: ChatModel,
  request: ChatRequest,
  form: GradeForm,
  signal: AbortSignal,
): Promise<Graded | Unscored> {
  const answer = await model.reply(request, signal);
  if (answer.kind === 'unscored') return answer;
  const { text: reply, tokens, stopReason, latencyMs } = answer;
  const score = form.read(reply);
  if (score !== undefined) {
    return { kind: 'graded', score, reply, latencyMs, ...(tokens ? { tokens } : {}) };
  }
  const cut = stopReason === 'length' ? ', cut off at the length allowed' : '';
  const quoted = JSON.stringify(reply.length > 200 ? `${reply.slice(0, 200)}…` : reply);
  const message = `the judge replied ${quoted}${cut}, expected ${form.expected}`;
  return { kind: 'unscored', cause: 'unparsable', message };
}

/** The request with images by their digest. */
function digestible({ messages, ...request }: ChatRequest): unknown {
  const shown = messages.map(({ role, content }) => [
    role,
    ...content.map((part) =>
      part.type === 'text' ? part.text : [digestOfBytes(part.image.bytes)],
    ),
  ]);
  return [shown, request.maxTokens, request.temperature, request.topP ?? 1, request.seed ?? null];
}

/** Grades share the store's verdicts: their keys are digests of other things, so they cannot meet. */
function createGradeMemory(store: AnswerStore | undefined): AnswerMemory<Graded> {
  const recent = createMemory<Graded>(rememberedGrades);
  return {
    recall: (key) => {
      const known = recent.get(key) ?? readStored(store?.get('verdict', key));
      if (known !== undefined) recent.put(key, known);
      return known;
    },
    keep: async (key, grade) => {
      const { kind: _, ...stored } = grade;
      await store?.put('verdict', key, Buffer.from(JSON.stringify(stored)));
      recent.put(key, grade);
    },
  };
}

/** What is no stored grade counts as absent: it is asked again and overwritten. */
function readStored(bytes: Uint8Array | undefined): Graded | undefined {
  if (bytes === undefined) return undefined;
  try {
    const stored = storedGrade.parse(JSON.parse(Buffer.from(bytes).toString()));
    return { kind: 'graded', ...stored };
  } catch {
    return undefined;
  }
}
