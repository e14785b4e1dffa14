/**
 * What is trained on and what comes back, as plain records. How they are written is the codec's matter.
 *
 * A datum's input is a whole sequence but for its last token; `targets` are the same tokens from the second on. All
 * lists of a datum are as long as its input, in which an image counts as many tokens as its chunk says.
 */

export type InputChunk =
  | { readonly kind: 'text'; readonly tokens: Int32Array }
  | {
      readonly kind: 'image';
      /** An encoded file. */
      readonly data: Uint8Array;
      readonly format: 'png' | 'jpeg';
      /** Tokens that it takes in the model's sequence; a server that counts otherwise refuses it. */
      readonly tokens: number;
    };

export type Datum = {
  readonly input: readonly InputChunk[];
  readonly targets: Int32Array;
  /** By the protocol's names: `weights`, `logprobs`, `advantages`. */
  readonly lossInputs: Readonly<Record<string, Float32Array>>;
};

/** A loss of the server, e.g. `{name: 'ppo', settings: {clip_low_threshold: 0.8}}`. */
export type ServerLoss = {
  readonly name: string;
  readonly settings?: Readonly<Record<string, number>>;
};

export type ForwardResult = {
  /** [datum][token] of the targets. */
  readonly logprobs: readonly Float32Array[];
  /** By the server's names, e.g. `loss:sum`; of several chunks added up. */
  readonly metrics: Readonly<Record<string, number>>;
};

export type SampleOptions = {
  readonly prompt: readonly InputChunk[];
  /** @default 1 */
  readonly samples?: number;
  readonly maxTokens: number;
  /** 0 is greedy. @default 1 */
  readonly temperature?: number;
  /** In (0, 1]; 1 keeps all. @default 1 */
  readonly topP?: number;
  /** Keeps so many most likely tokens; 0 keeps all. @default 0 */
  readonly topK?: number;
  /** From 0 to 2³¹ − 1. @default the server's */
  readonly seed?: number;
  /** Tokens that end a completion. @default the model's own */
  readonly stop?: readonly number[] | readonly string[];
  /** @default false */
  readonly promptLogprobs?: boolean;
};

export type SampledSequence = {
  readonly tokens: Int32Array;
  /** Undefined where the server gives none. */
  readonly logprobs: Float32Array | undefined;
  readonly stopReason: 'stop' | 'length';
};

export type SampleResult = {
  readonly sequences: readonly SampledSequence[];
  /** Of the prompt's tokens, NaN where undefined, as for the first; undefined where not asked for. */
  readonly promptLogprobs: Float32Array | undefined;
};

/** Tokens of an input. */
export function inputLength(input: readonly InputChunk[]): number {
  return input.reduce(
    (sum, chunk) => sum + (chunk.kind === 'text' ? chunk.tokens.length : chunk.tokens),
    0,
  );
}
