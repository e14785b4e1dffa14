import { describe, expect, it } from 'vitest';
import { crc32c, scalarRecord, startRecord, versionRecord } from './event-file.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('CRC-32C', () => {
  // RFC 3720, appendix B.4; the last one is the check value of the polynomial.
  it.each([
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Buffer.from('123456789'), 0xe3069283],
  ])('of %# is that of its standard', (bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });
});

describe('a record of an event file', () => {
  // tensorboard 2.21.0: RecordWriter(file).write(Event(...).SerializeToString())
  it('holds the bytes that TensorBoard itself writes', () => {
    expect(hex(versionRecord(1.5))).toBe(golden.version);
    expect(hex(startRecord(1.5, 3))).toBe(golden.start);
    const values = [
      ['reward/mean', 0.25],
      ['update/loss', -2],
    ] as const;
    expect(hex(scalarRecord(1.5, 300, values))).toBe(golden.scalars);
  });
});

const golden = {
  version: '1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c',
  start: '0f000000000000006d532b0909000000000000f83f10033a020801ec8612fc',
  scalars:
    '36000000000000004f578cef09000000000000f83f10ac022a280a120a0b7265776172642f6d65616e150000803e0a120a0b7570646174652f6c6f737315000000c06f33729e',
};
