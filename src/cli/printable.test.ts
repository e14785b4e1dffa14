import { expect, it } from 'vitest';
import { printableJson } from './printable.ts';

it('JSON for a terminal reads back as the same value and holds no control character', () => {
  const value = { text: 'é 📷\n\t\u001b[31m\u007f\u009b\u2028\u202e', 'key\u0085': [1.5, null] };
  const json = printableJson(value);
  expect(JSON.parse(json)).toEqual(value);
  expect(json).toContain('é 📷');
  expect(json).not.toMatch(/[\p{Cc}\p{Zl}\p{Bidi_Control}]/u);
});
