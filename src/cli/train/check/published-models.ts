/**
 * Sizes of the models that MediX-R1 (arXiv 2602.23363) starts from, so that a plan can be made without a hub. Source:
 * the `config.json` that each was published with, reduced to what a plan needs.
 */
import { type ModelConfig, parseModelConfig } from '../../../model/config.ts';

const placeholders = {
  image_token_id: 151_655,
  video_token_id: 151_656,
  vision_start_token_id: 151_652,
  vision_end_token_id: 151_653,
};
const ends = { eos_token_id: 151_645, pad_token_id: 151_643 };

const qwen3Vl = (tied: boolean, text: object, vision: object) => ({
  architectures: ['Qwen3VLForConditionalGeneration'],
  model_type: 'qwen3_vl',
  ...placeholders,
  tie_word_embeddings: tied,
  text_config: {
    vocab_size: 151_936,
    num_key_value_heads: 8,
    head_dim: 128,
    max_position_embeddings: 262_144,
    ...ends,
    rope_theta: 5e6,
    rope_scaling: { rope_type: 'default', mrope_section: [24, 20, 20] },
    ...text,
  },
  vision_config: { num_heads: 16, patch_size: 16, num_position_embeddings: 2304, ...vision },
});

const published: Readonly<Record<string, object>> = {
  'Qwen/Qwen3-VL-2B-Instruct': qwen3Vl(
    true,
    {
      hidden_size: 2048,
      intermediate_size: 6144,
      num_hidden_layers: 28,
      num_attention_heads: 16,
    },
    {
      depth: 24,
      hidden_size: 1024,
      intermediate_size: 4096,
      out_hidden_size: 2048,
      deepstack_visual_indexes: [5, 11, 17],
    },
  ),
  'Qwen/Qwen3-VL-8B-Instruct': qwen3Vl(
    false,
    {
      hidden_size: 4096,
      intermediate_size: 12_288,
      num_hidden_layers: 36,
      num_attention_heads: 32,
    },
    {
      depth: 27,
      hidden_size: 1152,
      intermediate_size: 4304,
      out_hidden_size: 4096,
      deepstack_visual_indexes: [8, 16, 24],
    },
  ),
  'Qwen/Qwen2.5-VL-7B-Instruct': {
    architectures: ['Qwen2_5_VLForConditionalGeneration'],
    model_type: 'qwen2_5_vl',
    ...placeholders,
    ...ends,
    tie_word_embeddings: false,
    vocab_size: 152_064,
    hidden_size: 3584,
    intermediate_size: 18_944,
    num_hidden_layers: 28,
    num_attention_heads: 28,
    num_key_value_heads: 4,
    max_position_embeddings: 128_000,
    rope_theta: 1e6,
    rope_scaling: { type: 'mrope', mrope_section: [16, 24, 24] },
    vision_config: {
      depth: 32,
      hidden_size: 1280,
      intermediate_size: 3420,
      num_heads: 16,
      patch_size: 14,
      out_hidden_size: 3584,
    },
  },
  // Mixtures of experts are refused by their name, so that their sizes are of no use.
  'Qwen/Qwen3-VL-30B-A3B-Instruct': { model_type: 'qwen3_vl_moe' },
  'Qwen/Qwen3-VL-30B-A3B-Thinking': { model_type: 'qwen3_vl_moe' },
};

/**
 * @param model as a config names it, with or without a revision
 * @returns undefined for models that are not known here
 * @throws MedixError 'model' where the model is one that is not computed here
 */
export function publishedModel(model: string): ModelConfig | undefined {
  const [id = ''] = model.split('@');
  const found = Object.hasOwn(published, id) ? published[id] : undefined;
  return found && parseModelConfig({ 'config.json': JSON.stringify(found) }, id);
}
