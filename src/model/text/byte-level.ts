/** Byte-level text of GPT-2's tokenizer family: every byte has a printable character of its own. */
import { toNormalForm } from '../../core/unicode.ts';

/**
 * How Qwen2 cuts text before merging, as `tokenizer.json` spells it (Oniguruma): contractions, letters
 * with one leading sign, single digits, runs of signs, line breaks, spaces.
 * Source: transformers `Qwen2Tokenizer`.
 */
export const preTokenPattern =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/**
 * The same for JavaScript, whose `\s` covers other characters and which has no inline flags. Every
 * character is matched by some alternative, so matches tile the text.
 */
const preTokens = new RegExp(
  preTokenPattern
    .replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?:[sS]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])")
    .replaceAll('\\s', '\\p{White_Space}')
    .replaceAll('\\S', '\\P{White_Space}'),
  'gu',
);

/** [256] the character of each byte: itself where printable, else the next free one from U+0100. */
export const byteCharacters: readonly string[] = (() => {
  let free = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : free++);
  });
})();

const encoder = new TextEncoder();

/** The stretches of a text that are merged separately, each spelled in byte characters. */
export function preTokenize(text: string): string[] {
  return Array.from(toNormalForm(text, 'NFC').matchAll(preTokens), ([stretch]) =>
    Array.from(encoder.encode(stretch), (byte) => byteCharacters[byte]).join(''),
  );
}
