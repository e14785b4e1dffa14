/** What the network, the positions and the processor need to know of a model, whatever its family. */

/** Families whose networks are computed here, by the `model_type` of their config.json. */
export type FamilyName = 'qwen3_vl' | 'qwen2_5_vl' | 'qwen3' | 'qwen2' | 'llama';

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
  /** Undefined where rotary frequencies are those of `ropeTheta` alone. */
  readonly ropeScaling: RopeScaling | undefined;
  /** Undefined where rotary angles follow one position; images need three. */
  readonly mrope: Mrope | undefined;
  readonly maxPositions: number;
  readonly tieWordEmbeddings: boolean;
  /** Of the projections to queries, keys and values. */
  readonly attentionBias: boolean;
  /** Whether queries and keys pass an RMSNorm of their own, head by head. */
  readonly queryKeyNorm: boolean;
  /** Before the names of the decoder's parameters, e.g. `model.`; that of an untied head is without. */
  readonly prefix: string;
};

/** As of Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between blended. */
export type RopeScaling = {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalMaxPositions: number;
};

/** Rotary frequencies that follow time, height and width; the sections' lengths sum to headDim / 2. */
export type Mrope = {
  /** Whether the axes take turns, or each has one stretch of frequencies. */
  readonly layout: 'interleaved' | 'sections';
  readonly section: readonly [number, number, number];
};

export type VisionConfig = TableTower | WindowedTower;

/** Of Qwen3-VL: learned positions, LayerNorm, full attention. */
export type TableTower = TowerSizes & {
  readonly tower: 'table';
  /** Rows of the learned position table, a square number. */
  readonly positions: number;
};

/** Of Qwen2.5-VL: RMSNorm, SwiGLU, attention within windows. */
export type WindowedTower = TowerSizes & {
  readonly tower: 'windowed';
  /** Merged blocks along each side of a window. */
  readonly windowSide: number;
  /** Blocks of the tower in which all patches of an image attend to each other. */
  readonly fullAttentionBlocks: readonly number[];
};

type TowerSizes = {
  readonly tokens: ImageTokens;
  readonly depth: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly inChannels: number;
  readonly patchSize: number;
  readonly temporalPatchSize: number;
  readonly spatialMergeSize: number;
  readonly outHiddenSize: number;
  readonly ropeTheta: number;
  /** Blocks whose output is merged and added after decoder layer 0, 1, …; ascending; none in Qwen2.5-VL. */
  readonly deepstackLayers: readonly number[];
};

/** Ids of the placeholders, and of what stands around them. */
export type ImageTokens = {
  readonly image: number;
  readonly video: number;
  readonly start: number;
  readonly end: number;
};

export type TokenIds = {
  /** Tokens that end a completion, beside the tokenizer's end of turn; empty where no file names one. */
  readonly eos: readonly number[];
  readonly pad: number;
};

export type ModelConfig = {
  readonly family: FamilyName;
  readonly text: TextConfig;
  /** Undefined where the model reads text alone. */
  readonly vision: VisionConfig | undefined;
  readonly tokens: TokenIds;
};
