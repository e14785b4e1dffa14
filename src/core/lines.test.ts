import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGathering, linesIn } from './lines.ts';

async function* pieces(...parts: readonly (string | Uint8Array)[]) {
  for (const part of parts) yield Buffer.from(part);
}

async function shown(parts: readonly string[], longest?: number) {
  const found: (string | undefined)[] = [];
  for await (const { bytes } of linesIn(pieces(...parts), longest)) found.push(bytes?.toString());
  return found;
}

describe('lines', () => {
  it('end at line feeds alone, whatever pieces they come in', async () => {
    expect(await shown(['a\u2028b\r', '\n', 'c\n\n', 'd'])).toEqual(['a\u2028b\r', 'c', '', 'd']);
  });

  it('say where they stand and whether they are whole', async () => {
    const found = [];
    for await (const { offset, length, isWhole } of linesIn(pieces('ab\n', 'ü\nc'))) {
      found.push([offset, length, isWhole]);
    }
    expect(found).toEqual([
      [0, 2, true],
      [3, 2, true],
      [6, 1, false],
    ]);
  });

  it('that are too long are counted and not kept', async () => {
    expect(await shown(['abc', 'def\nab\n', 'abcd'], 3)).toEqual([undefined, 'ab', undefined]);
  });

  it('are the parts between line feeds', async () => {
    const text = fc.array(fc.constantFrom('a', '\n', 'ü', '\r'), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 5 }), async (parts) => {
        const whole = parts.flat().join('');
        const expected = whole.split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(await shown(parts.map((part) => part.join('')))).toEqual(expected);
      }),
    );
  });
});

it('what is gathered is given up where it is too much, and the next begins anew', () => {
  const gathering = createGathering(3);
  for (const part of ['ab', 'cd']) gathering.add(Buffer.from(part));
  expect(gathering.take()).toBeUndefined();
  gathering.add(Buffer.from('abc'));
  expect(gathering.take()?.toString()).toBe('abc');
});
