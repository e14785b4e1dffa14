import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createWandbFile, type HistoryRow } from './wandb-file.ts';

/** Records of a file by the rules of LevelDB's log format. */
function recordsIn(file: Buffer): Buffer[] {
  expect(file.subarray(0, 7)).toEqual(Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0]));
  const records: Buffer[] = [];
  let parts: Buffer[] = [];
  for (let at = 7; at < file.length; ) {
    const room = 32_768 - (at % 32_768);
    if (room < 7) {
      expect(file.subarray(at, at + room).every((byte) => byte === 0)).toBe(true);
      at += room;
      continue;
    }
    const [sum, length, kind] = [file.readUInt32LE(at), file.readUInt16LE(at + 4), file[at + 6]];
    expect(length + 7).toBeLessThanOrEqual(room);
    const data = file.subarray(at + 7, at + 7 + length);
    expect(crc32(data, crc32(Buffer.of(kind ?? 0)))).toBe(sum);
    expect(kind === 1 || kind === 2).toBe(parts.length === 0);
    parts.push(data);
    if (kind === 1 || kind === 4) {
      records.push(Buffer.concat(parts));
      parts = [];
    }
    at += 7 + length;
  }
  expect(parts).toEqual([]);
  return records;
}

const run = {
  id: 'abcdefgh',
  project: 'medix',
  entity: undefined,
  name: 'train',
  host: 'vm',
  startedAt: 1500,
  config: { seed: 1 },
};

function row(step: number, keyLength: number): HistoryRow {
  return { step, time: 2, runtime: 0.5, values: [['k'.repeat(keyLength), 0.25]] };
}

test('records of any length come out as they went in, wherever blocks end', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 6 });
  fc.assert(
    fc.property(lengths, (all) => {
      const file = createWandbFile('medix 1');
      const parts = [file.begin(run), ...all.map((length, i) => file.row(row(i, length)))];
      const records = recordsIn(Buffer.concat([...parts, file.end(0)]));
      expect(records).toHaveLength(2 + 2 * all.length + 1);
      for (const [i, length] of all.entries()) {
        expect(records[3 + 2 * i]?.includes('k'.repeat(length))).toBe(true);
      }
    }),
    { numRuns: 30 },
  );
});

test('a record that leaves less than a head of its block is followed by zeros', () => {
  const head = createWandbFile('medix 1').begin(run).length;
  for (let room = 0; room <= 8; room++) {
    const file = createWandbFile('medix 1');
    const begin = file.begin(run);
    const small = createWandbFile('medix 1');
    small.begin(run);
    // Each further letter of the key is one byte in both records of a row.
    const length = Math.floor((32_768 - room - head - (small.row(row(1, 1000)).length - 2000)) / 2);
    const parts = [begin, file.row(row(1, length)), file.row(row(2, 3)), file.end(0)];
    expect(recordsIn(Buffer.concat(parts))).toHaveLength(7);
  }
});
