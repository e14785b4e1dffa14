/**
 * Text as Python sees it, where JavaScript differs. White space there is `str.isspace()`, the same set for
 * `str.strip` and `\s` of `re`: it has U+001C to U+001F and U+0085, and not U+FEFF.
 */

const spaces =
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';

/** `text.strip(characters)`: without these characters at both ends; white space by default. */
export function strip(text: string, characters: string = spaces): string {
  return stripStart(stripEnd(text, characters), characters);
}

function stripStart(text: string, characters: string = spaces): string {
  let start = 0;
  while (start < text.length && characters.includes(text.charAt(start))) start++;
  return text.slice(start);
}

function stripEnd(text: string, characters: string = spaces): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/**
 * `re.sub(r"\s*(<|>|/)\s*", r"\1", text)`: without the white space on either side of these characters. In
 * time proportional to the text, which the pattern is not on long runs of white space.
 */
export function withoutSpaceAroundBrackets(text: string): string {
  const pieces = text.split(/([<>/])/);
  return pieces
    .map((piece, i) => {
      const atStart = i === 0 ? piece : stripStart(piece);
      return i === pieces.length - 1 ? atStart : stripEnd(atStart);
    })
    .join('');
}
