/**
 * A language model that answers one chat at a time: the seam between what a judge asks and where the
 * model runs (an OpenAI-compatible server, a GGUF file in this process). It knows nothing about verdicts.
 */
import type { Message } from '../core/message.ts';
import type { Unscored } from '../core/outcome.ts';
import type { TokenUsage } from '../core/usage.ts';

export type ChatRequest = {
  readonly messages: readonly Message[];
  /** Maximum length of the reply, in tokens. */
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** In (0, 1]; 1 keeps all tokens. */
  readonly topP?: number;
  /** For servers that draw from seeded generators; has no meaning at temperature 0. */
  readonly seed?: number;
  /** A JSON schema that the reply must follow, if the model supports schemas. */
  readonly schema?: { readonly name: string; readonly json: Readonly<Record<string, unknown>> };
  /** Ask for the likeliest candidates of the reply's first token, at most this many (1 to 20). */
  readonly firstTokenCandidates?: number;
};

export type ChatReply = {
  readonly kind: 'replied';
  readonly text: string;
  /** `length` when the reply was cut off at `maxTokens`. */
  readonly stopReason: 'stop' | 'length';
  /** Time of the request that gave the reply, retries and waiting excluded. */
  readonly latencyMs: number;
  /** Absent where the model does not report it. */
  readonly tokens?: TokenUsage;
  /** Candidates of the first token with natural-log probabilities; absent unless asked for and offered. */
  readonly firstToken?: readonly { readonly text: string; readonly logprob: number }[];
};

type ChatModelDescription = {
  /** Model name or file, for people. */
  readonly id: string;
  readonly kind: 'openai' | 'gguf';
  /** Hexadecimal SHA-256 of all that shapes a reply to a given request. */
  readonly digest: string;
};

export type ChatModel = {
  readonly describe: ChatModelDescription;
  /** Never rejects for what the model or its server does; after `signal` aborts the outcome is `cancelled`. */
  reply(request: ChatRequest, signal: AbortSignal): Promise<ChatReply | Unscored>;
  /**
   * Whether the model can be asked at all: server there, key valid, model known. One cheap request.
   * @returns undefined when it can, else why not.
   */
  probe(signal: AbortSignal): Promise<Unscored | undefined>;
  close(): Promise<void>;
};
