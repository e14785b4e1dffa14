/** The server's side of the messages of protobuf.ts: reads what clients train on, writes results. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { bytesOf, dtypes, eachField, floatsOf, tag } from './protobuf.ts';

/** A chunk as it came; an image says how many tokens its sender expects, or nothing. */
export type ReceivedChunk =
  | { readonly kind: 'text'; readonly tokens: Int32Array }
  | {
      readonly kind: 'image';
      readonly data: Uint8Array;
      readonly tokens: number | undefined;
    }
  /** Of a kind that has no place here, e.g. sound. */
  | { readonly kind: 'other'; readonly name: string };

export type ReceivedDatum = {
  readonly input: readonly ReceivedChunk[];
  /** By the protocol's names, `target_tokens` among them. */
  readonly lossInputs: Readonly<Record<string, ArrayLike<number>>>;
};

export type ReceivedPass = {
  readonly model: string;
  readonly seq: number;
  readonly data: readonly ReceivedDatum[];
  readonly loss: string;
  readonly settings: Readonly<Record<string, number>>;
  readonly isForwardOnly: boolean;
};

/**
 * Message ForwardBackwardRequest.
 * @throws Error where the bytes are no such message
 */
export function decodePass(bytes: Uint8Array): ReceivedPass {
  let [model, seq, loss, isForwardOnly] = ['', 0, '', false];
  const data: ReceivedDatum[] = [];
  const settings: Record<string, number> = {};
  eachField(bytes, (field, reader) => {
    if (field === 1) model = reader.string();
    else if (field === 2) seq = reader.int32();
    else if (field === 3) data.push(readDatum(reader.bytes()));
    else if (field === 4) loss = reader.string();
    else if (field === 5 || field === 7) readSetting(reader.bytes(), field === 7, settings);
    else if (field === 6) isForwardOnly = reader.bool();
    else return false;
    return true;
  });
  return { model, seq, data, loss, settings, isForwardOnly };
}

/** An entry of `loss_fn_config`, or of its second version, whose values are messages. */
function readSetting(bytes: Uint8Array, isWrapped: boolean, settings: Record<string, number>) {
  let name = '';
  let value = Number.NaN;
  eachField(bytes, (field, reader) => {
    if (field === 1) name = reader.string();
    else if (field !== 2) return false;
    else if (!isWrapped) value = reader.double();
    else {
      eachField(reader.bytes(), (inner, wrapped) => {
        if (inner !== 1) return false;
        value = wrapped.double();
        return true;
      });
    }
    return true;
  });
  settings[name] = value;
}

function readDatum(bytes: Uint8Array): ReceivedDatum {
  const input: ReceivedChunk[] = [];
  const lossInputs: Record<string, ArrayLike<number>> = {};
  eachField(bytes, (field, reader) => {
    if (field === 1) input.push(readChunk(reader.bytes()));
    else if (field === 2) {
      let name = '';
      let values: ArrayLike<number> = [];
      eachField(reader.bytes(), (part, entry) => {
        if (part === 1) name = entry.string();
        else if (part === 2) values = readTensor(entry.bytes());
        else return false;
        return true;
      });
      lossInputs[name] = values;
    } else return false;
    return true;
  });
  return { input, lossInputs };
}

function readChunk(bytes: Uint8Array): ReceivedChunk {
  let chunk: ReceivedChunk = { kind: 'other', name: 'unknown' };
  eachField(bytes, (field, reader) => {
    if (field === 1) {
      let tokens = new Int32Array();
      eachField(reader.bytes(), (part, inner) => {
        if (part !== 1) return false;
        tokens = new Int32Array(Uint8Array.from(inner.bytes()).buffer);
        return true;
      });
      chunk = { kind: 'text', tokens };
    } else if (field === 2) {
      let data = new Uint8Array();
      let tokens: number | undefined;
      eachField(reader.bytes(), (part, inner) => {
        if (part === 1) data = Uint8Array.from(inner.bytes());
        else if (part === 3) tokens = inner.int32();
        else return false;
        return true;
      });
      chunk = { kind: 'image', data, tokens };
    } else if (field === 3) {
      reader.bytes();
      chunk = { kind: 'other', name: 'dmel' };
    } else return false;
    return true;
  });
  return chunk;
}

function readTensor(bytes: Uint8Array): ArrayLike<number> {
  let dense: Uint8Array | undefined;
  let dtype = 0;
  eachField(bytes, (field, reader) => {
    if (field === 1) dense = reader.bytes();
    else if (field === 3) dtype = reader.int32();
    else return false;
    return true;
  });
  if (dense === undefined) throw new Error('a tensor that is not dense');
  const own = Uint8Array.from(dense);
  if (dtype === dtypes.int64) return Array.from(new BigInt64Array(own.buffer), Number);
  if (dtype === dtypes.int32) return new Int32Array(own.buffer);
  return floatsOf(own, dtype);
}

/** What a pass comes to. */
export type PassResult = {
  /** [datum][target] */
  readonly logprobs: readonly Float32Array[];
  /** [datum][target], of passes with a loss. */
  readonly losses: readonly Float32Array[] | undefined;
  readonly metrics: Readonly<Record<string, number>>;
};

/** Type name of the outputs of a loss, in both encodings. */
export const outputType = 'TensorData';

/** Message ForwardBackwardOutput. */
export function encodePassResult({ logprobs, losses, metrics }: PassResult): Uint8Array {
  const writer = new BinaryWriter();
  writer.uint32(tag(1, WireType.LengthDelimited)).string(outputType);
  writer.uint32(tag(2, WireType.LengthDelimited)).fork();
  writer.uint32(tag(1, WireType.LengthDelimited)).string(outputType);
  // Maps in the order of their keys, as the official module writes them where it is asked for the same bytes each time.
  if (losses !== undefined) writeField(writer, 'elementwise_loss', losses);
  writeField(writer, 'logprobs', logprobs);
  writer.uint32(tag(3, WireType.Varint)).int64(logprobs.length);
  writer.join();
  for (const name of Object.keys(metrics).toSorted()) {
    writer.uint32(tag(3, WireType.LengthDelimited)).fork();
    writer.uint32(tag(1, WireType.LengthDelimited)).string(name);
    writer.uint32(tag(2, WireType.Bit64)).double(metrics[name] ?? Number.NaN);
    writer.join();
  }
  return writer.finish();
}

/** An entry of `fields`: a BatchedTensor, the values of all datums after each other. */
function writeField(writer: BinaryWriter, name: string, values: readonly Float32Array[]): void {
  const offsets = new BigInt64Array(values.length + 1);
  values.forEach((one, i) => {
    offsets[i + 1] = (offsets[i] ?? 0n) + BigInt(one.byteLength);
  });
  const bytes = new Uint8Array(Number(offsets[values.length]));
  values.forEach((one, i) => {
    bytes.set(bytesOf(one), Number(offsets[i]));
  });
  writer.uint32(tag(2, WireType.LengthDelimited)).fork();
  writer.uint32(tag(1, WireType.LengthDelimited)).string(name);
  writer.uint32(tag(2, WireType.LengthDelimited)).fork();
  writer.uint32(tag(1, WireType.LengthDelimited)).bytes(bytes);
  writer.uint32(tag(2, WireType.LengthDelimited)).bytes(bytesOf(offsets));
  writer.uint32(tag(3, WireType.Varint)).int32(dtypes.float32);
  writer.join();
  writer.join();
}

export type SampledResult = {
  readonly sequences: readonly {
    readonly tokens: Int32Array;
    readonly logprobs: Float32Array;
    readonly stopReason: 'stop' | 'length';
  }[];
  /** Of each token of the prompt, NaN where undefined. */
  readonly promptLogprobs: Float32Array | undefined;
};

/** Message SampleResponse. */
export function encodeSampled({ sequences, promptLogprobs }: SampledResult): Uint8Array {
  const writer = new BinaryWriter();
  for (const { tokens, logprobs, stopReason } of sequences) {
    writer.uint32(tag(1, WireType.LengthDelimited)).fork();
    if (stopReason === 'length') writer.uint32(tag(1, WireType.Varint)).int32(1);
    writer.uint32(tag(2, WireType.LengthDelimited)).bytes(bytesOf(tokens));
    writer.uint32(tag(3, WireType.LengthDelimited)).bytes(bytesOf(logprobs));
    writer.join();
  }
  if (promptLogprobs !== undefined) {
    writer.uint32(tag(2, WireType.LengthDelimited)).bytes(bytesOf(promptLogprobs));
  }
  return writer.finish();
}
