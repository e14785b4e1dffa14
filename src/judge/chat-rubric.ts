/** Rubrics marked by a language model. Identical questions are asked once, over all runs that share a store. */
import type { AnswerStore } from '../cache/answer-store.ts';
import type { ChatModel } from '../chat/chat-model.ts';
import { createAskOnce } from '../core/async/ask-once.ts';
import { digestOf } from '../core/digest.ts';
import { defined } from '../core/errors.ts';
import type { Ledger } from '../http/ledger.ts';
import { fenceLine, fenceVersion } from './fence.ts';
import type { Judge, RubricQuestion } from './judge.ts';
import type { VerdictForm } from './judge-prompt.ts';
import { marksSchema, marksTokens, marksVersion, readMarks } from './rubric-marks.ts';
import type { RubricPrompt } from './rubric-prompt.ts';
import { createGradeMemory, type Graded } from './verdict-memory.ts';

export type ChatGradingOptions = {
  readonly model: ChatModel;
  readonly prompt: RubricPrompt;
  /** With `json` the reply is held to a schema. It is JSON in any case. */
  readonly verdict: VerdictForm;
  /** Longest reply in tokens. @default what the criteria need, for a model that does not think aloud */
  readonly maxTokens?: number | null;
  /** Where marks are kept across runs. @default in memory only */
  readonly store?: AnswerStore;
  readonly ledger: Ledger;
};

/** Asks at temperature 0, once for all criteria of an answer. Marks are kept, failures never. */
export function createChatGrading(options: ChatGradingOptions): {
  /** Hexadecimal SHA-256 of all that shapes the marks. */
  readonly digest: string;
  readonly grade: NonNullable<Judge['grade']>;
} {
  const { model, prompt, verdict, maxTokens = null, store, ledger } = options;
  const isHeld = verdict === 'json';
  const digest = digestOf([
    'rubric',
    model.describe.digest,
    prompt.digest,
    marksVersion,
    isHeld,
    maxTokens,
    fenceVersion,
  ]);
  const keyOf = ({ question, answer, criteria }: RubricQuestion) =>
    digestOf([digest, question, answer, criteria]);
  const askOnce = createAskOnce<Graded>(createGradeMemory(store));

  const ask = async (asked: RubricQuestion, key: string, signal: AbortSignal) => {
    const count = asked.criteria.length;
    const text = prompt.render(asked, fenceLine(key));
    const reply = await model.reply(
      {
        messages: [{ role: 'user', content: [{ type: 'text', text }] }],
        maxTokens: maxTokens ?? marksTokens(count),
        temperature: 0,
        ...(isHeld ? { schema: marksSchema(count) } : {}),
      },
      signal,
    );
    if (reply.kind === 'unscored') return reply;
    const marks = readMarks(reply, count);
    if (marks.kind === 'unscored') return marks;
    const { text: said, latencyMs, tokens } = reply;
    return {
      kind: 'graded' as const,
      met: marks.met,
      reply: said,
      latencyMs,
      ...(tokens === undefined ? {} : { tokens }),
      source: 'model' as const,
    };
  };

  const grade: NonNullable<Judge['grade']> = async (questions, signal) => {
    const keys = questions.map(keyOf);
    const asked = await askOnce(keys, signal, (index, shared) =>
      ask(defined(questions[index], 'question'), defined(keys[index], 'its key'), shared),
    );
    return asked.map(({ answer, reused }) => {
      if (!reused || answer.kind === 'unscored') return answer;
      const { tokens, ...graded } = answer;
      ledger.reused('judge', tokens);
      return { ...graded, latencyMs: 0, source: 'memory' };
    });
  };
  return { digest, grade };
}
