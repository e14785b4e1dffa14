import { expect, test } from 'vitest';
import { openWeights } from '../../model/files/weight-names.ts';
import { parameterNodes, plainWeights } from '../../model/network-weights.ts';
import { largestDifference } from '../../model/tiny-model.fixture.ts';
import {
  windowedCases,
  windowedConfig,
  windowedModelDirectory,
  windowedPrompt,
  windowedTensor,
} from '../../model/tiny-qwen2-5-vl.fixture.ts';
import { visionGraph } from '../../model/vision/vision-graph.ts';
import { Program } from '../../tensor/program.ts';
import { imageInputs, imageTokens } from './vision-batch.ts';

const config = await windowedConfig();
const imageCases = windowedCases.filter(({ grids }) => grids.length > 0);

async function towerWeights(): Promise<Record<string, Float32Array>> {
  const store = await openWeights(windowedModelDirectory);
  const views: Record<string, Float32Array> = {};
  for (const name of store.tensors.keys()) {
    if (name.startsWith('model.visual.')) views[name] = await store.read(name);
  }
  await store.close();
  return views;
}

test.each(imageCases)(
  'images of "$name", side by side, have the features of transformers',
  async (windowed) => {
    const { images } = await windowedPrompt(windowed);
    const { embeddings } = visionGraph(config.vision, plainWeights(parameterNodes(config)));
    const program = await Program.compile({ embeddings });
    const { values, bindings } = imageInputs(images, config.vision);
    const width = config.text.hiddenSize;
    const padded = new Float32Array(bindings['I']! * bindings['U']! * width);
    await program.run({ ...(await towerWeights()), ...values }, { embeddings: padded }, bindings);
    await program.dispose();
    const features = images.flatMap((image, i) => {
      const start = i * bindings['U']! * width;
      return [...padded.subarray(start, start + imageTokens(image, config.vision) * width)];
    });
    const expected = await windowedTensor(windowed.name, 'vision_embeddings');
    expect(largestDifference(features, expected)).toBeLessThan(1e-4);
  },
);
