import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exactJson, parseExactJson } from './exact-json.ts';

const readingOf = (text: string) => {
  const read = parseExactJson(text);
  return read.kind === 'value' ? read.value : read.problem;
};

/** As JSON.parse has it. */
function inDoubles(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
}

test('any JSON text reads as JSON.parse reads it, and any other text is a problem, never a throw', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const read = parseExactJson(text);
      expect(read.kind === 'value' && inDoubles(read.value)).toEqual(JSON.parse(text));
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { kind } = parseExactJson(text);
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      expect(kind).toBe(isJson ? 'value' : 'problem');
    }),
  );
});

test('integers of any length keep their digits, inside texts and out, there and back', () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.string(), (integer, text) => {
      const written = `{"id": ${integer}, "text": ${JSON.stringify(`${text}"${integer}`)}, "list": [${integer}]}`;
      const number = Number(integer);
      const id = Number.isSafeInteger(number) ? number : integer;
      const value = { id, text: `${text}"${integer}`, list: [id] };
      expect(readingOf(written)).toEqual(value);
      expect(readingOf(exactJson(value))).toEqual(value);
    }),
  );
  expect(exactJson({ id: 12345678901234567891n })).toBe('{"id":12345678901234567891}');
  expect(readingOf('[1234567890123456789.5, 1e20]')).toEqual([
    Number('1234567890123456789.5'),
    1e20,
  ]);
});

test('what JavaScript would change or refuse is told by name on one short line', () => {
  expect(readingOf('{"a": "NaN", "b": NaN}')).toBe('is no JSON: NaN, which JSON does not have');
  expect(readingOf('[-Infinity]')).toBe('is no JSON: -Infinity, which JSON does not have');
  expect(readingOf('{"a": 1e999}')).toBe('has a number beyond 1e308');
  expect(readingOf('{"a": "\\ud800"}')).toBe('has half a surrogate pair');
  expect(readingOf('['.repeat(100_000) + ']'.repeat(100_000))).toMatch(/more than 200 deep/);
  const problem = readingOf(`{"a": "\u001b]0;x\u0007${'y'.repeat(10_000)}`);
  expect(problem).toMatch(/^is no JSON: [\x20-\x7e…]{1,200}$/);
});
