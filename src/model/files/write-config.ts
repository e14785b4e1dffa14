/** The way back from {@link ModelConfig} to the files that transformers 5, transformers 4 and vLLM read. */
import { families } from '../families/families.ts';
import type { ModelConfig } from '../geometry.ts';

export type ConfigFiles = {
  readonly 'config.json': Readonly<Record<string, unknown>>;
  readonly 'generation_config.json': Readonly<Record<string, unknown>>;
};

/** JSON objects of both files. */
export function writeConfig(config: ModelConfig): ConfigFiles {
  const { architecture, write } = families[config.family];
  const { eos, pad } = config.tokens;
  return {
    'config.json': {
      architectures: [architecture],
      model_type: config.family,
      dtype: 'float32',
      ...write(config),
    },
    'generation_config.json': {
      ...(eos.length > 0 ? { eos_token_id: eos } : {}),
      pad_token_id: pad,
    },
  };
}
