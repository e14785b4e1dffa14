/** What an op's ONNX rule may do: append nodes to the model and make its small constants. */
import type { Device } from './device.ts';
import type { Dim } from './dim.ts';

export type AttributeValue = number | string | readonly number[] | { readonly float: number };

/**
 * Bits of the unsigned integers on the left of a product with signed ones that the processor multiplies without loss.
 * Some add pairs of such products in 16 bits, which 8 bits on both sides overflow.
 */
export type LeftBits = 7 | 8;

export type Emitter = {
  /** ONNX Runtime has not the same ops on each. */
  readonly device: Device;
  readonly leftBits: LeftBits;
  /** Appends an ONNX node; returns the name of its (first) output. */
  op(
    type: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
    domain?: '' | 'com.microsoft',
  ): string;
  /** An int64 vector; named dimensions are fed at each run. */
  dims(values: readonly Dim[]): string;
  scalar(value: number, type?: 'float32' | 'uint8'): string;
  /** A float32 vector. */
  vector(values: Float32Array): string;
  /** 8-bit integers of a file, from a byte offset on. */
  integers(file: string, offset: number, shape: readonly [number, number]): string;
};
