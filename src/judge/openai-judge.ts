/** A judge behind any OpenAI-compatible chat server. Identical items are asked once per judge. */
import { z } from 'zod';
import { defined } from '../core/errors.ts';
import type { Rng } from '../core/rng.ts';
import { createAskOnce } from './ask-once.ts';
import { digestOf } from './digest.ts';
import type { Judge, JudgeItem, JudgeOutcome } from './judge.ts';
import { connectServer, type ServerContext, type ServerOptions } from './openai-server.ts';
import {
  type JudgeProtocol,
  type JudgeProtocolName,
  judgeProtocols,
  shownAnswer,
} from './protocols.ts';

export type OpenAiJudgeOptions = ServerOptions & {
  /** @default 'medix-r1' */
  readonly protocol?: JudgeProtocolName;
  /**
   * Fields added to every request, e.g. `{chat_template_kwargs: {enable_thinking: false}}` for a model
   * that reasons aloud unless told not to. Part of the digest.
   */
  readonly extraBody?: Readonly<Record<string, unknown>>;
};

/** Verdicts kept in memory; about 1 kB each. */
const rememberedVerdicts = 50_000;

const chatCompletion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullish() }) })).min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
});

/**
 * Asks at temperature 0 for a reply of a few tokens. A reply that is no verdict makes the item
 * `unparsable` and is not retried, since the same model would say the same.
 *
 * @throws MedixError (judge) when the options are unusable.
 */
export function createOpenAiJudge(options: OpenAiJudgeOptions, context: ServerContext): Judge {
  const { model, extraBody } = options;
  const protocolName = options.protocol ?? 'medix-r1';
  const protocol = judgeProtocols[protocolName];
  const callServer = connectServer(options, context);
  const askOnce = createAskOnce<JudgeOutcome>(rememberedVerdicts);

  const ask = async (item: JudgeItem, signal: AbortSignal): Promise<JudgeOutcome> => {
    const prompt = protocol.prompt(item, delimiterFor(item.answer, context.rng));
    const outcome = await callServer(async (client, inner) => {
      const response = await client.chat.completions.create(
        {
          ...extraBody,
          model,
          messages: [{ role: 'user', content: prompt }],
          temperature: 0,
          max_tokens: protocol.maxTokens,
        },
        { signal: inner },
      );
      return chatCompletion.parse(response);
    }, signal);
    if (outcome.kind === 'unscored') return outcome;
    return readVerdict(outcome.value, outcome.latencyMs, protocol);
  };

  return {
    describe: {
      id: model,
      kind: 'openai',
      digest: digestOf([protocolName, protocol.version, model, extraBody ?? {}]),
    },
    judge: (items, signal) =>
      askOnce(items.map(keyOf), signal, (index, shared) =>
        ask(defined(items[index], 'asked item'), shared),
      ),
  };
}

function readVerdict(
  { choices, usage }: z.output<typeof chatCompletion>,
  latencyMs: number,
  protocol: JudgeProtocol,
): JudgeOutcome {
  const reply = choices[0]?.message.content ?? '';
  const correct = protocol.parse(reply);
  if (correct === undefined) {
    const message = `the judge replied ${JSON.stringify(reply)}, neither YES nor NO`;
    return { kind: 'unscored', cause: 'unparsable', message };
  }
  if (!usage) return { kind: 'judged', correct, reply, latencyMs };
  const tokens = { prompt: usage.prompt_tokens, completion: usage.completion_tokens };
  return { kind: 'judged', correct, reply, latencyMs, tokens };
}

function keyOf({ question, answer, reference, accepted }: JudgeItem): string {
  return JSON.stringify([question, answer, reference, accepted]);
}

/** A line the answer cannot contain, new for every request, so that no answer can close its own fence. */
function delimiterFor(answer: string, rng: Rng): string {
  for (;;) {
    const delimiter = `=== ${[0, 1, 2].map(() => rng.integer(2 ** 32).toString(36)).join('')} ===`;
    if (!shownAnswer(answer).includes(delimiter)) return delimiter;
  }
}
