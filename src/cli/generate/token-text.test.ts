import { expect, it } from 'vitest';
import { createTokenText } from './token-text.ts';

const decode = (bytes: readonly number[]) => new TextDecoder().decode(Uint8Array.from(bytes));

function pieces(bytes: Iterable<number>): string[] {
  const text = createTokenText(decode);
  return [...Array.from(bytes, (byte) => text.add(byte)), text.end()];
}

it('a character is released with its last byte', () => {
  expect(pieces(new TextEncoder().encode('aé肺📷b'))).toEqual([
    'a',
    '',
    'é',
    '',
    '',
    '肺',
    '',
    '',
    '',
    '📷',
    'b',
    '',
  ]);
});

it('the pieces join to the whole text, also where bytes make no character', () => {
  for (const bytes of [
    [0xf0, 0x9f],
    [0x80, 0x41, 0xc3],
    [0xe8, 0x41, 0xff, 0x80],
    [],
    [0xef, 0xbf, 0xbd],
  ]) {
    expect(pieces(bytes).join('')).toBe(decode(bytes));
  }
});
