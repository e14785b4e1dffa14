import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toNormalForm } from './unicode.ts';

describe('a normal form', () => {
  it('is that of JavaScript for text of any language', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        for (const form of ['NFC', 'NFKC'] as const) {
          expect(toNormalForm(text, form)).toBe(text.normalize(form));
        }
      }),
    );
    expect(toNormalForm('e\u0323\u0302', 'NFC')).toBe('ệ');
  });

  it('of very many combining marks is found without delay, and loses none', () => {
    const text = `a${'\u0301\u0323'.repeat(500_000)}`;
    expect(toNormalForm(text, 'NFC').length).toBeGreaterThan(999_990);
    expect(toNormalForm(text, 'NFKC').length).toBeGreaterThan(999_990);
  });
});
