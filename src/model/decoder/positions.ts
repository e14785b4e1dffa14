/**
 * Positions of the text decoder: three per token (time, height, width), and the rotary tables made of
 * them. Text advances all three together, so that models of text alone have one in effect; an image spans a
 * grid and then takes as much room as its longer side.
 *
 * Source: transformers `models/qwen3_vl` and `models/qwen2_5_vl` (`get_rope_index`, `…TextRotaryEmbedding`); M-RoPE is
 * arXiv 2409.12191, its interleaved form arXiv 2511.21631; `modeling_rope_utils.py` for the scaling of Llama 3.1.
 * Videos are not covered.
 */
import { defined, invariant } from '../../core/errors.ts';
import type { ModelConfig, Mrope, RopeScaling, TextConfig } from '../geometry.ts';
import type { Prompt } from '../prompt.ts';

export type TextPositions = {
  /** [3, T] time, height and width of each prompt token. */
  readonly positions: Int32Array;
  /** Position, on all three axes, of the first token after the prompt; later tokens count up by one. */
  readonly next: number;
};

/** Rotary tables of N tokens, both [N, headDim] row-major; the second half of a row repeats the first. */
export type RotaryTables = { readonly cos: Float32Array; readonly sin: Float32Array };

/** Positions of a prompt's tokens. The prompt's placeholders must match its images. */
export function promptPositions(prompt: Prompt, config: ModelConfig): TextPositions {
  const { tokens, images } = prompt;
  const length = tokens.length;
  const placeholder = config.vision?.tokens.image;
  const merge = config.vision?.spatialMergeSize ?? 1;
  const positions = new Int32Array(3 * length);
  let next = 0;
  let image = 0;
  for (let token = 0; token < length; ) {
    if (tokens[token] !== placeholder) {
      for (let axis = 0; axis < 3; axis++) positions[axis * length + token] = next;
      next++;
      token++;
      continue;
    }
    const { t, h, w } = defined(images[image++], 'the image of a placeholder').grid;
    const [rows, columns] = [h / merge, w / merge];
    for (let i = 0; i < t * rows * columns; i++, token++) {
      invariant(tokens[token] === placeholder, 'an image has too few placeholders');
      positions[token] = next + Math.floor(i / (rows * columns));
      positions[length + token] = next + (Math.floor(i / columns) % rows);
      positions[2 * length + token] = next + (i % columns);
    }
    next += Math.max(rows, columns);
  }
  invariant(image === images.length, 'an image has no placeholder');
  return { positions, next };
}

/**
 * Tables of each token's positions. M-RoPE in sections: the first frequencies of a head follow time, the next
 * height, the last width. Interleaved: frequency f follows height where f ≡ 1 (mod 3), width where f ≡ 2, as far as
 * their sections reach, and time elsewhere.
 *
 * @param positions [3, T] as in {@link TextPositions}.
 */
export function ropeTables(positions: Int32Array, text: TextConfig): RotaryTables {
  const length = positions.length / 3;
  const half = text.headDim / 2;
  const frequencies = scaled(inverseFrequencies(text.ropeTheta, text.headDim), text.ropeScaling);
  const axes = Uint8Array.from({ length: half }, (_, f) => axisOf(f, text.mrope));
  return rotaryTables(
    length,
    half,
    (token, f) => positions[axes[f]! * length + token]! * frequencies[f]!,
  );
}

/** The axis that a frequency follows: time 0, height 1, width 2. */
function axisOf(f: number, mrope: Mrope | undefined): number {
  if (mrope === undefined) return 0;
  const [time, height, width] = mrope.section;
  if (mrope.layout === 'sections') return f < time ? 0 : f < time + height ? 1 : 2;
  const axis = f % 3;
  return axis > 0 && f < (axis === 1 ? height : width) * 3 ? axis : 0;
}

/** [dim / 2] theta^(−2i / dim), rounded to float32 at every step as the original does. */
export function inverseFrequencies(theta: number, dim: number): Float32Array {
  return Float32Array.from({ length: dim / 2 }, (_, i) => {
    const power = Math.fround(theta ** Math.fround((2 * i) / dim));
    return 1 / power;
  });
}

/** Rounded to float32 at every step, as the original does. */
function scaled(frequencies: Float32Array, scaling: RopeScaling | undefined): Float32Array {
  if (scaling === undefined) return frequencies;
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high } = scaling;
  const original = scaling.originalMaxPositions;
  const round = Math.fround;
  return frequencies.map((frequency) => {
    const wavelength = round((2 * Math.PI) / frequency);
    if (wavelength < original / high) return frequency;
    const stretched = round(frequency / factor);
    if (wavelength > original / low) return stretched;
    const share = round(round(round(original / wavelength) - low) / (high - low));
    return round(round(round(1 - share) * frequency) / factor) + round(share * frequency);
  });
}

/** Tables of [rows, 2·half] from an angle in radians per row and frequency. */
export function rotaryTables(
  rows: number,
  half: number,
  angle: (row: number, frequency: number) => number,
): RotaryTables {
  const cos = new Float32Array(rows * half * 2);
  const sin = new Float32Array(rows * half * 2);
  for (let row = 0; row < rows; row++) {
    for (let f = 0; f < half; f++) {
      const first = row * 2 * half + f;
      const radians = Math.fround(angle(row, f));
      cos[first] = cos[first + half] = Math.cos(radians);
      sin[first] = sin[first + half] = Math.sin(radians);
    }
  }
  return { cos, sin };
}
