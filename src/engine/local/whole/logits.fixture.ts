/** Test support: what a network computes before anything is made of it. */
import type { ModelConfig } from '../../../model/config.ts';
import { promptAttention } from '../../../model/decoder/attention.ts';
import { decoderGraph, vocabularyLogits } from '../../../model/decoder/decoder-graph.ts';
import { parameterNodes, plainWeights } from '../../../model/network-weights.ts';
import type { Prompt } from '../../../model/prompt.ts';
import { visionGraph } from '../../../model/vision/vision-graph.ts';
import { dimMultiply } from '../../../tensor/dim.ts';
import { Program, type Values } from '../../../tensor/program.ts';
import { prefillBatch } from '../batch.ts';
import { visionInputs } from '../vision-batch.ts';

/** Logits [S, V] after each token of a prompt. */
export async function logitsOf(
  prompt: Prompt,
  config: ModelConfig,
  weights: Values,
): Promise<Float32Array> {
  const plain = plainWeights(parameterNodes(config));
  const { vision: images } = config;
  const tower = images && prompt.images.length > 0 ? visionGraph(images, plain) : undefined;
  const attend = promptAttention(config.text);
  const { hidden } = decoderGraph(config.text, dimMultiply('P', 'S'), plain, attend, tower);
  const program = await Program.compile({ logits: vocabularyLogits(hidden, config.text, plain) });
  const batch = prefillBatch([prompt], config);
  const vision = visionInputs(batch.prompts, batch.tokens, batch.tokens, config);
  const values = { ...weights, ...batch.values, ...vision?.values };
  const logits = new Float32Array(prompt.tokens.length * config.text.vocabSize);
  await program.run(values, { logits }, { ...batch.bindings, ...vision?.bindings });
  await program.dispose();
  return logits;
}
