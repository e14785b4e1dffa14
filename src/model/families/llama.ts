/**
 * Llama 3 (arXiv 2407.21783) and what has its architecture, e.g. SmolLM2. Source of the facts: transformers
 * `models/llama`.
 */
import { plainDecoder } from './plain-decoder.ts';

export const llama = plainDecoder({
  name: 'llama',
  what: 'Llama (3, SmolLM2, …)',
  architecture: 'LlamaForCausalLM',
  attentionBias: false,
  queryKeyNorm: false,
});
