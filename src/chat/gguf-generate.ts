/** One reply of a GGUF model: messages to tokens by the model's chat template, and tokens to text. */
import type { JinjaTemplate } from '../core/jinja.ts';
import type { Message } from '../core/message.ts';
import { cancelled, type Unscored } from '../core/outcome.ts';
import type { ChatReply, ChatRequest } from './chat-model.ts';
import type {
  LlamaCppModule,
  LlamaGrammar,
  LlamaModel,
  LlamaSequence,
  Token,
} from './llama-cpp.ts';

export type LoadedGguf = {
  readonly llamaCpp: LlamaCppModule;
  readonly model: LlamaModel;
  readonly sequence: LlamaSequence;
  readonly template: JinjaTemplate;
  readonly grammarOf: (schema: NonNullable<ChatRequest['schema']>) => Promise<LlamaGrammar>;
  readonly dispose: () => Promise<void>;
};

type Generated = Omit<ChatReply, 'latencyMs' | 'tokens'> & {
  /** Tokens written. */
  readonly count: number;
};

/** Stands in for the messages' texts while the template renders. */
const placeholder = /\uE000(\d+)\uE001/;

/**
 * The template's own text may hold control tokens; the messages' must not, whatever an answer contains.
 * So the template is rendered around placeholders, and the pieces are tokenized apart.
 */
export function promptTokens(
  { model, template }: Pick<LoadedGguf, 'model' | 'template'>,
  messages: readonly Message[],
): Token[] {
  const texts = messages.map(({ content }) =>
    content.map((part) => (part.type === 'text' ? part.text : '')).join(''),
  );
  const rendered = template.render({
    messages: messages.map(({ role }, index) => ({ role, content: `\uE000${index}\uE001` })),
    add_generation_prompt: true,
    bos_token: model.tokens.bosString ?? '',
    eos_token: model.tokens.eosString ?? '',
  });
  const tokens = rendered
    .split(placeholder)
    .flatMap((piece, at) =>
      at % 2 === 0
        ? model.tokenize(piece, true)
        : model.tokenize(texts[Number(piece)] ?? '', false),
    );
  const { bos, shouldPrependBosToken } = model.tokens;
  if (!shouldPrependBosToken || bos === null || tokens[0] === bos) return tokens;
  return [bos, ...tokens];
}

/**
 * Starts from an empty context. Ends at the end of the turn, at `maxTokens`, or with the schema's last
 * brace.
 */
export async function generate(
  loaded: LoadedGguf,
  prompt: readonly Token[],
  request: ChatRequest,
  signal: AbortSignal,
): Promise<Generated | Unscored> {
  const { model, sequence } = loaded;
  const { maxTokens, schema, firstTokenCandidates } = request;
  const options = await samplingOf(loaded, request);
  await sequence.clearHistory();
  const steps = sequence.evaluateWithMetadata(
    prompt,
    { probabilities: firstTokenCandidates !== undefined },
    options,
  );
  const written: Token[] = [];
  let candidates = {};
  let text = '';
  for await (const { token, probabilities } of steps) {
    if (signal.aborted) return cancelled;
    if (written.length === 0 && probabilities !== undefined) {
      candidates = { firstToken: likeliest(model, probabilities, firstTokenCandidates ?? 0) };
    }
    written.push(token);
    text = model.detokenize(written);
    // The grammar allows any number of trailing blanks.
    if (schema !== undefined && isWholeJson(text)) break;
    if (written.length >= maxTokens) {
      return { kind: 'replied', text, stopReason: 'length', count: written.length, ...candidates };
    }
  }
  if (signal.aborted) return cancelled;
  return { kind: 'replied', text, stopReason: 'stop', count: written.length, ...candidates };
}

async function samplingOf(
  { llamaCpp, model, grammarOf }: LoadedGguf,
  { temperature, topP, seed, schema }: ChatRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const state =
    schema === undefined
      ? undefined
      : new llamaCpp.LlamaGrammarEvaluationState({ model, grammar: await grammarOf(schema) });
  return {
    temperature,
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(state === undefined ? {} : { grammarEvaluationState: state }),
  };
}

/** `probabilities` comes with the likeliest first. */
function likeliest(
  model: LlamaModel,
  probabilities: ReadonlyMap<Token, number>,
  count: number,
): NonNullable<ChatReply['firstToken']> {
  return [...probabilities].slice(0, count).map(([token, probability]) => ({
    text: model.detokenize([token]),
    logprob: Math.log(probability),
  }));
}

function isWholeJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
