/** The workloads: W, the yardstick of the engine, and an iteration of the quickstart. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rngFromKey } from '../src/core/rng.ts';
import type { Engine } from '../src/engine/engine.ts';
import { openLocalEngine } from '../src/engine/local/local-engine.ts';
import { createModel } from '../src/engine/local/model-directory.ts';
import type { ModelConfig } from '../src/model/config.ts';
import { newModelFiles } from '../src/model/files/new-model-files.ts';
import type { Prompt } from '../src/model/prompt.ts';
import { trainTokenizer } from '../src/model/text/train-tokenizer.ts';

/** 8 prompts × 8 completions, 256 and 64 tokens: full-parameter, float32. */
export const shape = { prompts: 8, completions: 8, promptTokens: 256, completionTokens: 64 };

const text = {
  hiddenSize: 384,
  intermediateSize: 1152,
  layers: 10,
  heads: 6,
  kvHeads: 2,
  headDim: 64,
  rmsNormEps: 1e-6,
  ropeTheta: 10_000,
  ropeScaling: undefined,
  mrope: { layout: 'interleaved', section: [12, 10, 10] } as const,
  attentionBias: false,
  queryKeyNorm: true,
  prefix: 'model.language_model.',
  maxPositions: 1024,
  tieWordEmbeddings: true,
};

export type WorkloadW = {
  readonly shared: Engine;
  /** The same weights without prompt sharing. */
  readonly unshared: Engine;
  readonly prompts: readonly Prompt[];
  readonly vocabulary: number;
  readonly close: () => Promise<void>;
};

/** About 18M parameters of text decoder; prompts are random tokens. */
export async function openW(): Promise<WorkloadW> {
  const directory = await mkdtemp(join(tmpdir(), 'medix-bench-'));
  const rng = rngFromKey('bench corpus');
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const word = () =>
    Array.from({ length: 3 + rng.integer(6) }, () => letters[rng.integer(letters.length)]).join('');
  const tokenizer = trainTokenizer([Array.from({ length: 20_000 }, word).join(' ')], 2048);
  const ids = tokenizer.specialIds;
  const config = {
    family: 'qwen3_vl',
    text: { ...text, vocabSize: tokenizer.vocabSize },
    // W is a text workload; the tower only has to exist.
    vision: {
      tower: 'table',
      depth: 1,
      hiddenSize: 32,
      intermediateSize: 32,
      heads: 2,
      inChannels: 3,
      patchSize: 8,
      temporalPatchSize: 2,
      spatialMergeSize: 2,
      outHiddenSize: text.hiddenSize,
      positions: 16,
      ropeTheta: 10_000,
      deepstackLayers: [],
      tokens: {
        image: ids['<|image_pad|>'],
        video: ids['<|video_pad|>'],
        start: ids['<|vision_start|>'],
        end: ids['<|vision_end|>'],
      },
    },
    tokens: { eos: [ids['<|im_end|>']], pad: ids['<|endoftext|>'] },
  } as const satisfies ModelConfig;
  await createModel(directory, config, newModelFiles(config, tokenizer, bounds), 1);
  const [shared, unshared] = [
    await openLocalEngine(directory),
    await openLocalEngine(directory, { limits: { sharePrompts: false } }),
  ];
  const prompts = Array.from({ length: shape.prompts }, () => ({
    tokens: Int32Array.from({ length: shape.promptTokens }, () =>
      rng.integer(ids['<|endoftext|>']),
    ),
    images: [],
  }));
  return {
    shared,
    unshared,
    prompts,
    vocabulary: tokenizer.vocabSize,
    close: async () => {
      await shared.close();
      await unshared.close();
      await rm(directory, { recursive: true });
    },
  };
}

const bounds = { minPixels: 4096, maxPixels: 4096 };

/**
 * Floating-point operations of one update pass over W, forward and backward, every distinct token once:
 * 6 per weight and token in the layers; 12 · heads · headDim per layer for each pair of a query and a key
 * it sees (scores and mixing); 6 per embedding weight for each predicted token.
 */
export function updateFlops(vocabulary: number): number {
  const { prompts: P, completions: G, promptTokens: S, completionTokens } = shape;
  const C = completionTokens - 1;
  const { hiddenSize: D, heads, kvHeads, headDim, intermediateSize: F, layers } = text;
  const layerWeights = 2 * D * heads * headDim + 2 * D * kvHeads * headDim + 3 * D * F;
  const tokens = P * (S + G * C);
  const pairs = P * ((S * (S + 1)) / 2 + G * (C * S + (C * (C + 1)) / 2));
  return (
    6 * layers * layerWeights * tokens +
    12 * layers * heads * headDim * pairs +
    6 * D * vocabulary * P * G * completionTokens
  );
}
