/**
 * Dense Qwen2.5-VL (arXiv 2502.13923). Source of the facts: transformers `models/qwen2_5_vl`.
 *
 * Two layouts are read: that of the published checkpoints, with the decoder's keys beside `vision_config`, and
 * that of transformers 5, with a `text_config`. Images alone are computed, so that what concerns videos
 * (`tokens_per_second`) changes nothing.
 */
import { z } from 'zod';
import { invariant } from '../../core/errors.ts';
import { parseModelFile } from '../files/model-files.ts';
import type { ModelConfig, TextConfig, WindowedTower } from '../geometry.ts';
import {
  decoderFields,
  endFields,
  layerCount,
  only,
  ropeFields,
  size,
  tokensOf,
} from './config-fields.ts';
import { writeDecoder } from './decoder-keys.ts';
import { broken, type Family, type ShapeProblem } from './family.ts';
import { fewFrames, fewPatches, patchSide } from './patch-sizes.ts';
import { refuseRope, ropeOf } from './rope.ts';
import {
  imageTokenFields,
  imageTokensOf,
  visionProblems,
  visionRopeTheta,
  writeImageTokens,
  writeTower,
} from './vision-keys.ts';

const architecture = 'Qwen2_5_VLForConditionalGeneration';

const textConfig = z.object({
  ...decoderFields,
  rms_norm_eps: decoderFields.rms_norm_eps.unwrap().default(1e-5),
  use_sliding_window: only(false, 'attention over a sliding window').nullish(),
  layer_types: z.array(only('full_attention', 'another attention')).max(1024).nullish(),
});

const visionConfig = z.object({
  depth: layerCount,
  hidden_size: size,
  hidden_act: z.literal('silu').default('silu'),
  intermediate_size: size,
  num_heads: size,
  in_channels: z.literal(3).optional(),
  in_chans: z.literal(3).optional(),
  patch_size: patchSide,
  temporal_patch_size: fewFrames.default(2),
  spatial_merge_size: fewPatches.default(2),
  out_hidden_size: size,
  window_size: size.default(112),
  fullatt_block_indexes: z.array(z.int().nonnegative()).max(1024).default([7, 15, 23, 31]),
  rope_parameters: ropeFields.rope_parameters,
});

const outerFields = {
  architectures: z.tuple([z.literal(architecture)]),
  model_type: z.literal('qwen2_5_vl'),
  vision_config: visionConfig,
  ...imageTokenFields,
};

const nestedSchema = z.object({
  ...outerFields,
  text_config: textConfig,
  tie_word_embeddings: z.boolean().optional(),
  ...endFields,
});

const flatSchema = z.object({ ...outerFields, ...textConfig.shape });

const layoutSchema = z.looseObject({ text_config: z.unknown().optional() });

export const qwen2_5Vl: Family = {
  what: 'Qwen2.5-VL',
  architecture,
  read: (files, where, generation) => {
    const { text_config: nested } = parseModelFile(files, 'config.json', layoutSchema, where);
    const isNested = nested !== undefined && nested !== null;
    const file = isNested
      ? parseModelFile(files, 'config.json', nestedSchema, where)
      : parseModelFile(files, 'config.json', flatSchema, where);
    const text = 'text_config' in file ? file.text_config : file;
    // As in `transformers`: older writers have the key in the text part alone.
    const isTied = (file.tie_word_embeddings || text.tie_word_embeddings) ?? false;
    return {
      family: 'qwen2_5_vl',
      text: textOf(text, isTied, isNested ? `${where}: text_config` : where),
      vision: visionOf(file),
      tokens: tokensOf(generation, file, text),
    };
  },
  problemsOf,
  write,
};

function textOf(text: z.infer<typeof textConfig>, isTied: boolean, where: string): TextConfig {
  const rope = ropeOf(text);
  if (rope.kind !== 'default' && rope.kind !== 'mrope') {
    refuseRope(`${where}: rope_scaling`, "'default' or 'mrope'", rope.kind);
  }
  return {
    vocabSize: text.vocab_size,
    hiddenSize: text.hidden_size,
    intermediateSize: text.intermediate_size,
    layers: text.num_hidden_layers,
    heads: text.num_attention_heads,
    kvHeads: text.num_key_value_heads ?? text.num_attention_heads,
    headDim: text.hidden_size / text.num_attention_heads,
    rmsNormEps: text.rms_norm_eps,
    ropeTheta: rope.rope_theta ?? 1_000_000,
    ropeScaling: undefined,
    mrope: { layout: 'sections', section: rope.mrope_section ?? [16, 24, 24] },
    maxPositions: text.max_position_embeddings,
    tieWordEmbeddings: isTied,
    attentionBias: true,
    queryKeyNorm: false,
    prefix: 'model.language_model.',
  };
}

function visionOf(file: z.infer<typeof nestedSchema> | z.infer<typeof flatSchema>): WindowedTower {
  const vision = file.vision_config;
  const { patch_size: patchSize, spatial_merge_size: merge } = vision;
  return {
    tower: 'windowed',
    tokens: imageTokensOf(file),
    depth: vision.depth,
    hiddenSize: vision.hidden_size,
    intermediateSize: vision.intermediate_size,
    heads: vision.num_heads,
    inChannels: 3,
    patchSize,
    temporalPatchSize: vision.temporal_patch_size,
    spatialMergeSize: merge,
    outHiddenSize: vision.out_hidden_size,
    ropeTheta: vision.rope_parameters?.rope_theta ?? visionRopeTheta,
    windowSide: Math.floor(Math.floor(vision.window_size / merge) / patchSize),
    fullAttentionBlocks: vision.fullatt_block_indexes,
    deepstackLayers: [],
  };
}

function problemsOf(config: ModelConfig): readonly ShapeProblem[] {
  const vision = windowedOf(config);
  const block = vision.patchSize * vision.spatialMergeSize;
  // Its patches are counted in each pass; one of a million blocks would fill any memory.
  const largest = 64;
  return [
    ...visionProblems(config, vision),
    ...broken([
      [
        vision.windowSide >= 1 && vision.windowSide <= largest,
        'vision_config.window_size',
        `pixels of 1 to ${largest} merged blocks of ${block}`,
        `${vision.windowSide} merged blocks`,
      ],
    ]),
  ];
}

/** In both layouts at once: readers of the one pass over the keys of the other. */
function write(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { text, tokens } = config;
  const vision = windowedOf(config);
  // Not keys of this family.
  const { head_dim: _, attention_bias: __, ...sizes } = writeDecoder(text);
  const decoder = {
    ...sizes,
    // Where the key is absent, `transformers` takes that of the published checkpoints.
    bos_token_id: null,
    use_sliding_window: false,
    ...(tokens.eos[0] === undefined ? {} : { eos_token_id: tokens.eos[0] }),
  };
  return {
    ...writeImageTokens(vision.tokens),
    ...decoder,
    text_config: { model_type: 'qwen2_5_vl_text', ...decoder },
    vision_config: {
      model_type: 'qwen2_5_vl_vision',
      ...writeTower(vision),
      in_chans: vision.inChannels,
      hidden_act: 'silu',
      window_size: vision.windowSide * vision.patchSize * vision.spatialMergeSize,
      fullatt_block_indexes: vision.fullAttentionBlocks,
    },
  };
}

function windowedOf({ vision }: ModelConfig): WindowedTower {
  invariant(vision?.tower === 'windowed', 'a Qwen2.5-VL has a windowed vision tower');
  return vision;
}
