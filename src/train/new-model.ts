/** Models made from scratch: geometry by preset, a tokenizer from the data set's texts, random weights. */
import type { SftConfig } from '../config/sft-config.ts';
import type { Message } from '../core/message.ts';
import type { Sample } from '../core/sample.ts';
import { createModel } from '../engine/local/model-directory.ts';
import { newModelFiles } from '../model/files/new-model-files.ts';
import type { ModelConfig, TableTower, TextConfig } from '../model/geometry.ts';
import { trainTokenizer } from '../model/text/train-tokenizer.ts';
import type { SampleSet } from './sample-order.ts';

type NewModel = Exclude<SftConfig['model'], string>;

type Geometry = {
  readonly text: Omit<TextConfig, 'vocabSize'>;
  readonly vision: Omit<TableTower, 'tokens'>;
};

const geometries: Readonly<Record<NewModel['preset'], Geometry>> = {
  /** Small enough to train on two processor cores in minutes. */
  mini: {
    text: {
      hiddenSize: 128,
      intermediateSize: 384,
      layers: 4,
      heads: 4,
      kvHeads: 2,
      headDim: 32,
      rmsNormEps: 1e-6,
      ropeTheta: 10_000,
      ropeScaling: undefined,
      mrope: { layout: 'interleaved', section: [6, 5, 5] },
      maxPositions: 1024,
      tieWordEmbeddings: true,
      attentionBias: false,
      queryKeyNorm: true,
      prefix: 'model.language_model.',
    },
    vision: {
      tower: 'table',
      depth: 3,
      hiddenSize: 96,
      intermediateSize: 256,
      heads: 4,
      inChannels: 3,
      patchSize: 8,
      temporalPatchSize: 2,
      spatialMergeSize: 2,
      outHiddenSize: 128,
      positions: 64,
      ropeTheta: 10_000,
      deepstackLayers: [1],
    },
  },
};

/** Rows whose texts train the tokenizer; more change nothing that matters. */
const tokenizerRows = 2000;

/**
 * Writes a new model in Hugging Face layout.
 * @param render prompt of a sample, whose text the tokenizer learns beside the demonstrations.
 */
export async function makeModel(
  directory: string,
  { preset, imageSize, vocabularySize }: NewModel,
  samples: SampleSet,
  render: (sample: Sample) => readonly Message[],
  seed: number,
): Promise<void> {
  const { text, vision } = geometries[preset];
  const tokenizer = trainTokenizer(await textsOf(samples, render), vocabularySize);
  const ids = tokenizer.specialIds;
  const config = {
    family: 'qwen3_vl',
    text: { ...text, vocabSize: tokenizer.vocabSize },
    vision: {
      ...vision,
      tokens: {
        image: ids['<|image_pad|>'],
        video: ids['<|video_pad|>'],
        start: ids['<|vision_start|>'],
        end: ids['<|vision_end|>'],
      },
    },
    tokens: { eos: [ids['<|im_end|>'], ids['<|endoftext|>']], pad: ids['<|endoftext|>'] },
  } as const satisfies ModelConfig;
  const pixels = imageSize * imageSize;
  const files = newModelFiles(config, tokenizer, { minPixels: pixels, maxPixels: pixels });
  await createModel(directory, config, files, seed);
}

async function textsOf(
  samples: SampleSet,
  render: (sample: Sample) => readonly Message[],
): Promise<string[]> {
  const texts: string[] = [];
  for (let row = 0; row < Math.min(samples.size, tokenizerRows); row++) {
    const sample = await samples.at(row);
    for (const { content } of render(sample)) {
      for (const part of content) if (part.type === 'text') texts.push(part.text);
    }
    if (sample.demonstration !== undefined) texts.push(sample.demonstration);
  }
  return texts;
}
