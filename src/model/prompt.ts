/** What a policy sees: token ids in which every image is already expanded to its placeholder tokens. */
import type { Message } from '../core/message.ts';

export type { Message } from '../core/message.ts';

/** An image after resizing and normalisation, cut into patches in the order the vision tower reads. */
export type ImagePatches = {
  /** [grid.t·grid.h·grid.w, channels·temporalPatch·patch·patch], row-major. */
  readonly patches: Float32Array;
  /** Patches along time, height and width; height and width are multiples of the merge size. */
  readonly grid: { readonly t: number; readonly h: number; readonly w: number };
};

export type Prompt = {
  readonly tokens: Int32Array;
  /** In the order of their placeholders in `tokens`. */
  readonly images: readonly ImagePatches[];
};

/** Text and images to tokens and back, by the model's own files (tokenizer, chat template, geometry). */
export type Processor = {
  /** Applies the chat template with the generation prompt, expands image placeholders. */
  encode(messages: readonly Message[]): Promise<Prompt>;
  /** A completion's text to tokens, ending with the end-of-turn token when `end` is true. */
  encodeCompletion(text: string, end: boolean): Int32Array;
  /** Tokens to text; special tokens are left out. */
  decode(tokens: ArrayLike<number>): string;
  /** Tokens to text, special tokens visible: what a model is given, for people. */
  show(tokens: Int32Array): string;
  /** Tokens that end a completion. */
  readonly stopTokens: readonly number[];
  /** Tokens that a policy must never sample, i.e. image and video placeholders. */
  readonly bannedTokens: readonly number[];
};
