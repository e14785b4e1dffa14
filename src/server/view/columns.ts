/** Numbers of many rollouts in few bytes: arrays that grow, and texts that occur again and again as numbers. */

type Numbers = Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array;

/** A column that grows by doubling. */
export class Column<T extends Numbers> {
  #values: T;
  readonly #make: new (
    length: number,
  ) => T;
  length = 0;

  constructor(make: new (length: number) => T) {
    this.#make = make;
    this.#values = new make(16);
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new this.#make(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  /** NaN past the end. */
  at(place: number): number {
    return place < this.length ? (this.#values[place] ?? Number.NaN) : Number.NaN;
  }
}

/** Texts as numbers; 0 stands for none. */
export class Codes {
  readonly #codes = new Map<string, number>();
  readonly #texts: (string | null)[] = [null];

  /** At most 65,535 texts are told apart; what comes later counts as none. */
  codeOf(text: string | undefined | null): number {
    if (text === undefined || text === null) return 0;
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    if (this.#texts.length > 65_535) return 0;
    this.#codes.set(text, this.#texts.length);
    this.#texts.push(text);
    return this.#texts.length - 1;
  }

  /** Undefined where the text was never seen. */
  find(text: string): number | undefined {
    return this.#codes.get(text);
  }

  textOf(code: number): string | null {
    return this.#texts[code] ?? null;
  }

  get texts(): string[] {
    return [...this.#codes.keys()].sort();
  }
}

/** A hash of 32 bits (FNV-1a), by which a key is found again; whoever finds one compares the key itself. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let place = 0; place < text.length; place++) {
    hash ^= text.charCodeAt(place);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}
