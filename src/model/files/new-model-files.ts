/** The processor files of a new model, as `save_pretrained` would have written them. */
import type { ModelConfig, VisionConfig } from '../geometry.ts';
import { defaultChatTemplate } from '../text/chat-template.ts';
import type { TrainedTokenizer } from '../text/train-tokenizer.ts';
import { type ImageSettings, writeImageSettings } from '../vision/image-settings.ts';
import type { ModelFiles } from './model-files.ts';
import { writeConfig } from './write-config.ts';

/**
 * Tokenizer, chat template, image settings and generation defaults of a model that starts from nothing.
 * The patch geometry is the vision tower's; pixels are normalised to −1…1 as in public Qwen3-VL
 * checkpoints. `config.json` is not among the files: it is written with the weights.
 *
 * @param config must carry the token ids of `trained`.
 * @param bounds area of a resized image in pixels.
 */
export function newModelFiles(
  config: ModelConfig & { readonly vision: VisionConfig },
  trained: TrainedTokenizer,
  bounds: Pick<ImageSettings, 'minPixels' | 'maxPixels'>,
): ModelFiles {
  const { vision } = config;
  const preprocessor = writeImageSettings({
    patchSize: vision.patchSize,
    temporalPatchSize: vision.temporalPatchSize,
    mergeSize: vision.spatialMergeSize,
    minPixels: bounds.minPixels,
    maxPixels: bounds.maxPixels,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  });
  return {
    'tokenizer.json': JSON.stringify(trained.tokenizer),
    'tokenizer_config.json': json(trained.config),
    'chat_template.jinja': defaultChatTemplate,
    'preprocessor_config.json': json(preprocessor),
    'video_preprocessor_config.json': json({
      ...preprocessor,
      image_processor_type: undefined,
      video_processor_type: 'Qwen3VLVideoProcessor',
    }),
    'generation_config.json': json(writeConfig(config)['generation_config.json']),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
