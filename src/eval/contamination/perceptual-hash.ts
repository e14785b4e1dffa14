/**
 * 64 bits that say what a picture looks like: copies that were scaled, recompressed or brightened differ
 * in few of them (pHash, Zauner 2010: low frequencies of a 32 × 32 greyscale picture against their median).
 */

/** Bits 63 to 32 and 31 to 0, both unsigned. */
export type PerceptualHash = { readonly high: number; readonly low: number };

/** Pixels along either side of the picture that is hashed. */
export const side = 32;
/** Frequencies 1 to 8 along either side; 0 is brightness. */
const frequencies = 8;

/** @param pixels grey levels, 32 rows of 32 */
export function perceptualHash(pixels: Uint8Array): PerceptualHash {
  const strengths = lowFrequencies(pixels);
  const sorted = strengths.toSorted();
  const median = ((sorted[31] ?? 0) + (sorted[32] ?? 0)) / 2;
  const word = (from: number) =>
    strengths
      .subarray(from, from + 32)
      .reduce((bits, strength) => ((bits << 1) | Number(strength > median)) >>> 0, 0);
  return { high: word(0), low: word(32) };
}

/** In how many bits two hashes differ, 0 to 64. */
export function hammingDistance(a: PerceptualHash, b: PerceptualHash): number {
  return countBits(a.high ^ b.high) + countBits(a.low ^ b.low);
}

function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** cos((2x + 1) u π / 64) for u = 1 … 8 and x = 0 … 31. */
const cosines = Float64Array.from({ length: frequencies * side }, (_, i) => {
  const [u, x] = [1 + Math.floor(i / side), i % side];
  return Math.cos(((2 * x + 1) * u * Math.PI) / (2 * side));
});

/** The 8 × 8 lowest frequencies of the discrete cosine transform (type II), unscaled. */
function lowFrequencies(pixels: Uint8Array): Float64Array {
  const rows = new Float64Array(side * frequencies);
  for (let y = 0; y < side; y++) {
    for (let u = 0; u < frequencies; u++) {
      rows[y * frequencies + u] = strengthOf(u, (x) => pixels[y * side + x] ?? 0);
    }
  }
  return Float64Array.from({ length: frequencies * frequencies }, (_, i) => {
    const column = i % frequencies;
    return strengthOf(Math.floor(i / frequencies), (y) => rows[y * frequencies + column] ?? 0);
  });
}

function strengthOf(frequency: number, value: (place: number) => number): number {
  let sum = 0;
  for (let place = 0; place < side; place++) {
    sum += (cosines[frequency * side + place] ?? 0) * value(place);
  }
  return sum;
}
