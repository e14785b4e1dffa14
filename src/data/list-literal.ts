/**
 * Lists that a column holds as text, in JSON or as Python writes them (MMMU: `['left', "the patient's"]`).
 * Reads strings and numbers; nothing is evaluated.
 */

/** The items as texts, or undefined where the text is no such list. */
export function parseListLiteral(source: string): string[] | undefined {
  const text = source.trim();
  if (!text.startsWith('[') || !text.endsWith(']')) return undefined;
  const items: string[] = [];
  let rest = text.slice(1, -1).trim();
  while (rest !== '') {
    const match = itemPattern.exec(rest);
    if (!match) return undefined;
    const { quoted, bare } = match.groups ?? {};
    items.push(quoted === undefined ? (bare ?? '') : unescapeText(quoted.slice(1, -1)));
    rest = rest.slice(match[0].length);
  }
  return items;
}

/** One item with the comma after it; a comma may also stand after the last. */
const itemPattern =
  /^(?:(?<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?<bare>-?\d+(?:\.\d+)?))\s*(?:,\s*|$)/s;

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function unescapeText(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))/gs,
    (_, wide: string | undefined, narrow: string | undefined, single: string | undefined) => {
      const code = wide ?? narrow;
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      return escapes[single ?? ''] ?? single ?? '';
    },
  );
}
