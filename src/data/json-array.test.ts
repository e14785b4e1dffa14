import { describe, expect, it } from 'vitest';
import type { DataFile } from './data-file.ts';
import { readJson } from './json-array.ts';

/** A file in memory whose stream breaks after every byte, in the middle of characters too. */
function fileOf(text: string): DataFile {
  const bytes = new TextEncoder().encode(text);
  return {
    name: 'rows.json',
    format: 'jsonl',
    byteLength: bytes.length,
    slice: async (start, end) => bytes.slice(start, end).buffer,
    stream: async function* () {
      for (const byte of bytes) yield Uint8Array.of(byte);
    },
  };
}

async function rowsOf(text: string) {
  const rows = [];
  for await (const row of readJson(fileOf(text))) rows.push(row);
  return rows;
}

describe('a .json file', () => {
  it('that is an array gives its elements, whatever brackets and quotes stand in their texts', async () => {
    const written = [
      { q: 'a "quoted" ] and , and }', nested: { list: [1, [2]] } },
      { q: 'back\\slash \\" é ü' },
      {},
    ];
    for (const text of [JSON.stringify(written), `\n ${JSON.stringify(written, null, 2)}\n`]) {
      const rows = await rowsOf(text);
      expect(rows).toEqual(written.map((fields, row) => ({ kind: 'fields', row, fields })));
    }
  });

  it('that holds JSON Lines is read as such', async () => {
    expect(await rowsOf('{"q":1}\n{"q":2}\n')).toEqual([
      { kind: 'fields', row: 0, fields: { q: 1 } },
      { kind: 'fields', row: 1, fields: { q: 2 } },
    ]);
  });

  it('tells elements that are no objects, and a torn end, by their number', async () => {
    expect(await rowsOf('[]')).toEqual([]);
    expect(await rowsOf('[1, {"q":2}, {"q":')).toMatchObject([
      { kind: 'unreadable', row: 0, problem: 'the element is no JSON object but the number 1' },
      { kind: 'fields', row: 1 },
      { kind: 'unreadable', row: 2 },
    ]);
  });
});
