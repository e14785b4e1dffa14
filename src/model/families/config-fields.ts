/**
 * Fields that several families have in their `config.json`. Two generations of keys are read: `rope_theta` +
 * `rope_scaling` of public checkpoints, and `rope_parameters` of transformers 5. Keys that do not change what is
 * computed here (dropout, initialisation, dtype) are passed over.
 */
import { z } from 'zod';
import type { TokenIds } from '../geometry.ts';

/** Far above every model there is; sizes are compared with the weights before memory is taken for them. */
export const size = z
  .int()
  .positive()
  .max(2 ** 24);
export const layerCount = z.int().positive().max(1024);
export const tokenId = z.int().nonnegative();
const endTokens = z.union([tokenId, z.array(tokenId).min(1)]).nullish();

/** What may stand in `config.json`, in its text part, and in `generation_config.json`. */
export const endFields = { eos_token_id: endTokens, pad_token_id: tokenId.nullish() };

/** `generation_config.json`. */
export const generationSchema = z.object(endFields);

/** What tells the architecture of any model's `config.json`. */
export const familySchema = z.looseObject({ model_type: z.unknown() });

const ropeObject = z.object({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  mrope_section: z.tuple([size, size, size]).optional(),
  partial_rotary_factor: z.literal(1).optional(),
  factor: z.number().optional(),
  low_freq_factor: z.number().optional(),
  high_freq_factor: z.number().optional(),
  original_max_position_embeddings: z.number().optional(),
});

const rope = ropeObject.nullish();

export const ropeFields = {
  rope_theta: z.number().positive().optional(),
  rope_scaling: rope,
  rope_parameters: rope,
};

export type RopeFile = z.infer<typeof ropeObject>;

/** A setting that is computed in one way alone. */
export function only<const T extends boolean | string | number>(value: T, what: string) {
  return z.literal(value, {
    error: `${JSON.stringify(value)}, since ${what} is not computed here`,
  });
}

/** Sizes of a decoder in all families. */
export const decoderFields = {
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  hidden_act: z.literal('silu').default('silu'),
  max_position_embeddings: size,
  rms_norm_eps: z.number().positive().max(1).default(1e-6),
  ...ropeFields,
  attention_bias: only(false, 'attention with bias').default(false),
  tie_word_embeddings: z.boolean().optional(),
  ...endFields,
};

export type EndFile = z.infer<typeof generationSchema>;

/** End and padding tokens of the first file that names them. */
export function tokensOf(...files: readonly EndFile[]): TokenIds {
  const eos = files.map(({ eos_token_id }) => eos_token_id).find(isThere) ?? [];
  const list = typeof eos === 'number' ? [eos] : eos;
  const pad = files.map(({ pad_token_id }) => pad_token_id).find(isThere);
  // Padding is never attended to, so that any token serves.
  return { eos: list, pad: pad ?? list[0] ?? 0 };
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}
