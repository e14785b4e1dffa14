/**
 * What a chat completion says. Only the answer itself has to be readable: every other field is read for
 * itself, and one in another form than OpenAI's counts as not sent.
 */
import { z } from 'zod';
import type { FailureCause, Unscored } from '../core/outcome.ts';
import type { TokenUsage } from '../core/usage.ts';
import type { ChatReply } from './chat-model.ts';

/** Types of content parts that hold the answer. Thinking, reasoning and whatever else there is do not. */
const answerTypes: readonly unknown[] = ['text', 'output_text', undefined];

const partSchema = z.looseObject({});

/** Text and refusal of a content that is one string, one part or a list of parts. */
const contentSchema = z
  .union([z.string(), z.array(z.unknown()), partSchema])
  .nullish()
  .transform((content, context) => {
    const read = { text: '', refusal: '' };
    for (const part of [content ?? []].flat()) {
      if (typeof part === 'string') read.text += part;
      const fields = partSchema.safeParse(part).data;
      if (typeof fields?.['refusal'] === 'string') read.refusal += fields['refusal'];
      if (fields === undefined || !answerTypes.includes(fields['type'])) continue;
      const { text } = fields;
      if (typeof text === 'string') read.text += text;
      else context.addIssue('a part of the content has no text');
    }
    return read;
  });

const text = z.string().nullish().catch(undefined);
const count = z.int().nonnegative();
const candidateSchema = z.object({ token: z.string(), logprob: z.number() });

const choiceSchema = z.object({
  message: z.object({ content: contentSchema, refusal: text }),
  finish_reason: text,
  logprobs: z
    .object({ content: z.tuple([z.object({ top_logprobs: z.array(z.unknown()) })], z.unknown()) })
    .optional()
    .catch(undefined),
});

/** The first choice counts. */
export const chatCompletion = z.object({
  choices: z.tuple([choiceSchema], z.unknown()),
  usage: z.object({ prompt_tokens: count, completion_tokens: count }).optional().catch(undefined),
});
export type ChatCompletion = z.output<typeof chatCompletion>;

/** Undefined unless both counts are there: half of the usage would pass for the whole. */
export function usageOf({ usage }: ChatCompletion): TokenUsage | undefined {
  return usage && { prompt: usage.prompt_tokens, completion: usage.completion_tokens };
}

export function readCompletion(
  completion: ChatCompletion,
  latencyMs: number,
): ChatReply | Unscored {
  const [{ message, finish_reason: reason, logprobs }] = completion.choices;
  const { content } = message;
  if (reason === 'content_filter') {
    return unscored('policy-blocked', 'the server filtered the reply (content_filter)');
  }
  if (reason === 'error') return unscored('transport', 'the server broke the reply off');
  const refusal = message.refusal || content.refusal;
  if (refusal) {
    const said = JSON.stringify(refusal.slice(0, 200));
    return unscored('policy-blocked', `the model declined: ${said}`);
  }
  const tokens = usageOf(completion);
  return {
    kind: 'replied',
    // Models that think apart from their reply send no content when they ran out of tokens.
    text: content.text,
    stopReason: reason === 'length' ? 'length' : 'stop',
    latencyMs,
    ...(tokens === undefined ? {} : { tokens }),
    ...(logprobs === undefined ? {} : { firstToken: candidatesOf(logprobs) }),
  };
}

function candidatesOf({
  content: [{ top_logprobs }],
}: NonNullable<ChatCompletion['choices'][0]['logprobs']>): NonNullable<ChatReply['firstToken']> {
  return top_logprobs.flatMap((one) => {
    const candidate = candidateSchema.safeParse(one).data;
    return candidate ? [{ text: candidate.token, logprob: candidate.logprob }] : [];
  });
}

function unscored(cause: FailureCause, message: string): Unscored {
  return { kind: 'unscored', cause, message };
}
