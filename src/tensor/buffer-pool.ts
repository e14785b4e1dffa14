/**
 * Float32 buffers that are handed out and taken back, so that a training step reuses its memory instead
 * of asking the system for fresh pages. Holds no more free memory than was ever in use at once.
 */

export class BufferPool {
  /** Oldest first. */
  #free: Float32Array[] = [];
  #freeElements = 0;
  #usedElements = 0;
  #mostUsed = 0;

  /** A buffer of exactly `size` elements with arbitrary contents: the smallest free one that is not far too large. */
  take(size: number): Float32Array {
    let best = -1;
    this.#free.forEach(({ length }, i) => {
      const fits = length >= size && length <= 2 * size + 1024;
      if (fits && (best < 0 || length < this.#free[best]!.length)) best = i;
    });
    let buffer = best < 0 ? undefined : this.#free.splice(best, 1)[0];
    if (buffer === undefined) buffer = new Float32Array(size);
    else this.#freeElements -= buffer.length;
    this.#usedElements += buffer.length;
    this.#mostUsed = Math.max(this.#mostUsed, this.#usedElements);
    return buffer.subarray(0, size);
  }

  /** Takes back what {@link take} gave. */
  give(view: Float32Array): void {
    const buffer = new Float32Array(view.buffer);
    this.#free.push(buffer);
    this.#freeElements += buffer.length;
    this.#usedElements -= buffer.length;
    while (this.#freeElements + this.#usedElements > this.#mostUsed) {
      const oldest = this.#free.shift();
      if (oldest === undefined) return;
      this.#freeElements -= oldest.length;
    }
  }
}
