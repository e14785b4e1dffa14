/** A chat model whose replies a test decides. */
import type { Unscored } from '../core/outcome.ts';
import type { ChatModel, ChatReply, ChatRequest } from './chat-model.ts';

export type ScriptedChatModel = ChatModel & {
  /** All requests so far. */
  readonly requests: readonly ChatRequest[];
  /** The text of their messages. */
  readonly prompts: readonly string[];
  readonly isClosed: boolean;
};

type Reply = string | Partial<ChatReply> | Unscored;

/** @param script The reply to the n-th request, from 1; a string is its text. */
export function createScriptedChatModel(
  script: (prompt: string, count: number, signal: AbortSignal) => Reply | Promise<Reply>,
): ScriptedChatModel {
  const requests: ChatRequest[] = [];
  const prompts: string[] = [];
  let isClosed = false;
  return {
    describe: { id: 'scripted', kind: 'openai', digest: 'd' },
    reply: async (request, signal) => {
      const prompt = textOf(request);
      requests.push(request);
      prompts.push(prompt);
      const reply = await script(prompt, requests.length, signal);
      if (typeof reply !== 'string' && reply.kind === 'unscored') return reply;
      const given = typeof reply === 'string' ? { text: reply } : reply;
      const defaults = { kind: 'replied', text: 'YES', stopReason: 'stop', latencyMs: 7 } as const;
      return { ...defaults, tokens: { prompt: 90, completion: 1 }, ...given };
    },
    probe: async () => undefined,
    close: async () => {
      isClosed = true;
    },
    requests,
    prompts,
    get isClosed() {
      return isClosed;
    },
  };
}

function textOf({ messages }: ChatRequest): string {
  return messages
    .flatMap(({ content }) => content.map((part) => (part.type === 'text' ? part.text : '')))
    .join('');
}
