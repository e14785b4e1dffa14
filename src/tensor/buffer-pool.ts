/** Float32 buffers that are handed out and taken back, so that a training step reuses its memory. */

export class BufferPool {
  /** Free buffers, by capacity. */
  readonly #free = new Map<number, Float32Array[]>();

  /** A buffer of exactly `size` elements with arbitrary contents. */
  take(size: number): Float32Array {
    const capacity = capacityFor(size);
    const buffer = this.#free.get(capacity)?.pop() ?? new Float32Array(capacity);
    return buffer.subarray(0, size);
  }

  give(view: Float32Array): void {
    const buffer = new Float32Array(view.buffer);
    const list = this.#free.get(buffer.length);
    if (list === undefined) this.#free.set(buffer.length, [buffer]);
    else list.push(buffer);
  }
}

/** Sizes are rounded up to eighths of a power of two, so that similar sizes share buffers. */
function capacityFor(size: number): number {
  if (size <= 64) return 64;
  const step = 2 ** (Math.floor(Math.log2(size)) - 3);
  return Math.ceil(size / step) * step;
}
