/** A chat model behind OpenAI-compatible servers (`/chat/completions`), with text and images. */
import { z } from 'zod';
import { digestOf } from '../core/digest.ts';
import type { Unscored } from '../core/outcome.ts';
import type { TokenUsage } from '../core/usage.ts';
import { connectServers, type ServerReply, type ServersContext } from '../http/connect-servers.ts';
import { findModel } from '../http/find-model.ts';
import { sideField } from '../http/read-response.ts';
import type { ServersOptions } from '../http/servers-options.ts';
import type { ChatModel, ChatReply, ChatRequest } from './chat-model.ts';
import { openAiMessage } from './openai-message.ts';

export type OpenAiChatModelOptions = ServersOptions & {
  readonly model: string;
  /**
   * Fields of every request, over those that MediX writes, e.g. `{chat_template_kwargs: {enable_thinking:
   * false}}`; null leaves a field out, e.g. `{max_tokens: null, max_completion_tokens: 64}`. Part of the
   * digest.
   */
  readonly extraBody?: Readonly<Record<string, unknown>>;
};

const candidate = z.object({ token: z.string(), logprob: z.number() });
const tokenCount = z.int().nonnegative();

/** One of the parts in which some servers send a reply; parts of other kinds say nothing. */
const contentPart = z.union([
  z.string().transform((text) => ({ type: 'text', text })),
  z.object({ type: z.string().default('text'), text: z.string() }),
]);
/** Kinds of parts that are spoken; thinking has kinds of its own. */
const spokenParts: readonly string[] = ['text', 'output_text'];

/** Only the reply itself is needed; every other field may be missing or of another shape. */
const chatCompletion = z.object({
  choices: z.tuple(
    [
      z.object({
        message: z.object({
          content: z.union([z.string(), z.array(sideField(contentPart))]).nullish(),
          refusal: sideField(z.string()),
        }),
        finish_reason: sideField(z.string()),
        logprobs: sideField(
          z.object({
            content: z.tuple(
              [z.object({ top_logprobs: z.array(sideField(candidate)) })],
              z.unknown(),
            ),
          }),
        ),
      }),
    ],
    z.unknown(),
  ),
  usage: sideField(
    z.object({ prompt_tokens: sideField(tokenCount), completion_tokens: sideField(tokenCount) }),
  ),
});
type ChatCompletion = z.output<typeof chatCompletion>;

/**
 * Servers that refuse `response_format` are asked without it from then on: whoever reads the reply
 * checks it anyway.
 *
 * @throws MedixError (judge) when the options are unusable.
 */
export function createOpenAiChatModel(
  options: OpenAiChatModelOptions,
  context: ServersContext,
): ChatModel {
  const { model, extraBody = {} } = options;
  const servers = connectServers(options, context);
  const meter = context.ledger.meter(context.use);
  let takesSchemas = true;
  // Lists of models are often open to all; only an answered chat proves the key.
  let isAdmitted = options.apiKey === undefined;

  const requestOf = (request: ChatRequest, withSchema: boolean) => ({
    method: 'POST' as const,
    path: 'chat/completions',
    body: () => JSON.stringify(bodyOf(model, request, extraBody, withSchema)),
    response: chatCompletion,
  });

  const settle = (answer: ServerReply<ChatCompletion>): ChatReply | Unscored => {
    if (answer.kind === 'failed') return answer.outcome;
    isAdmitted = true;
    const tokens = usageOf(answer.value);
    meter.answered(tokens);
    return readCompletion(answer.value, answer.latencyMs, tokens);
  };

  const reply = async (request: ChatRequest, signal: AbortSignal) => {
    const withSchema = takesSchemas && request.schema !== undefined;
    const answer = await servers.call(requestOf(request, withSchema), signal);
    const mayBeTheSchema =
      withSchema &&
      answer.kind === 'failed' &&
      schemaRefusals.has(answer.status ?? 0) &&
      answer.outcome.cause !== 'policy-blocked';
    if (!mayBeTheSchema) return settle(answer);
    const plain = await servers.call(requestOf(request, false), signal);
    // The schema was the reason only if leaving it out helped: a prompt that is too long is refused either
    // way.
    if (plain.kind === 'answered') takesSchemas = false;
    return settle(plain);
  };

  const askEach = async (signal: AbortSignal) => {
    const answers = await servers.callEach(requestOf(smallestRequest, false), signal);
    for (const answer of answers) settle(answer);
    return answers;
  };

  return {
    describe: { id: model, kind: 'openai', digest: digestOf(['openai', model, extraBody]) },
    reply,
    probe: (signal) => findModel(servers, model, isAdmitted, askEach, signal),
    close: async () => servers.close(),
  };
}

/** OpenAI's status, FastAPI's, and that of llama-cpp-python, which fails over fields it does not know. */
const schemaRefusals: ReadonlySet<number> = new Set([400, 422, 500]);

const smallestRequest: ChatRequest = {
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
  maxTokens: 1,
  temperature: 0,
};

function bodyOf(
  model: string,
  request: ChatRequest,
  extraBody: Readonly<Record<string, unknown>>,
  withSchema: boolean,
): Record<string, unknown> {
  const { messages, maxTokens, temperature, topP, seed, schema, firstTokenCandidates } = request;
  const body: Record<string, unknown> = {
    model,
    messages: messages.map(openAiMessage),
    max_tokens: maxTokens,
    temperature,
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(firstTokenCandidates === undefined
      ? {}
      : { logprobs: true, top_logprobs: firstTokenCandidates }),
    ...(schema === undefined || !withSchema
      ? {}
      : {
          response_format: {
            type: 'json_schema',
            json_schema: { name: schema.name, schema: schema.json, strict: true },
          },
        }),
    ...extraBody,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

function usageOf({ usage }: ChatCompletion): TokenUsage | undefined {
  const { prompt_tokens: prompt, completion_tokens: completion } = usage ?? {};
  return prompt === undefined || completion === undefined ? undefined : { prompt, completion };
}

function readCompletion(
  { choices }: ChatCompletion,
  latencyMs: number,
  tokens: TokenUsage | undefined,
): ChatReply | Unscored {
  const [{ message, finish_reason: reason, logprobs }] = choices;
  if (reason === 'content_filter') {
    return blocked('the server filtered the reply (content_filter)');
  }
  const { refusal } = message;
  if (refusal) return blocked(`the model declined: ${JSON.stringify(refusal.slice(0, 200))}`);
  const candidates = logprobs?.content[0].top_logprobs;
  return {
    kind: 'replied',
    text: textOf(message.content),
    stopReason: reason === 'length' ? 'length' : 'stop',
    latencyMs,
    ...(tokens === undefined ? {} : { tokens }),
    ...(candidates === undefined
      ? {}
      : {
          firstToken: candidates.flatMap((one) =>
            one === undefined ? [] : [{ text: one.token, logprob: one.logprob }],
          ),
        }),
  };
}

/** Models that think apart from their reply send no content when they ran out of tokens. */
function textOf(content: ChatCompletion['choices'][0]['message']['content']): string {
  if (typeof content === 'string') return content;
  const parts = (content ?? []).filter((part) => part !== undefined);
  return parts
    .filter(({ type }) => spokenParts.includes(type))
    .map(({ text }) => text)
    .join('');
}

function blocked(message: string): Unscored {
  return { kind: 'unscored', cause: 'policy-blocked', message };
}
