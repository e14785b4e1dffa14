/** Model directories in Hugging Face layout: written by the engine, or made from scratch. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../core/make-folder.ts';
import { rngFromKey } from '../../core/rng.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { ModelFiles } from '../../model/files/model-files.ts';
import { writeConfig } from '../../model/files/write-config.ts';
import { initialValues, parameterSpecs } from '../../model/parameters.ts';
import {
  createParameterBuffer,
  type ParameterBuffer,
  weightsFile,
  writeParameters,
} from './weights/parameter-buffer.ts';

export type WeightFormat = 'F32' | 'BF16';

/**
 * Writes config, weights, tokenizer and processor files. Weights come last and are renamed into place: a
 * directory with `model.safetensors` is complete.
 */
export async function writeModel(
  directory: string,
  config: ModelConfig,
  files: ModelFiles,
  weights: readonly ParameterBuffer[],
  format: WeightFormat = 'F32',
): Promise<void> {
  await makeFolder(directory);
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(directory, name), content);
  }
  for (const [name, content] of Object.entries(writeConfig(config))) {
    if (name in files) continue;
    await writeFile(join(directory, name), `${JSON.stringify(content, null, 2)}\n`);
  }
  const named = weights.map((buffer) => ['', buffer] as const);
  await writeParameters(weightsFile(directory), named, format);
}

/** A model with random weights. */
export async function createModel(
  directory: string,
  config: ModelConfig,
  files: ModelFiles,
  seed: number,
): Promise<void> {
  const specs = parameterSpecs(config);
  const weights = createParameterBuffer(specs);
  for (const spec of specs) {
    const rng = rngFromKey(`${seed}/initial/${spec.name}`);
    weights.views[spec.name]?.set(initialValues(spec, rng));
  }
  await writeModel(directory, config, files, [weights]);
}
