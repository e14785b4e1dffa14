/** Dense Qwen3 (arXiv 2505.09388). Source of the facts: transformers `models/qwen3`. */
import { plainDecoder } from './plain-decoder.ts';

export const qwen3 = plainDecoder({
  name: 'qwen3',
  what: 'dense Qwen3',
  architecture: 'Qwen3ForCausalLM',
  headDim: 128,
  attentionBias: false,
  queryKeyNorm: true,
});
