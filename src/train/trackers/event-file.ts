/**
 * TensorBoard's event files: TFRecords (a length and the bytes, each with a masked CRC-32C) of Event messages
 * of protocol buffers. Written from the published formats: tensorflow/core/lib/io/record_writer.h and
 * tensorflow/core/util/event.proto.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** Numbers of fields of the messages Event, Summary, Summary.Value and SessionLog. */
const field = {
  event: { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 },
  summary: { value: 1 },
  value: { tag: 1, simpleValue: 2 },
  sessionLog: { status: 1 },
} as const;

const sessionStart = 1;

/** The first record of every file. @param wallTime seconds since 1970, as in all of these */
export function versionRecord(wallTime: number): Uint8Array {
  return record(
    eventAt(wallTime).uint32(tagOf(field.event.fileVersion, 2)).string('brain.Event:2'),
  );
}

/** Says that points at this step and beyond that were written before are done again: readers forget them. */
export function startRecord(wallTime: number, step: number): Uint8Array {
  const log = new BinaryWriter().uint32(tagOf(field.sessionLog.status, 0)).int32(sessionStart);
  const event = eventAt(wallTime, step).uint32(tagOf(field.event.sessionLog, 2));
  return record(event.bytes(log.finish()));
}

/** One point of each curve. Values are kept in single precision. */
export function scalarRecord(
  wallTime: number,
  step: number,
  values: Iterable<readonly [tag: string, value: number]>,
): Uint8Array {
  const summary = new BinaryWriter();
  for (const [tag, value] of values) {
    const one = new BinaryWriter().uint32(tagOf(field.value.tag, 2)).string(tag);
    one.uint32(tagOf(field.value.simpleValue, 5)).float(value);
    summary.uint32(tagOf(field.summary.value, 2)).bytes(one.finish());
  }
  const event = eventAt(wallTime, step).uint32(tagOf(field.event.summary, 2));
  return record(event.bytes(summary.finish()));
}

function eventAt(wallTime: number, step = 0): BinaryWriter {
  const event = new BinaryWriter().uint32(tagOf(field.event.wallTime, 1)).double(wallTime);
  return step === 0 ? event : event.uint32(tagOf(field.event.step, 0)).int64(step);
}

/** Field number and wire type. */
function tagOf(number: number, wireType: 0 | 1 | 2 | 5): number {
  return (number << 3) | wireType;
}

function record(event: BinaryWriter): Uint8Array {
  const data = event.finish();
  const framed = new Uint8Array(data.length + 16);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(framed.subarray(0, 8)), true);
  framed.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return framed;
}

/** A CRC of data that hold CRCs themselves is weak, so TFRecords rotate it and add a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli), RFC 3720 appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
