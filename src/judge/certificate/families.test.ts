import { expect, it } from 'vitest';
import { sameFamily } from './families.ts';

it.each([
  ['Qwen/Qwen3-4B-Instruct-2507', ['MBZUAI/MediX-R1-8B'], 'qwen'],
  ['qwen3:4b', ['runs/mine/model', 'Qwen3VLForConditionalGeneration'], 'qwen'],
  ['google/gemma-3-27b-it', ['google/medgemma-4b-it'], 'gemma'],
  ['meta-llama/Llama-3.1-8B-Instruct', ['LlamaForCausalLM'], 'llama'],
  ['mistralai/Mixtral-8x7B', ['llava-v1.6-mistral-7b'], 'mistral'],
  ['microsoft/phi-4', ['Phi-3.5-vision'], 'phi'],
  ['/models/smollm2-135m-instruct.gguf', ['HuggingFaceTB/SmolVLM-256M'], 'smollm'],
  ['deepseek-r1-distill-qwen-7b', ['Qwen2.5-VL-3B'], 'qwen'],
  ['gpt-4o-mini', ['openai/gpt-oss-20b'], 'gpt'],
  ['claude-sonnet-4-5', ['anthropic/claude-3-haiku'], 'claude'],
])('%s is of the family of %s', (judge, policy, family) => {
  expect(sameFamily(judge, ...policy)).toBe(family);
});

it.each([
  ['Qwen/Qwen3-4B-Instruct-2507', ['google/medgemma-4b-it', 'Gemma3ForConditionalGeneration']],
  ['gpt-4o', ['FreedomIntelligence/HuatuoGPT-Vision-7B']],
  ['/opt/llama.cpp/models/gemma-3-4b.gguf', ['meta-llama/Llama-3.2-11B-Vision']],
  ['reference-match', ['Qwen3-VL-8B']],
  ['dolphin', ['phi-4']],
  ['my-judge', ['my-model']],
])('%s is of another family than %s, or unknown', (judge, policy) => {
  expect(sameFamily(judge, ...policy)).toBeUndefined();
});
