import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DataFile } from './data-file.ts';
import { openRows } from './rows-of-file.ts';

type Format = 'csv' | 'tsv';

/** A file whose stream breaks after every `piece` bytes. */
function fileOf(text: string | Uint8Array, format: Format, piece = 7): DataFile {
  const bytes = new Uint8Array(Buffer.from(text));
  return {
    name: `rows.${format}`,
    format,
    byteLength: bytes.length,
    slice: async (start, end) => bytes.slice(start, end).buffer,
    stream: async function* () {
      for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
    },
  };
}

const all = () => ({ read: [], images: [] });

async function rowsOf(text: string | Uint8Array, format: Format = 'csv') {
  const rows = await openRows(fileOf(text, format), all);
  const found = [];
  for await (const { raw, place } of rows.scan()) {
    expect(await rows.at(raw.row, place)).toEqual(raw);
    found.push(raw.kind === 'fields' ? raw.fields : raw.problem);
  }
  return found;
}

describe('rows of CSV', () => {
  it('have the names of the header; a byte order mark and blank lines are none of it', async () => {
    expect(await rowsOf('\uFEFFa, b\r\n1,2\r\n\r\n3,\r\n')).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: null },
    ]);
  });

  it('keep delimiters, line ends and doubled quotation marks of quoted fields', async () => {
    expect(await rowsOf('a,b\n"x,\n""y""",2\n"",5" wide\n')).toEqual([
      { a: 'x,\n"y"', b: '2' },
      { a: null, b: '5" wide' },
    ]);
  });

  it('that are broken are told, and the next one is read', async () => {
    const bytes = Buffer.concat([
      Buffer.from('a,b\n"x"y,1\n1\n1,2,3\n'),
      Buffer.of(0xff, 0x2c, 0x31, 0x0a),
      Buffer.from('good,1\n"open,1\nlast,1\n'),
    ]);
    expect(await rowsOf(bytes)).toEqual([
      expect.stringContaining('goes on after its closing quotation mark'),
      'the record has 1 fields, the header 2',
      'the record has 3 fields, the header 2',
      'the record is not UTF-8 text',
      { a: 'good', b: '1' },
      expect.stringContaining('has an open quotation mark'),
    ]);
  });

  it('without a header that names each column once are refused', async () => {
    await expect(rowsOf('')).rejects.toThrow(/rows\.csv: expected a header.*got an empty file/);
    await expect(rowsOf('a,b,a\n1,2,3')).rejects.toThrow(/got a twice/);
  });

  it.each(['csv', 'tsv'] as const)('of %s are those that were written', async (format) => {
    const delimiter = format === 'csv' ? ',' : '\t';
    const cell = fc.string({ unit: fc.constantFrom('a', 'ü', '"', ',', '\t', '\n', '\r', ' ') });
    const table = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(table, async (written) => {
        const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const lines = written.map((cells) => cells.map(quote).join(delimiter));
        const read = await rowsOf([`x${delimiter}y`, ...lines].join('\r\n'), format);
        expect(read).toEqual(written.map(([x, y]) => ({ x: x || null, y: y || null })));
      }),
    );
  });
});
