/**
 * 16-bit floating point to and from float32, as bit patterns in `Uint16Array`s. All of a checkpoint passes
 * through here, so that loops are plain and 16-bit patterns are looked up in tables where there is more to do
 * than a shift.
 */

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** bfloat16 is the upper half of a float32, so widening is exact. */
export function bfloat16ToFloat32(source: Uint16Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(source.length);
  widenBfloat16(source.slice(), result);
  return result;
}

/**
 * The same into an array as long as `source`, whose offset must be a multiple of 4 bytes.
 * @returns whether all values are finite
 */
export function widenBfloat16(source: Uint16Array, into: Float32Array): boolean {
  // Two at once, and both checks with one addition: this loop is most of what opening a checkpoint costs.
  const pairs = new Int32Array(source.buffer, source.byteOffset, source.length >> 1);
  const bits = new Int32Array(into.buffer, into.byteOffset, into.length);
  let found = 0;
  for (let i = 0, j = 0; i < pairs.length; i++, j += 2) {
    const pair = pairs[i]!;
    bits[j] = pair << 16;
    bits[j + 1] = pair & 0xffff0000;
    // Adding 1 to an exponent of ones, which is that of NaN and infinity, sets the bit above it.
    found |= (pair & 0x7f807f80) + 0x00800080;
  }
  if (source.length % 2 === 1) {
    const last = source[source.length - 1]!;
    bits[source.length - 1] = last << 16;
    found |= (last & 0x7f80) + 0x0080;
  }
  return (found & 0x80008000) === 0;
}

/** Rounds to nearest, ties to even; NaN stays NaN and overflow becomes infinity. */
export function float32ToBfloat16(source: Float32Array): Uint16Array<ArrayBuffer> {
  const result = new Uint16Array(source.length);
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < source.length; i++) {
    const word = bits[i]!;
    // A NaN whose payload lies in the lower half only would round to infinity: set its quiet bit.
    result[i] =
      (word & 0x7fffffff) > 0x7f800000
        ? (word >>> 16) | 0x40
        : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return result;
}

/**
 * IEEE 754 binary16 to binary32, exact.
 * @param into as long as `source`. @default a new one
 */
export function float16ToFloat32<Target extends Float32Array = Float32Array<ArrayBuffer>>(
  source: Uint16Array,
  into: Target = new Float32Array(source.length) as unknown as Target,
): Target {
  if (source.length < fewElements) {
    for (let i = 0; i < source.length; i++) into[i] = halfToNumber(source[i]!);
    return into;
  }
  const table = float32OfHalf();
  const bits = new Int32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < source.length; i++) bits[i] = table[source[i]!]!;
  return into;
}

/** Fewer are not worth a table. */
const fewElements = 1 << 16;

/** The bits of the float32 that each float16 is. */
const float32OfHalf = once(
  () => new Int32Array(Float32Array.from(patterns(), halfToNumber).buffer),
);

/** The float16 nearest to each bfloat16. */
const halfOfBfloat16 = once(() => float32ToFloat16(bfloat16ToFloat32(patterns())));

function patterns(): Uint16Array {
  return Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits);
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/**
 * As by way of float32, rounded once.
 * @param into as long as `source`
 * @returns whether all are finite as float16
 */
export function bfloat16ToFloat16(source: Uint16Array, into: Uint16Array): boolean {
  const table = halfOfBfloat16();
  let found = 0;
  for (let i = 0; i < source.length; i++) {
    const half = table[source[i]!]!;
    into[i] = half;
    found |= (half & 0x7c00) + 0x0400;
  }
  return (found & 0x8000) === 0;
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) {
    scratchBits[0] = ((half & 0x8000) << 16) | 0x7f800000 | (fraction << 13);
    return scratch[0]!;
  }
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * Rounds to nearest, ties to even; NaN stays NaN, and what is above 65504 becomes infinity.
 * @param into as long as `source`. @default a new one
 */
export function float32ToFloat16<Target extends Uint16Array = Uint16Array<ArrayBuffer>>(
  source: Float32Array,
  into: Target = new Uint16Array(source.length) as unknown as Target,
): Target {
  const bits = new Int32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < source.length; i++) into[i] = halfOfBits(bits[i]!);
  return into;
}

/** Whether none of the float32 values is NaN or infinite. */
export function areFinite(values: Float32Array): boolean {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  let found = 0;
  for (let i = 0; i < bits.length; i++) found |= (bits[i]! & 0x7f800000) + 0x00800000;
  return found >= 0;
}

/** The same of float16 values. */
export function areFiniteHalves(values: Uint16Array): boolean {
  let found = 0;
  for (let i = 0; i < values.length; i++) found |= (values[i]! & 0x7c00) + 0x0400;
  return (found & 0x8000) === 0;
}

function halfOfBits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From 65520 on the nearest half would be above the largest one.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴; adding ½ leaves their number in the lowest bits, rounded.
    scratchBits[0] = magnitude;
    scratch[0] = scratch[0]! + 0.5;
    return sign | (scratchBits[0] - 0x3f000000);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}
