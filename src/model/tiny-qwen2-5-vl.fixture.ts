/** Test support: test/fixtures/qwen2-5-vl-tiny, whose README.md describes every value. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invariant } from '../core/errors.ts';
import { type ModelConfig, readModelConfig } from './config.ts';
import { openSafetensors } from './files/safetensors.ts';
import type { WindowedTower } from './geometry.ts';
import type { Prompt } from './prompt.ts';
import { type TinyCase, tinyGrids } from './tiny-model.fixture.ts';

const root = fileURLToPath(new URL('../../test/fixtures/qwen2-5-vl-tiny/', import.meta.url));

export const windowedModelDirectory = `${root}model`;

/** An adapter of `peft`, with `loss.json` and `gradients.safetensors` by torch. */
export const windowedAdapterDirectory = `${root}adapter`;

export type WindowedCase = Omit<TinyCase, 'interpolationIndices'> & {
  /** Merged blocks of each window, numbered over all images. */
  readonly windows: readonly (readonly number[])[];
};

export const windowedCases: readonly WindowedCase[] = JSON.parse(
  readFileSync(`${root}cases.json`, 'utf8'),
);

export async function windowedConfig(): Promise<ModelConfig & { readonly vision: WindowedTower }> {
  const { vision, ...config } = await readModelConfig(windowedModelDirectory);
  invariant(vision?.tower === 'windowed', 'the vision tower of a Qwen2.5-VL has windows');
  return { ...config, vision };
}

/** A tensor of a case, e.g. `logits`. */
export async function windowedTensor(name: string, tensor: string): Promise<Float32Array> {
  const store = await openSafetensors(`${root}${name}.safetensors`);
  return store.read(tensor).finally(() => store.close());
}

/** The case's own tokens and pixels, so that only the network is compared. */
export async function windowedPrompt(windowed: WindowedCase): Promise<Prompt> {
  const grids = tinyGrids(windowed);
  const pixels =
    grids.length > 0 ? await windowedTensor(windowed.name, 'pixel_values') : new Float32Array();
  let offset = 0;
  const images = grids.map((grid) => {
    const size = grid.t * grid.h * grid.w * 216;
    offset += size;
    return { grid, patches: pixels.subarray(offset - size, offset) };
  });
  return { tokens: Int32Array.from(windowed.inputIds), images };
}
