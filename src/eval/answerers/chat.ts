/** Answers of a chat model, e.g. behind OpenAI-compatible servers. */
import type { ChatModel } from '../../chat/chat-model.ts';
import { inWindow } from '../../core/async/in-window.ts';
import type { Message } from '../../core/message.ts';
import { rngFromKey } from '../../core/rng.ts';
import type { Sample } from '../../core/sample.ts';
import { type Answerer, type AnswerOutcome, type AnswerRequest, randomKey } from './answerer.ts';

export type ChatAnswererOptions = {
  readonly model: ChatModel;
  readonly render: (sample: Sample) => readonly Message[];
  readonly sampling: {
    readonly temperature: number;
    readonly topP: number;
    readonly maxTokens: number;
    readonly seed: number;
  };
  /** Requests held at once, images included: somewhat more than the model works on side by side. */
  readonly window: number;
};

/** The answerer closes the model. */
export function createChatAnswerer({
  model,
  render,
  sampling,
  window,
}: ChatAnswererOptions): Answerer {
  const { temperature, topP, maxTokens, seed } = sampling;
  const ask = async ({ key, sample }: AnswerRequest, signal: AbortSignal) => {
    const reply = await model.reply(
      {
        messages: render(sample),
        maxTokens,
        temperature,
        ...(topP < 1 ? { topP } : {}),
        ...(temperature > 0 ? { seed: rngFromKey(randomKey(seed, key)).integer(2 ** 31) } : {}),
      },
      signal,
    );
    return outcomeOf(reply);
  };
  return {
    describe: model.describe,
    answer: (requests, signal) =>
      inWindow(requests, window, async (request) => ({
        request,
        outcome: await ask(request, signal),
      })),
    close: () => model.close(),
  };
}

function outcomeOf(reply: Awaited<ReturnType<ChatModel['reply']>>): AnswerOutcome {
  if (reply.kind === 'replied') {
    const { text, stopReason, latencyMs, tokens } = reply;
    return { kind: 'answered', text, stopReason, latencyMs, ...(tokens ? { tokens } : {}) };
  }
  if (reply.cause === 'cancelled') return { kind: 'cancelled' };
  return { kind: 'failed', cause: reply.cause, message: reply.message };
}
