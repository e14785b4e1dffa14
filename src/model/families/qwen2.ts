/** Dense Qwen2 and Qwen2.5 (arXiv 2407.10671, 2412.15115). Source of the facts: transformers `models/qwen2`. */
import { plainDecoder } from './plain-decoder.ts';

export const qwen2 = plainDecoder({
  name: 'qwen2',
  what: 'Qwen2, Qwen2.5',
  architecture: 'Qwen2ForCausalLM',
  attentionBias: true,
  queryKeyNorm: false,
});
