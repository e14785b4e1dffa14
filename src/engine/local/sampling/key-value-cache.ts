/**
 * Keys and values while decoding: of the prompts [P, K, S, d], written by the prefill, and of each row's
 * own tokens [P, R, K, T, d], appended in place. T grows by doubling.
 */
import type { TextConfig } from '../../../model/config.ts';

const firstCapacity = 16;

export class KeyValueCache {
  readonly promptLength: number;
  /** T: tokens for which there is room. */
  capacity = firstCapacity;
  /** Graph values by name; buffers are replaced when rows are selected or the cache grows. */
  promptValues: Record<string, Float32Array> = {};
  cachedValues: Record<string, Float32Array> = {};
  newValues: Record<string, Float32Array> = {};
  readonly #heads: number;
  readonly #width: number;
  readonly #layers: number;

  constructor(text: TextConfig, prompts: number, rows: number, promptLength: number) {
    this.promptLength = promptLength;
    this.#heads = text.kvHeads;
    this.#width = text.headDim;
    this.#layers = text.layers;
    const perToken = text.kvHeads * text.headDim;
    for (const [kind, layer] of this.#kinds()) {
      this.promptValues[`prompt${kind}${layer}`] = new Float32Array(
        prompts * promptLength * perToken,
      );
      this.cachedValues[`cached${kind}${layer}`] = new Float32Array(
        prompts * rows * this.capacity * perToken,
      );
      this.newValues[`new${kind}${layer}`] = new Float32Array(prompts * rows * perToken);
    }
  }

  /** Makes room for `length` tokens. */
  reserve(length: number): void {
    if (length <= this.capacity) return;
    const before = this.capacity * this.#width;
    while (this.capacity < length) this.capacity *= 2;
    const after = this.capacity * this.#width;
    this.cachedValues = mapValues(this.cachedValues, (old) => {
      const grown = new Float32Array((old.length / before) * after);
      for (let row = 0; row * before < old.length; row++) {
        grown.set(old.subarray(row * before, (row + 1) * before), row * after);
      }
      return grown;
    });
  }

  /** Stores the new keys and values [P·R, K, d] as token `index` of every row. */
  append(index: number): void {
    const width = this.#width;
    const stride = this.capacity * width;
    for (const [kind, layer] of this.#kinds()) {
      const added = this.newValues[`new${kind}${layer}`]!;
      const cached = this.cachedValues[`cached${kind}${layer}`]!;
      for (let from = 0, to = index * width; from < added.length; from += width, to += stride) {
        for (let i = 0; i < width; i++) cached[to + i] = added[from + i]!;
      }
    }
  }

  /** Keeps `prompts`, and for each the rows named in `rows` (all lists of one length). */
  select(prompts: readonly number[], rows: readonly (readonly number[])[]): void {
    const rowsBefore = this.#rowsPerPrompt();
    const promptSize = this.#heads * this.promptLength * this.#width;
    const rowSize = this.#heads * this.capacity * this.#width;
    const flat = prompts.flatMap((prompt, i) => rows[i]!.map((row) => prompt * rowsBefore + row));
    this.promptValues = mapValues(this.promptValues, (old) => pick(old, prompts, promptSize));
    this.cachedValues = mapValues(this.cachedValues, (old) => pick(old, flat, rowSize));
    this.newValues = mapValues(
      this.newValues,
      () => new Float32Array(flat.length * this.#heads * this.#width),
    );
  }

  #rowsPerPrompt(): number {
    const perPrompt = this.#heads * this.promptLength * this.#width;
    const prompts = this.promptValues['promptKey0']!.length / perPrompt;
    return this.newValues['newKey0']!.length / (this.#heads * this.#width) / prompts;
  }

  *#kinds(): Generator<readonly ['Key' | 'Value', number]> {
    for (let layer = 0; layer < this.#layers; layer++) {
      yield ['Key', layer];
      yield ['Value', layer];
    }
  }
}

function mapValues(
  record: Record<string, Float32Array>,
  change: (value: Float32Array) => Float32Array,
): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** The blocks of `size` elements at the given places, in order. */
function pick(source: Float32Array, places: readonly number[], size: number): Float32Array {
  const result = new Float32Array(places.length * size);
  places.forEach((place, i) => {
    result.set(source.subarray(place * size, (place + 1) * size), i * size);
  });
  return result;
}
