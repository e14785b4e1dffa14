/**
 * Keys and values while decoding: of the prompts [P, K, S, d], written by the prefill, and of each row's
 * own tokens [P, R, K, T, d], appended in place. T grows by doubling.
 */
import { invariant } from '../../../core/errors.ts';
import type { TextConfig } from '../../../model/config.ts';

const firstCapacity = 16;

export class KeyValueCache {
  readonly promptLength: number;
  /** T: tokens for which there is room. */
  capacity = firstCapacity;
  /** Graph values by name; buffers are replaced when rows are selected or the cache grows. */
  readonly promptValues: Record<string, Float32Array> = {};
  readonly cachedValues: Record<string, Float32Array> = {};
  readonly newValues: Record<string, Float32Array> = {};
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
    // One after the other: never twice the whole cache.
    for (const [name, old] of Object.entries(this.cachedValues)) {
      const grown = new Float32Array((old.length / before) * after);
      for (let row = 0; row * before < old.length; row++) {
        grown.set(old.subarray(row * before, (row + 1) * before), row * after);
      }
      this.cachedValues[name] = grown;
    }
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

  /**
   * Keeps `prompts`, and for each the rows named in `rows` (all lists of one length). Both are ascending, but
   * that a prompt's first row may stand again at the end of its list.
   */
  select(prompts: readonly number[], rows: readonly (readonly number[])[]): void {
    const rowsBefore = this.#rowsPerPrompt();
    const promptSize = this.#heads * this.promptLength * this.#width;
    const rowSize = this.#heads * this.capacity * this.#width;
    const newSize = this.#heads * this.#width;
    const flat = prompts.flatMap((prompt, i) => rows[i]!.map((row) => prompt * rowsBefore + row));
    for (const [name, old] of Object.entries(this.promptValues)) {
      this.promptValues[name] = moveTogether(old, prompts, promptSize);
    }
    for (const [name, old] of Object.entries(this.cachedValues)) {
      this.cachedValues[name] = moveTogether(old, flat, rowSize);
    }
    for (const [name, old] of Object.entries(this.newValues)) {
      this.newValues[name] = old.subarray(0, flat.length * newSize);
    }
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

/**
 * The blocks of `size` elements at the given places, in order, in the memory in which they are: no block comes
 * to lie behind its place. One that is asked for again is where it went first.
 */
function moveTogether(values: Float32Array, places: readonly number[], size: number): Float32Array {
  const moved = new Map<number, number>();
  places.forEach((place, i) => {
    const from = moved.get(place) ?? place;
    invariant(moved.has(place) || i <= place, 'blocks move to the front only');
    if (from !== i) values.copyWithin(i * size, from * size, (from + 1) * size);
    if (!moved.has(place)) moved.set(place, i);
  });
  return values.subarray(0, places.length * size);
}
