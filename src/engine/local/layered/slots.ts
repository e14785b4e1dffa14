/**
 * Float32 buffers by name, so that pass after pass uses the same memory. Who names a buffer again gets the
 * same one: a name must not be used for two values that are needed at the same time.
 */
export class Slots {
  readonly #buffers = new Map<string, Float32Array>();

  /** `length` elements with arbitrary contents. */
  take(name: string, length: number): Float32Array {
    const known = this.#buffers.get(name);
    if (known !== undefined && known.length >= length) return known.subarray(0, length);
    // The old one goes before the new one comes.
    this.#buffers.delete(name);
    const buffer = new Float32Array(length);
    this.#buffers.set(name, buffer);
    return buffer;
  }

  clear(): void {
    this.#buffers.clear();
  }
}
