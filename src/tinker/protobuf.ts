/**
 * The three messages that have a form in protobuf (package tinker_public of the official SDK): much smaller than JSON,
 * since tokens and logprobs travel as bytes. Field numbers are those of the SDK's generated module.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Datum, ForwardResult, InputChunk, SampleResult, ServerLoss } from './messages.ts';

/** Values of the enum DType. */
export const dtypes = { float32: 1, int64: 2, int32: 3, bfloat16: 4 } as const;

export type ForwardBackwardMessage = {
  readonly model: string;
  readonly seq: number;
  readonly data: readonly Datum[];
  readonly loss: ServerLoss;
  readonly isForwardOnly: boolean;
};

/** Message ForwardBackwardRequest. */
export function encodeForwardBackward(message: ForwardBackwardMessage): Uint8Array {
  const { model, seq, data, loss, isForwardOnly } = message;
  const writer = new BinaryWriter();
  writer.uint32(tag(1, WireType.LengthDelimited)).string(model);
  writer.uint32(tag(2, WireType.Varint)).int32(seq);
  for (const datum of data) {
    writer.uint32(tag(3, WireType.LengthDelimited)).fork();
    writeDatum(writer, datum);
    writer.join();
  }
  writer.uint32(tag(4, WireType.LengthDelimited)).string(loss.name);
  for (const [name, value] of Object.entries(loss.settings ?? {})) {
    writer.uint32(tag(5, WireType.LengthDelimited)).fork();
    writer.uint32(tag(1, WireType.LengthDelimited)).string(name);
    writer.uint32(tag(2, WireType.Bit64)).double(value);
    writer.join();
  }
  if (isForwardOnly) writer.uint32(tag(6, WireType.Varint)).bool(true);
  return writer.finish();
}

function writeDatum(writer: BinaryWriter, { input, targets, lossInputs }: Datum): void {
  for (const chunk of input) {
    writer.uint32(tag(1, WireType.LengthDelimited)).fork();
    writeChunk(writer, chunk);
    writer.join();
  }
  // Targets are int64 in the protocol.
  const wide = BigInt64Array.from(targets, BigInt);
  writeTensor(writer, 'target_tokens', bytesOf(wide), dtypes.int64, targets.length);
  for (const [name, values] of Object.entries(lossInputs)) {
    writeTensor(writer, name, bytesOf(values), dtypes.float32, values.length);
  }
}

function writeChunk(writer: BinaryWriter, chunk: InputChunk): void {
  if (chunk.kind === 'text') {
    writer.uint32(tag(1, WireType.LengthDelimited)).fork();
    writer.uint32(tag(1, WireType.LengthDelimited)).bytes(bytesOf(chunk.tokens));
  } else {
    writer.uint32(tag(2, WireType.LengthDelimited)).fork();
    writer.uint32(tag(1, WireType.LengthDelimited)).bytes(chunk.data);
    writer.uint32(tag(2, WireType.LengthDelimited)).string(chunk.format);
    writer.uint32(tag(3, WireType.Varint)).int32(chunk.tokens);
  }
  writer.join();
}

/** An entry of the map `loss_fn_inputs`. */
function writeTensor(
  writer: BinaryWriter,
  name: string,
  values: Uint8Array,
  dtype: number,
  length: number,
): void {
  writer.uint32(tag(2, WireType.LengthDelimited)).fork();
  writer.uint32(tag(1, WireType.LengthDelimited)).string(name);
  writer.uint32(tag(2, WireType.LengthDelimited)).fork();
  writer.uint32(tag(1, WireType.LengthDelimited)).bytes(values);
  writer.uint32(tag(3, WireType.Varint)).int32(dtype);
  writer.uint32(tag(4, WireType.LengthDelimited)).fork().int64(length).join();
  writer.join();
  writer.join();
}

/**
 * Message ForwardBackwardOutput.
 * @throws Error where the bytes are no such message
 */
export function decodeForwardBackward(bytes: Uint8Array): ForwardResult {
  const logprobs: Float32Array[] = [];
  const metrics: Record<string, number> = {};
  eachField(bytes, (field, reader) => {
    if (field === 2) logprobs.push(...readRecord(reader.bytes()));
    else if (field === 3) {
      const [name, value] = readMetric(reader.bytes());
      metrics[name] = value;
    } else return false;
    return true;
  });
  return { logprobs, metrics };
}

/** The logprobs of a message ArrayRecord, which holds them for several datums after each other. */
function readRecord(bytes: Uint8Array): readonly Float32Array[] {
  let found: readonly Float32Array[] = [];
  eachField(bytes, (field, reader) => {
    if (field !== 2) return false;
    const entry = reader.bytes();
    let name = '';
    let tensor = new Uint8Array();
    eachField(entry, (part, inner) => {
      if (part === 1) name = inner.string();
      else if (part === 2) tensor = Uint8Array.from(inner.bytes());
      else return false;
      return true;
    });
    if (name === 'logprobs') found = readBatched(tensor);
    return true;
  });
  return found;
}

/** Message BatchedTensor: values of all datums, and the byte at which each begins. */
function readBatched(bytes: Uint8Array): readonly Float32Array[] {
  let data = new Uint8Array();
  let offsets = new Uint8Array();
  let dtype: number = dtypes.float32;
  eachField(bytes, (field, reader) => {
    if (field === 1) data = Uint8Array.from(reader.bytes());
    else if (field === 2) offsets = Uint8Array.from(reader.bytes());
    else if (field === 3) dtype = reader.int32();
    else return false;
    return true;
  });
  const places =
    offsets.length === 0
      ? [0, data.length]
      : Array.from(new BigInt64Array(offsets.buffer, 0, offsets.length / 8), Number);
  return places.slice(1).map((end, i) => floatsOf(data.slice(places[i] ?? 0, end), dtype));
}

function readMetric(bytes: Uint8Array): readonly [string, number] {
  let name = '';
  let value = 0;
  eachField(bytes, (field, reader) => {
    if (field === 1) name = reader.string();
    else if (field === 2) value = reader.double();
    else return false;
    return true;
  });
  return [name, value];
}

/**
 * Message SampleResponse.
 * @throws Error where the bytes are no such message
 */
export function decodeSample(bytes: Uint8Array): SampleResult {
  const sequences: SampleResult['sequences'][number][] = [];
  let promptLogprobs: Float32Array | undefined;
  eachField(bytes, (field, reader) => {
    if (field === 1) sequences.push(readSequence(reader.bytes()));
    else if (field === 2) promptLogprobs = floatsOf(reader.bytes(), dtypes.float32);
    else return false;
    return true;
  });
  return { sequences, promptLogprobs };
}

function readSequence(bytes: Uint8Array): SampleResult['sequences'][number] {
  let stopReason: 'stop' | 'length' = 'stop';
  let tokens = new Int32Array();
  let logprobs: Float32Array | undefined;
  eachField(bytes, (field, reader) => {
    if (field === 1) stopReason = reader.int32() === 0 ? 'stop' : 'length';
    else if (field === 2) tokens = new Int32Array(Uint8Array.from(reader.bytes()).buffer);
    else if (field === 3) logprobs = floatsOf(reader.bytes(), dtypes.float32);
    else return false;
    return true;
  });
  return { tokens, logprobs, stopReason };
}

/** @param read takes one field and says whether it did; others are skipped */
export function eachField(
  bytes: Uint8Array,
  read: (field: number, reader: BinaryReader) => boolean,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!read(field, reader)) reader.skip(wireType, field);
  }
}

/** Bytes are little-endian, as on every machine that Node runs on. */
export function floatsOf(bytes: Uint8Array, dtype: number): Float32Array {
  const own = Uint8Array.from(bytes);
  if (dtype === dtypes.float32) return new Float32Array(own.buffer);
  if (dtype !== dtypes.bfloat16) throw new Error(`logprobs of the type ${dtype}, not 1 or 4`);
  // The upper half of a float32.
  const halves = new Uint16Array(own.buffer);
  return new Float32Array(Uint32Array.from(halves, (half) => half * 2 ** 16).buffer);
}

export function bytesOf(values: Int32Array | Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export function tag(field: number, wireType: WireType): number {
  return (field << 3) | wireType;
}
