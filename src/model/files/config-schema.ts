/**
 * What a Qwen3-VL `config.json` and `generation_config.json` may hold. Two generations of keys are
 * read: `rope_theta` + `rope_scaling` of public checkpoints, and `rope_parameters` of transformers 5.
 * Keys that do not change what is computed here (dropout, initialisation, dtype) are passed over.
 */
import { z } from 'zod';

/** Far above every model there is; sizes are compared with the weights before memory is taken for them. */
const size = z
  .int()
  .positive()
  .max(2 ** 24);
const layerCount = z.int().positive().max(1024);
/** Bounds of the memory of one image token. */
export const patchSide = z.int().positive().max(128);
export const fewFrames = z.int().positive().max(8);
export const fewPatches = z.int().positive().max(8);
const tokenId = z.int().nonnegative();

const rope = z
  .object({
    rope_type: z.string().optional(),
    type: z.string().optional(),
    rope_theta: z.number().positive().optional(),
    mrope_section: z.tuple([size, size, size]).optional(),
  })
  .nullish();

const textConfig = z.object({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.default(128),
  hidden_act: z.literal('silu').default('silu'),
  max_position_embeddings: size,
  rms_norm_eps: z.number().positive().max(1).default(1e-6),
  rope_theta: z.number().positive().optional(),
  rope_scaling: rope,
  rope_parameters: rope,
  attention_bias: z
    .literal(false, {
      error:
        'false, as in published Qwen3-VL checkpoints: attention with bias is not computed here',
    })
    .default(false),
  tie_word_embeddings: z.boolean().optional(),
  eos_token_id: z.union([tokenId, z.array(tokenId).min(1)]).nullish(),
  pad_token_id: tokenId.nullish(),
});

const visionConfig = z.object({
  depth: layerCount,
  hidden_size: size,
  hidden_act: z.literal('gelu_pytorch_tanh').default('gelu_pytorch_tanh'),
  intermediate_size: size,
  num_heads: size,
  in_channels: z.literal(3).default(3),
  patch_size: patchSide,
  temporal_patch_size: fewFrames.default(2),
  spatial_merge_size: fewPatches.default(2),
  out_hidden_size: size,
  num_position_embeddings: size,
  deepstack_visual_indexes: z.array(z.int().nonnegative()).max(1024),
  rope_parameters: rope,
});

/** What tells the architecture of any model's `config.json`. */
export const familySchema = z.looseObject({ model_type: z.unknown() });

/** `config.json`. */
export const configSchema = z.object({
  architectures: z.tuple([z.literal('Qwen3VLForConditionalGeneration')]),
  model_type: z.literal('qwen3_vl'),
  text_config: textConfig,
  vision_config: visionConfig,
  image_token_id: tokenId,
  video_token_id: tokenId,
  vision_start_token_id: tokenId,
  vision_end_token_id: tokenId,
  tie_word_embeddings: z.boolean().optional(),
  eos_token_id: z.union([tokenId, z.array(tokenId).min(1)]).nullish(),
  pad_token_id: tokenId.nullish(),
});

/** `generation_config.json`. */
export const generationSchema = z.object({
  eos_token_id: z.union([tokenId, z.array(tokenId).min(1)]).nullish(),
  pad_token_id: tokenId.nullish(),
});

export type ConfigFile = z.infer<typeof configSchema>;
export type GenerationFile = z.infer<typeof generationSchema>;
