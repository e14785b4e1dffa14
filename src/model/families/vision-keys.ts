/** Keys of config.json that all families with a vision tower have, and what holds for their towers. */
import type { ImageTokens, ModelConfig, VisionConfig } from '../geometry.ts';
import { tokenId } from './config-fields.ts';
import { broken, type ShapeProblem } from './family.ts';

export const imageTokenFields = {
  image_token_id: tokenId,
  video_token_id: tokenId,
  vision_start_token_id: tokenId,
  vision_end_token_id: tokenId,
};

type ImageTokenFile = { readonly [Key in keyof typeof imageTokenFields]: number };

export function imageTokensOf(file: ImageTokenFile): ImageTokens {
  return {
    image: file.image_token_id,
    video: file.video_token_id,
    start: file.vision_start_token_id,
    end: file.vision_end_token_id,
  };
}

export function writeImageTokens({ image, video, start, end }: ImageTokens): ImageTokenFile {
  return {
    image_token_id: image,
    video_token_id: video,
    vision_start_token_id: start,
    vision_end_token_id: end,
  };
}

/** Theta of the vision tower's rotary tables; public checkpoints do not write it. */
export const visionRopeTheta = 10_000;

/** Keys of the vision part that all towers name alike. */
export function writeTower(vision: VisionConfig): Readonly<Record<string, unknown>> {
  return {
    depth: vision.depth,
    hidden_size: vision.hiddenSize,
    intermediate_size: vision.intermediateSize,
    num_heads: vision.heads,
    in_channels: vision.inChannels,
    patch_size: vision.patchSize,
    temporal_patch_size: vision.temporalPatchSize,
    spatial_merge_size: vision.spatialMergeSize,
    out_hidden_size: vision.outHiddenSize,
    rope_parameters: { rope_type: 'axial', rope_theta: vision.ropeTheta },
  };
}

/** Sizes of decoder and tower that contradict each other. */
export function visionProblems(
  { text }: ModelConfig,
  vision: VisionConfig,
): readonly ShapeProblem[] {
  const { image, video, start, end } = vision.tokens;
  const sections = text.mrope?.section ?? [];
  const largest = Math.max(image, video, start, end);
  return broken([
    [
      sections.reduce((sum, part) => sum + part, 0) === text.headDim / 2,
      'text_config.rope_parameters.mrope_section',
      `sections that sum to head_dim / 2 = ${text.headDim / 2}`,
      `[${sections.join(', ')}]`,
    ],
    [
      (vision.hiddenSize / vision.heads) % 4 === 0,
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
      largest < text.vocabSize,
      'image_token_id, …',
      `token ids below the vocabulary size ${text.vocabSize}`,
      `${largest}`,
    ],
  ]);
}
