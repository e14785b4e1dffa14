/**
 * The file of a run that Weights & Biases was not connected to, as `wandb sync` reads it: records of protocol
 * buffers (wandb/proto/wandb_internal.proto) in the log format of LevelDB (doc/log_format.md there), with a
 * header of W&B's own and zlib's CRC-32 in the place of CRC-32C (wandb/sdk/internal/datastore.py of 0.21.4).
 */
import { crc32 } from 'node:zlib';
import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** One row of the history, and the summary that it becomes. */
export type HistoryRow = {
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** Seconds since the run began. */
  readonly runtime: number;
  readonly values: readonly (readonly [key: string, value: number])[];
};

type RunRecord = {
  readonly id: string;
  readonly project: string;
  /** Undefined: that of the user who syncs. */
  readonly entity: string | undefined;
  readonly name: string;
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly config: Readonly<Record<string, unknown>>;
};

const blockBytes = 32_768;
const headBytes = 7;
const pieces = { full: 1, first: 2, middle: 3, last: 4 } as const;

/** What the file begins with. */
const fileHead = Buffer.from([...Buffer.from(':W&B'), 0xe1, 0xbe, 0]);

/** Version of the format that a reader must understand. */
const minConsumer = '0.70.0';

export type WandbFile = {
  /** Bytes of the records that come first. */
  begin(run: RunRecord): Buffer;
  /** Bytes of a row. */
  row(row: HistoryRow): Buffer;
  /** Bytes of the last record. */
  end(exitCode: number): Buffer;
};

/**
 * Makes the bytes of one file, piece by piece: each begins where the one before ended.
 * @param producer this program with its version
 */
export function createWandbFile(producer: string): WandbFile {
  let [position, number] = [0, 0];
  const log = (record: BinaryWriter): Buffer => {
    const parts = framed(record.finish(), position);
    position += parts.length;
    return parts;
  };
  const record = (field: number, content: BinaryWriter): Buffer =>
    log(inner(whole(new BinaryWriter(), 1, ++number), field, content));

  return {
    begin: (run) => {
      position = fileHead.length;
      const version = text(text(new BinaryWriter(), 1, producer), 2, minConsumer);
      const head = record(21, inner(new BinaryWriter(), 1, version));
      return Buffer.concat([fileHead, head, record(17, runMessage(run))]);
    },
    row: (row) => {
      const values = [
        ...row.values,
        ['_timestamp', row.time],
        ['_runtime', row.runtime],
        ['_step', row.step],
      ] as const;
      const history = new BinaryWriter();
      const summary = new BinaryWriter();
      for (const [key, value] of values) {
        inner(history, 1, item(2, key, value));
        inner(summary, 1, item(2, key, value));
      }
      inner(history, 2, whole(new BinaryWriter(), 1, row.step));
      return Buffer.concat([record(3, summary), record(2, history)]);
    },
    end: (exitCode) => record(18, whole(new BinaryWriter(), 1, exitCode)),
  };
}

function runMessage(run: RunRecord): BinaryWriter {
  const config = new BinaryWriter();
  for (const [key, value] of Object.entries(run.config)) inner(config, 1, item(1, key, value));
  const message = text(new BinaryWriter(), 1, run.id);
  if (run.entity !== undefined) text(message, 2, run.entity);
  text(message, 3, run.project);
  inner(message, 4, config);
  text(message, 8, run.name);
  text(message, 13, run.host);
  const seconds = Math.floor(run.startedAt / 1000);
  const nanos = Math.round(run.startedAt - 1000 * seconds) * 1_000_000;
  return inner(message, 17, whole(whole(new BinaryWriter(), 1, seconds), 2, nanos));
}

/** @param keyField 1 is a key, 2 one whose dots and slashes are part of it */
function item(keyField: 1 | 2, key: string, value: unknown): BinaryWriter {
  return text(text(new BinaryWriter(), keyField, key), 16, JSON.stringify(value));
}

function text(message: BinaryWriter, field: number, value: string): BinaryWriter {
  return message.uint32((field << 3) | 2).string(value);
}

function whole(message: BinaryWriter, field: number, value: number): BinaryWriter {
  return message.uint32(field << 3).int64(value);
}

function inner(message: BinaryWriter, field: number, content: BinaryWriter): BinaryWriter {
  return message.uint32((field << 3) | 2).bytes(content.finish());
}

/** A record in pieces that each lie within a block; what is left of a block and too short for one is zeros. */
function framed(data: Uint8Array, start: number): Buffer {
  const parts: Buffer[] = [];
  let position = start;
  let done = 0;
  // A first piece may be empty, where a block has room for a head alone.
  let isFirst = true;
  do {
    let room = blockBytes - (position % blockBytes);
    if (room < headBytes) {
      parts.push(Buffer.alloc(room));
      position += room;
      room = blockBytes;
    }
    const length = Math.min(data.length - done, room - headBytes);
    const isLast = done + length === data.length;
    const kind = isFirst ? (isLast ? 'full' : 'first') : isLast ? 'last' : 'middle';
    isFirst = false;
    parts.push(piece(pieces[kind], data.subarray(done, done + length)));
    done += length;
    position += headBytes + length;
  } while (done < data.length);
  return Buffer.concat(parts);
}

function piece(kind: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(crc32(data, crc32(Buffer.of(kind))), 0);
  head.writeUInt16LE(data.length, 4);
  head.writeUInt8(kind, 6);
  return Buffer.concat([head, data]);
}
