/** A judge that is a language model. Identical items are asked once, over all runs that share a store. */
import type { AnswerStore } from '../cache/answer-store.ts';
import type { ChatModel, ChatReply, ChatRequest } from '../chat/chat-model.ts';
import { type Asked, createAskOnce } from '../core/async/ask-once.ts';
import { digestOf, digestOfBytes } from '../core/digest.ts';
import { defined } from '../core/errors.ts';
import type { Message } from '../core/message.ts';
import type { Unscored } from '../core/outcome.ts';
import type { ImageFile } from '../core/sample.ts';
import type { Ledger } from '../http/ledger.ts';
import { createChatGrading } from './chat-rubric.ts';
import { fenceLine, fenceVersion } from './fence.ts';
import type { Judge, JudgeItem, JudgeOutcome } from './judge.ts';
import type { JudgePrompt, VerdictForm } from './judge-prompt.ts';
import type { RubricPrompt } from './rubric-prompt.ts';
import {
  candidatesAsked,
  readingVersion,
  readVerdict,
  replyTokens,
  type VerdictReading,
  verdictSchema,
} from './verdict.ts';
import { createVerdictMemory, type Judged } from './verdict-memory.ts';

export type ChatJudgeOptions = {
  readonly model: ChatModel;
  readonly prompt: JudgePrompt;
  /** How the verdict is asked for. With the prompt of the paper `word`, read as the paper does. */
  readonly verdict: VerdictForm;
  /** Show the items' images; the model must see. */
  readonly showImages: boolean;
  /** How rubrics are asked about. @default they are not, and the judge has no `grade` */
  readonly rubricPrompt?: RubricPrompt;
  /** Longest reply in tokens. @default what the form needs, for a model that does not think aloud */
  readonly maxTokens?: number | null;
  /** Where verdicts are kept across runs. @default in memory only */
  readonly store?: AnswerStore;
  readonly ledger: Ledger;
};

/**
 * Asks at temperature 0. A reply that is no verdict makes the item `unparsable` and is not retried, since
 * the same model would say the same. Verdicts are kept, failures never. Closes model and store with itself.
 */
export function createChatJudge(options: ChatJudgeOptions): Judge {
  const { model, prompt, verdict, showImages, store, ledger } = options;
  const reading = prompt.isReference ? 'any-yes' : verdict;
  const maxTokens = options.maxTokens ?? replyTokens[reading];
  const digest = digestOf([
    model.describe.digest,
    prompt.digest,
    reading,
    readingVersion,
    showImages,
    maxTokens,
    ...(prompt.isReference ? [] : [fenceVersion]),
  ]);
  const keyOf = createKeyOf(digest, showImages);
  const askOnce = createAskOnce<Judged>(createVerdictMemory(store));

  const ask = async (item: JudgeItem, key: string, signal: AbortSignal) => {
    const images = showImages ? (item.images ?? []) : [];
    const text = prompt.render(item, {
      delimiter: fenceLine(key),
      imageCount: images.length,
      verdict,
    });
    const request = requestOf(userMessage(text, images), reading, maxTokens);
    const reply = await model.reply(request, signal);
    return reply.kind === 'unscored' ? reply : judgedBy(reply, reading);
  };

  const { rubricPrompt } = options;
  const grading = rubricPrompt && createChatGrading({ ...options, prompt: rubricPrompt });
  const describe = { id: model.describe.id, kind: model.describe.kind, digest };
  return {
    describe: grading ? { ...describe, rubricDigest: grading.digest } : describe,
    ...(grading ? { grade: grading.grade } : {}),
    judge: async (items, signal) => {
      const keys = items.map(keyOf);
      const asked = await askOnce(keys, signal, (index, shared) =>
        ask(defined(items[index], 'asked item'), defined(keys[index], 'its key'), shared),
      );
      return asked.map((one) => settle(one, ledger));
    },
    probe: async (signal) => {
      const failure = await model.probe(signal);
      if (failure !== undefined || reading === 'word' || reading === 'any-yes') return failure;
      return probeForm(
        model,
        requestOf(userMessage('Are you there?', []), reading, maxTokens),
        signal,
      );
    },
    close: async () => {
      await model.close();
      await store?.close();
    },
  };
}

/**
 * Digest of all that shapes an item's verdict. Images count by their bytes, digested once however many
 * items show them.
 */
function createKeyOf(judgeDigest: string, showImages: boolean): (item: JudgeItem) => string {
  const known = new WeakMap<Uint8Array, string>();
  const imageDigest = ({ bytes }: ImageFile) => {
    const digest = known.get(bytes) ?? digestOfBytes(bytes);
    known.set(bytes, digest);
    return digest;
  };
  return ({ question, referenceAnswer, accepted, answer, images = [] }) =>
    digestOf([
      judgeDigest,
      question,
      referenceAnswer,
      accepted,
      answer,
      ...(showImages ? images.map(imageDigest) : []),
    ]);
}

function userMessage(text: string, images: readonly ImageFile[]): Message {
  return {
    role: 'user',
    content: [
      ...images.map((image) => ({ type: 'image' as const, image })),
      { type: 'text' as const, text },
    ],
  };
}

function requestOf(message: Message, reading: VerdictReading, maxTokens: number): ChatRequest {
  return {
    messages: [message],
    maxTokens,
    temperature: 0,
    ...(reading === 'json' ? { schema: verdictSchema } : {}),
    ...(reading === 'logprobs' ? { firstTokenCandidates: candidatesAsked } : {}),
  };
}

function judgedBy(reply: ChatReply, reading: VerdictReading): Judged | Unscored {
  const verdict = readVerdict(reply, reading);
  if (verdict.kind === 'unscored') return verdict;
  const { correct, margin } = verdict;
  return {
    kind: 'judged',
    correct,
    reply: reply.text,
    latencyMs: reply.latencyMs,
    ...(reply.tokens === undefined ? {} : { tokens: reply.tokens }),
    ...(margin === undefined ? {} : { margin }),
    source: 'model',
  };
}

function settle({ answer, reused }: Asked<Judged>, ledger: Ledger): JudgeOutcome {
  if (!reused || answer.kind === 'unscored') return answer;
  const { tokens, ...verdict } = answer;
  ledger.reused('judge', tokens);
  return { ...verdict, latencyMs: 0, source: 'memory' };
}

/**
 * Asks one question first if the verdict needs something that not every server offers. A server without
 * candidates of the first token could not give any verdict; and one question instead of many at once shows
 * whether a server takes schemas.
 */
async function probeForm(
  model: ChatModel,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<Unscored | undefined> {
  const reply = await model.reply(request, signal);
  if (reply.kind === 'unscored') return reply;
  if (request.firstTokenCandidates === undefined || reply.firstToken?.length) return undefined;
  return {
    kind: 'unscored',
    cause: 'refused',
    message: 'the model gives no probabilities of first tokens; set judge.verdict to word or json',
  };
}
