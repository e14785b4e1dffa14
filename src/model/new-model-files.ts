/** The processor files of a new model, as `save_pretrained` would have written them. */
import { defaultChatTemplate } from './chat-template.ts';
import type { ModelConfig } from './config.ts';
import { type ImageSettings, writeImageSettings } from './image-settings.ts';
import type { ModelFiles } from './model-files.ts';
import type { TrainedTokenizer } from './train-tokenizer.ts';
import { writeConfig } from './write-config.ts';

/**
 * Tokenizer, chat template, image settings and generation defaults. `config` must carry the tokenizer's
 * token ids; its own file, `config.json`, is written with the weights.
 */
export function newModelFiles(
  config: ModelConfig,
  trained: TrainedTokenizer,
  images: ImageSettings,
): ModelFiles {
  const preprocessor = writeImageSettings(images);
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
