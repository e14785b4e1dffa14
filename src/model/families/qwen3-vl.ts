/** Dense Qwen3-VL (arXiv 2511.21631). Source of the facts: transformers `models/qwen3_vl`. */
import { z } from 'zod';
import { invariant } from '../../core/errors.ts';
import { parseModelFile } from '../files/model-files.ts';
import type { ModelConfig, TableTower, TextConfig } from '../geometry.ts';
import {
  decoderFields,
  endFields,
  layerCount,
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

const architecture = 'Qwen3VLForConditionalGeneration';

const visionConfig = z.object({
  depth: layerCount,
  hidden_size: size,
  hidden_act: z.literal('gelu_pytorch_tanh').default('gelu_pytorch_tanh'),
  intermediate_size: size,
  num_heads: size,
  in_channels: z.literal(3).default(3),
  patch_size: patchSide,
  temporal_patch_size: fewFrames.default(2),
  spatial_merge_size: fewPatches.default(2),
  out_hidden_size: size,
  num_position_embeddings: size,
  deepstack_visual_indexes: z.array(z.int().nonnegative()).max(1024),
  rope_parameters: ropeFields.rope_parameters,
});

const configSchema = z.object({
  architectures: z.tuple([z.literal(architecture)]),
  model_type: z.literal('qwen3_vl'),
  text_config: z.object({ ...decoderFields, head_dim: size.default(128) }),
  vision_config: visionConfig,
  ...imageTokenFields,
  tie_word_embeddings: z.boolean().optional(),
  ...endFields,
});
type ConfigFile = z.infer<typeof configSchema>;

export const qwen3Vl: Family = {
  what: 'dense Qwen3-VL',
  architecture,
  read: (files, where, generation) => {
    const file = parseModelFile(files, 'config.json', configSchema, where);
    return {
      family: 'qwen3_vl',
      text: textOf(file, where),
      vision: visionOf(file),
      tokens: tokensOf(generation, file, file.text_config),
    };
  },
  problemsOf,
  write,
};

function textOf(file: ConfigFile, where: string): TextConfig {
  const text = file.text_config;
  const rope = ropeOf(text);
  // Checkpoints of Qwen2-VL's time name the plain rotary embedding by its section layout.
  if (rope.kind !== 'default' && rope.kind !== 'mrope') {
    refuseRope(`${where}: text_config.rope_parameters`, "'default'", rope.kind);
  }
  return {
    vocabSize: text.vocab_size,
    hiddenSize: text.hidden_size,
    intermediateSize: text.intermediate_size,
    layers: text.num_hidden_layers,
    heads: text.num_attention_heads,
    kvHeads: text.num_key_value_heads ?? text.num_attention_heads,
    headDim: text.head_dim,
    rmsNormEps: text.rms_norm_eps,
    ropeTheta: rope.rope_theta ?? 500_000,
    ropeScaling: undefined,
    mrope: { layout: 'interleaved', section: rope.mrope_section ?? [24, 20, 20] },
    maxPositions: text.max_position_embeddings,
    tieWordEmbeddings: file.tie_word_embeddings ?? text.tie_word_embeddings ?? false,
    attentionBias: false,
    queryKeyNorm: true,
    prefix: 'model.language_model.',
  };
}

function visionOf(file: ConfigFile): TableTower {
  const vision = file.vision_config;
  return {
    tower: 'table',
    tokens: imageTokensOf(file),
    depth: vision.depth,
    hiddenSize: vision.hidden_size,
    intermediateSize: vision.intermediate_size,
    heads: vision.num_heads,
    inChannels: vision.in_channels,
    patchSize: vision.patch_size,
    temporalPatchSize: vision.temporal_patch_size,
    spatialMergeSize: vision.spatial_merge_size,
    outHiddenSize: vision.out_hidden_size,
    positions: vision.num_position_embeddings,
    ropeTheta: vision.rope_parameters?.rope_theta ?? visionRopeTheta,
    deepstackLayers: vision.deepstack_visual_indexes,
  };
}

function problemsOf(config: ModelConfig): readonly ShapeProblem[] {
  const { layers } = config.text;
  const vision = towerOf(config);
  const { deepstackLayers: deepstack } = vision;
  return [
    ...visionProblems(config, vision),
    ...broken([
      [
        Number.isInteger(Math.sqrt(vision.positions)),
        'vision_config.num_position_embeddings',
        'a square number',
        `${vision.positions}`,
      ],
      [
        deepstack.length <= layers &&
          deepstack.every((layer, i) => layer < vision.depth && layer > (deepstack[i - 1] ?? -1)),
        'vision_config.deepstack_visual_indexes',
        `at most ${layers} ascending layers below ${vision.depth}`,
        `[${deepstack.join(', ')}]`,
      ],
    ]),
  ];
}

function write(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { text, tokens } = config;
  const vision = towerOf(config);
  return {
    ...writeImageTokens(vision.tokens),
    tie_word_embeddings: text.tieWordEmbeddings,
    text_config: {
      model_type: 'qwen3_vl_text',
      ...writeDecoder(text),
      ...(tokens.eos[0] === undefined ? {} : { eos_token_id: tokens.eos[0] }),
    },
    vision_config: {
      model_type: 'qwen3_vl_vision',
      ...writeTower(vision),
      hidden_act: 'gelu_pytorch_tanh',
      num_position_embeddings: vision.positions,
      deepstack_visual_indexes: vision.deepstackLayers,
    },
  };
}

function towerOf({ vision }: ModelConfig): TableTower {
  invariant(vision?.tower === 'table', 'the vision tower of a Qwen3-VL has a position table');
  return vision;
}
