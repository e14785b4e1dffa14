/** Test support: test/fixtures/qwen3-vl-tiny, whose README.md describes every value. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invariant } from '../core/errors.ts';
import { type ModelConfig, readModelConfig } from './config.ts';
import { openSafetensors } from './files/safetensors.ts';
import type { TableTower } from './geometry.ts';
import type { Message, Prompt } from './prompt.ts';
import type { Grid } from './vision/vision-positions.ts';

const root = fileURLToPath(new URL('../../test/fixtures/qwen3-vl-tiny/', import.meta.url));

export const tinyModelDirectory = `${root}model`;

export type TinyCase = {
  readonly name: string;
  readonly messages: readonly {
    readonly role: Message['role'];
    readonly content: readonly (
      | { readonly type: 'text'; readonly text: string }
      | { readonly type: 'image'; readonly image: string }
    )[];
  }[];
  readonly rendered: string;
  readonly inputIds: readonly number[];
  readonly grids: readonly (readonly [number, number, number])[];
  readonly positions: readonly (readonly number[])[];
  readonly nextPosition: number;
  readonly greedy: readonly number[];
  readonly completionLoss: number;
  readonly interpolationIndices: readonly (readonly number[])[];
};

export const tinyCases: readonly TinyCase[] = JSON.parse(readFileSync(`${root}cases.json`, 'utf8'));

export async function tinyConfig(): Promise<ModelConfig & { readonly vision: TableTower }> {
  const { vision, ...config } = await readModelConfig(tinyModelDirectory);
  invariant(vision?.tower === 'table', 'the vision tower of the tiny model has a position table');
  return { ...config, vision };
}

/** A tensor of a case, e.g. `logits`. */
export async function tinyTensor(name: string, tensor: string): Promise<Float32Array> {
  const store = await openSafetensors(`${root}${name}.safetensors`);
  return store.read(tensor).finally(() => store.close());
}

/** The case's own tokens and pixels, so that only the network is compared. */
export async function tinyPrompt(tiny: TinyCase): Promise<Prompt> {
  const grids = tinyGrids(tiny);
  const pixels = grids.length > 0 ? await tinyTensor(tiny.name, 'pixel_values') : undefined;
  let offset = 0;
  const images = grids.map((grid) => {
    const size = grid.t * grid.h * grid.w * 1536;
    offset += size;
    return { grid, patches: pixels!.subarray(offset - size, offset) };
  });
  return { tokens: Int32Array.from(tiny.inputIds), images };
}

export function tinyImage(file: string): { bytes: Uint8Array; name: string } {
  return { bytes: readFileSync(`${root}images/${file}`), name: file };
}

export function tinyMessages(tiny: Pick<TinyCase, 'messages'>): Message[] {
  return tiny.messages.map(({ role, content }) => ({
    role,
    content: content.map((part) =>
      part.type === 'text' ? part : { type: 'image', image: tinyImage(part.image) },
    ),
  }));
}

export function tinyGrids(tiny: Pick<TinyCase, 'grids'>): Grid[] {
  return tiny.grids.map(([t, h, w]) => ({ t, h, w }));
}

/** Largest absolute difference; infinite when the lengths differ or a value is NaN. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
  }
  return largest;
}
