/**
 * Geometry of a dense Qwen3-VL model, from the files `transformers` writes. Everything the network,
 * the positions and the processor need is in one record; whatever this family cannot compute is
 * refused here, before any weight is read.
 */
import { join } from 'node:path';
import { fail, MedixError, type Problem } from '../core/errors.ts';
import {
  type ConfigFile,
  configSchema,
  familySchema,
  type GenerationFile,
  generationSchema,
} from './files/config-schema.ts';
import { requireModelFolder } from './files/identify.ts';
import { familyOf } from './files/model-families.ts';
import { type ModelFiles, parseModelFile, readFiles } from './files/model-files.ts';

export type TextConfig = {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** Rotary frequencies that follow time, height and width; they sum to headDim / 2. */
  readonly mropeSection: readonly [number, number, number];
  readonly maxPositions: number;
  readonly tieWordEmbeddings: boolean;
};

export type VisionConfig = {
  readonly depth: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly inChannels: number;
  readonly patchSize: number;
  readonly temporalPatchSize: number;
  readonly spatialMergeSize: number;
  readonly outHiddenSize: number;
  /** Rows of the learned position table, a square number. */
  readonly positions: number;
  readonly ropeTheta: number;
  /** Blocks whose output is merged and added after decoder layer 0, 1, …; ascending. */
  readonly deepstackLayers: readonly number[];
};

type TokenIds = {
  readonly image: number;
  readonly video: number;
  readonly visionStart: number;
  readonly visionEnd: number;
  /** Tokens that end a completion, beside the tokenizer's end of turn; empty where no file names one. */
  readonly eos: readonly number[];
  readonly pad: number;
};

export type ModelConfig = {
  readonly text: TextConfig;
  readonly vision: VisionConfig;
  readonly tokens: TokenIds;
};

/** Theta of the vision tower's rotary tables; public checkpoints do not write it. */
const visionRopeTheta = 10_000;

/**
 * Reads `config.json` and, where present, `generation_config.json` of a checkpoint directory. Without the
 * latter, end and padding tokens come from `config.json`.
 *
 * Throws a `model` error when the directory is no model's, a file is not JSON, or describes a model that this
 * family cannot compute.
 */
export async function readModelConfig(directory: string): Promise<ModelConfig> {
  await requireModelFolder(directory);
  const files = await readFiles(directory, ['config.json', 'generation_config.json']);
  return parseModelConfig(files, directory);
}

/** The same from the files' content; `directory` only names them in errors. */
export function parseModelConfig(files: ModelFiles, directory: string): ModelConfig {
  const where = join(directory, 'config.json');
  const generationFile = join(directory, 'generation_config.json');
  requireFamily(files, where);
  const config = parseModelFile(files, 'config.json', configSchema, where);
  const generation =
    'generation_config.json' in files
      ? parseModelFile(files, 'generation_config.json', generationSchema, generationFile)
      : {};
  const result = {
    text: textOf(config, where),
    vision: visionOf(config),
    tokens: tokensOf(config, generation),
  };
  const problems = shapeProblems(result).map((problem) => ({
    ...problem,
    where: `${where}: ${problem.where}`,
    next: 'use a dense Qwen3-VL checkpoint whose files are consistent',
  }));
  if (problems.length > 0) throw new MedixError('model', problems);
  return result;
}

/** Another architecture is told as such, not as a list of the keys it does not have. */
function requireFamily(files: ModelFiles, where: string): void {
  const { model_type: found } = parseModelFile(files, 'config.json', familySchema, where);
  if (found === 'qwen3_vl') return;
  fail('model', {
    where: `${where}: model_type`,
    expected: '"qwen3_vl"',
    got: shownFamily(found),
    next: 'use a dense Qwen3-VL checkpoint; any other model can be evaluated behind a server (model.kind=openai)',
  });
}

function shownFamily(found: unknown): string {
  if (found === undefined) return 'nothing';
  const shown = JSON.stringify(found).slice(0, 100);
  const what = typeof found === 'string' ? familyOf(found) : undefined;
  return what === undefined ? shown : `${shown}, ${what}`;
}

function textOf(file: ConfigFile, where: string): TextConfig {
  const text = file.text_config;
  const rope = { ...text.rope_parameters, ...text.rope_scaling };
  const type = rope.rope_type ?? rope.type ?? 'default';
  // Checkpoints of Qwen2-VL's time name the plain rotary embedding by its section layout.
  if (type !== 'default' && type !== 'mrope') {
    fail('model', {
      where: `${where}: text_config.rope_parameters.rope_type`,
      expected: "'default'",
      got: `'${type}'`,
      next: 'use a checkpoint without position scaling',
    });
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
    ropeTheta: rope.rope_theta ?? text.rope_theta ?? 500_000,
    mropeSection: rope.mrope_section ?? [24, 20, 20],
    maxPositions: text.max_position_embeddings,
    tieWordEmbeddings: file.tie_word_embeddings ?? text.tie_word_embeddings ?? false,
  };
}

function visionOf(file: ConfigFile): VisionConfig {
  const vision = file.vision_config;
  return {
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

function tokensOf(file: ConfigFile, generation: GenerationFile): TokenIds {
  const eos = generation.eos_token_id ?? file.eos_token_id ?? file.text_config.eos_token_id ?? [];
  const list = typeof eos === 'number' ? [eos] : eos;
  const pad = generation.pad_token_id ?? file.pad_token_id ?? file.text_config.pad_token_id;
  return {
    image: file.image_token_id,
    video: file.video_token_id,
    visionStart: file.vision_start_token_id,
    visionEnd: file.vision_end_token_id,
    eos: list,
    // Padding is never attended to, so that any token serves.
    pad: pad ?? list[0] ?? 0,
  };
}

/** Sizes that contradict each other; each would otherwise surface as a wrong shape deep in the graph. */
function shapeProblems({ text, vision, tokens }: ModelConfig): Omit<Problem, 'next'>[] {
  const visionHeadDim = vision.hiddenSize / vision.heads;
  const deepstack = vision.deepstackLayers;
  const sections = text.mropeSection.reduce((sum, part) => sum + part, 0);
  const largest = Math.max(tokens.image, tokens.video, tokens.visionStart, tokens.visionEnd);
  const rules: [boolean, string, string, string][] = [
    [text.headDim % 2 === 0, 'text_config.head_dim', 'an even number', `${text.headDim}`],
    [
      sections === text.headDim / 2,
      'text_config.rope_parameters.mrope_section',
      `sections that sum to head_dim / 2 = ${text.headDim / 2}`,
      `[${text.mropeSection.join(', ')}]`,
    ],
    [
      text.heads % text.kvHeads === 0,
      'text_config.num_key_value_heads',
      `a divisor of ${text.heads} heads`,
      `${text.kvHeads}`,
    ],
    [
      visionHeadDim % 4 === 0,
      'vision_config.num_heads',
      `heads of a multiple of 4 of width ${vision.hiddenSize}`,
      `${vision.heads}`,
    ],
    [
      vision.outHiddenSize === text.hiddenSize,
      'vision_config.out_hidden_size',
      `the text width ${text.hiddenSize}`,
      `${vision.outHiddenSize}`,
    ],
    [
      Number.isInteger(Math.sqrt(vision.positions)),
      'vision_config.num_position_embeddings',
      'a square number',
      `${vision.positions}`,
    ],
    [
      deepstack.length <= text.layers &&
        deepstack.every((layer, i) => layer < vision.depth && layer > (deepstack[i - 1] ?? -1)),
      'vision_config.deepstack_visual_indexes',
      `at most ${text.layers} ascending layers below ${vision.depth}`,
      `[${deepstack.join(', ')}]`,
    ],
    [
      Math.max(largest, tokens.pad, ...tokens.eos) < text.vocabSize,
      'image_token_id, …',
      `token ids below the vocabulary size ${text.vocabSize}`,
      `${Math.max(largest, tokens.pad, ...tokens.eos)}`,
    ],
  ];
  return rules
    .filter(([holds]) => !holds)
    .map(([, where, expected, got]) => ({ where, expected, got }));
}
