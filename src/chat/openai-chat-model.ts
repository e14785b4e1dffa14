/** A chat model behind OpenAI-compatible servers (`/chat/completions`), with text and images. */
import { digestOf } from '../core/digest.ts';
import type { Unscored } from '../core/outcome.ts';
import { connectServers, type ServerReply, type ServersContext } from '../http/connect-servers.ts';
import { findModel } from '../http/find-model.ts';
import type { ServersOptions } from '../http/servers-options.ts';
import type { ChatModel, ChatReply, ChatRequest } from './chat-model.ts';
import { openAiMessage, unsendable } from './openai-message.ts';
import { type ChatCompletion, chatCompletion, readCompletion, usageOf } from './openai-reply.ts';
import { type OptionalField, unsupportedFields } from './unsupported-fields.ts';

export type OpenAiChatModelOptions = ServersOptions & {
  readonly model: string;
  /**
   * Fields of every request, over those that MediX writes, e.g. `{chat_template_kwargs: {enable_thinking:
   * false}}`; null leaves a field out, e.g. `{max_tokens: null, max_completion_tokens: 64}`. Part of the
   * digest.
   */
  readonly extraBody?: Readonly<Record<string, unknown>>;
};

/**
 * A server that says that it does not support `response_format` or `seed` is asked without it from then on:
 * whoever reads the reply checks its form anyway, and a draw without a seed is a draw.
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
  /** By server. */
  const leftOut = new Map<string, ReadonlySet<OptionalField>>();
  // Lists of models are often open to all; only an answered chat proves the key.
  let isAdmitted = options.apiKey === undefined;

  const leaveOut = (server: string, field: OptionalField) => {
    const known = leftOut.get(server) ?? nothing;
    if (known.has(field)) return;
    leftOut.set(server, new Set([...known, field]));
    process.emitWarning(
      `${server} does not support ${field}, which it is no longer sent`,
      'MedixWarning',
    );
  };

  const requestOf = (request: ChatRequest) => {
    // Once for each server and field: what is refused without the field is refused for something else.
    const adapted = new Set<string>();
    const adapts = (server: string, said: string) => {
      const sent = optionalFields(request, extraBody).filter(
        (field) => !adapted.has(`${field} ${server}`),
      );
      const fields = unsupportedFields(said, sent);
      for (const field of fields) {
        adapted.add(`${field} ${server}`);
        leaveOut(server, field);
      }
      return fields.length > 0;
    };
    return {
      method: 'POST' as const,
      path: 'chat/completions',
      body: (server: string) =>
        JSON.stringify(bodyOf(model, request, extraBody, leftOut.get(server) ?? nothing)),
      response: chatCompletion,
      adapts,
    };
  };

  const settle = (answer: ServerReply<ChatCompletion>): ChatReply | Unscored => {
    if (answer.kind === 'failed') return answer.outcome;
    isAdmitted = true;
    meter.answered(usageOf(answer.value));
    return readCompletion(answer.value, answer.latencyMs);
  };

  const askEach = async (signal: AbortSignal) => {
    const answers = await servers.callEach(requestOf(smallestRequest), signal);
    for (const answer of answers) settle(answer);
    return answers;
  };

  return {
    describe: { id: model, kind: 'openai', digest: digestOf(['openai', model, extraBody]) },
    reply: async (request, signal) => {
      const flaw = unsendable(request.messages);
      if (flaw !== undefined) return { kind: 'unscored', cause: 'refused', message: flaw };
      return settle(await servers.call(requestOf(request), signal));
    },
    probe: (signal) => findModel(servers, model, isAdmitted, askEach, signal),
    close: async () => servers.close(),
  };
}

const nothing: ReadonlySet<OptionalField> = new Set();

const smallestRequest: ChatRequest = {
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
  maxTokens: 1,
  temperature: 0,
};

/** Those that MediX itself puts into the request: what the user adds is never left out. */
function optionalFields(
  { schema, seed }: ChatRequest,
  extraBody: Readonly<Record<string, unknown>>,
): readonly OptionalField[] {
  const fields: OptionalField[] = [];
  if (schema !== undefined) fields.push('response_format');
  if (seed !== undefined) fields.push('seed');
  return fields.filter((field) => !(field in extraBody));
}

function bodyOf(
  model: string,
  request: ChatRequest,
  extraBody: Readonly<Record<string, unknown>>,
  leftOut: ReadonlySet<OptionalField>,
): Record<string, unknown> {
  const { messages, maxTokens, temperature, topP, seed, schema, firstTokenCandidates } = request;
  const body: Record<string, unknown> = {
    model,
    messages: messages.map(openAiMessage),
    max_tokens: maxTokens,
    temperature,
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(seed === undefined || leftOut.has('seed') ? {} : { seed }),
    ...(firstTokenCandidates === undefined
      ? {}
      : { logprobs: true, top_logprobs: firstTokenCandidates }),
    ...(schema === undefined || leftOut.has('response_format')
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
