/** The way back from {@link ModelConfig} to the files that transformers 5, transformers 4 and vLLM read. */
import type { ModelConfig } from '../config.ts';

export type ConfigFiles = {
  readonly 'config.json': Readonly<Record<string, unknown>>;
  readonly 'generation_config.json': Readonly<Record<string, unknown>>;
};

/**
 * JSON objects of both files. Rotary settings are written twice, as `rope_parameters` (transformers 5)
 * and as `rope_theta` + `rope_scaling` (before), because each reader ignores the other's keys.
 */
export function writeConfig({ text, vision, tokens }: ModelConfig): ConfigFiles {
  const layout = { mrope_interleaved: true, mrope_section: text.mropeSection };
  return {
    'config.json': {
      architectures: ['Qwen3VLForConditionalGeneration'],
      model_type: 'qwen3_vl',
      dtype: 'float32',
      image_token_id: tokens.image,
      video_token_id: tokens.video,
      vision_start_token_id: tokens.visionStart,
      vision_end_token_id: tokens.visionEnd,
      tie_word_embeddings: text.tieWordEmbeddings,
      text_config: {
        model_type: 'qwen3_vl_text',
        vocab_size: text.vocabSize,
        hidden_size: text.hiddenSize,
        intermediate_size: text.intermediateSize,
        num_hidden_layers: text.layers,
        num_attention_heads: text.heads,
        num_key_value_heads: text.kvHeads,
        head_dim: text.headDim,
        hidden_act: 'silu',
        rms_norm_eps: text.rmsNormEps,
        max_position_embeddings: text.maxPositions,
        attention_bias: false,
        attention_dropout: 0,
        tie_word_embeddings: text.tieWordEmbeddings,
        rope_theta: text.ropeTheta,
        rope_scaling: { rope_type: 'default', ...layout },
        rope_parameters: { rope_type: 'default', rope_theta: text.ropeTheta, ...layout },
        ...(tokens.eos[0] === undefined ? {} : { eos_token_id: tokens.eos[0] }),
      },
      vision_config: {
        model_type: 'qwen3_vl_vision',
        depth: vision.depth,
        hidden_size: vision.hiddenSize,
        hidden_act: 'gelu_pytorch_tanh',
        intermediate_size: vision.intermediateSize,
        num_heads: vision.heads,
        in_channels: vision.inChannels,
        patch_size: vision.patchSize,
        temporal_patch_size: vision.temporalPatchSize,
        spatial_merge_size: vision.spatialMergeSize,
        out_hidden_size: vision.outHiddenSize,
        num_position_embeddings: vision.positions,
        deepstack_visual_indexes: vision.deepstackLayers,
        rope_parameters: { rope_type: 'axial', rope_theta: vision.ropeTheta },
      },
    },
    'generation_config.json': {
      ...(tokens.eos.length > 0 ? { eos_token_id: tokens.eos } : {}),
      pad_token_id: tokens.pad,
    },
  };
}
