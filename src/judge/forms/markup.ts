/**
 * Markup around and within a short text: Markdown, LaTeX, HTML. What is struck out, and what looks like markup
 * but is not (the star alleles `*1/*4`, `10**5`, `$5`, `a < b`), stays as it is.
 */

/** The text as it would be shown; raised digits as superscripts. Line breaks stay. */
export function withoutMarkup(text: string): string {
  if (!/[\\`*_$<&#^•‣▪●◦]/.test(text)) return text;
  return withoutMarkdown(withoutLatex(withoutHtml(text)));
}

const inlineTags = 'b|i|em|strong|u|span|code|pre|tt|mark|small|big|font|center|answer';
const blockTags = 'p|div|br|li|ul|ol|h[1-6]|body|html';
const entities: Readonly<Record<string, string>> = {
  nbsp: ' ',
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  deg: '°',
  micro: 'µ',
  mu: 'μ',
  alpha: 'α',
  beta: 'β',
  gamma: 'γ',
  le: '≤',
  ge: '≥',
  plusmn: '±',
  times: '×',
  ndash: '–',
  mdash: '—',
  rsquo: '’',
  shy: '\u00ad',
};

function withoutHtml(text: string): string {
  return text
    .replace(new RegExp(`</?(?:${inlineTags})(?:\\s[^<>]*)?/?>`, 'gi'), '')
    .replace(new RegExp(`</?(?:${blockTags})(?:\\s[^<>]*)?/?>`, 'gi'), '\n')
    .replace(/<sup>([^<>]*)<\/sup>/gi, (_, inner: string) => superscript(inner))
    .replace(/<sub>([^<>]*)<\/sub>/gi, (_, inner: string) => subscript(inner))
    .replace(/&(?:([a-z]+)|#(\d{1,6})|#x([\da-f]{1,5}));/gi, (found, name, decimal, hex) => {
      if (name !== undefined) return entities[name] ?? found;
      return String.fromCodePoint(decimal === undefined ? Number.parseInt(hex, 16) : +decimal);
    });
}

/** Commands that only say how their text looks. */
const looks =
  /\\(?:boxed|fbox|text|textbf|textit|textrm|textsf|emph|underline|mathrm|mathbf|mathit|mathsf|mbox|operatorname|bf|rm|it)\s*\{([^{}]*)\}/g;

/** The longest names first, so that `\leq` is not read as `\le` and a q. */
const symbols: readonly (readonly [name: string, sign: string])[] = [
  ['times', '×'],
  ['pm', '±'],
  ['leq', '≤'],
  ['geq', '≥'],
  ['neq', '≠'],
  ['le', '≤'],
  ['ge', '≥'],
  ['ne', '≠'],
  ['lt', '<'],
  ['gt', '>'],
  ['approx', '≈'],
  ['sim', '~'],
  ['degree', '°'],
  ['rightarrow', '→'],
  ['to', '→'],
  ['alpha', 'α'],
  ['beta', 'β'],
  ['gamma', 'γ'],
  ['delta', 'δ'],
  ['Delta', 'Δ'],
  ['epsilon', 'ε'],
  ['kappa', 'κ'],
  ['lambda', 'λ'],
  ['mu', 'μ'],
  ['pi', 'π'],
  ['rho', 'ρ'],
  ['sigma', 'σ'],
  ['tau', 'τ'],
  ['theta', 'θ'],
  ['omega', 'ω'],
];
const symbolCommand = new RegExp(
  `\\\\(${symbols.map(([name]) => name).join('|')})(?![A-Za-z])\\s?`,
  'g',
);

/** Deeper nesting than any short text has. */
const mostNested = 8;

function withoutLatex(text: string): string {
  if (!/[\\$^_]/.test(text)) return text;
  let plain = text.replace(/\^\s*(?:\{\s*)?\\circ\s*\}?/g, '°');
  for (let round = 0; round < mostNested; round++) {
    const before = plain;
    plain = plain
      .replace(looks, '$1')
      .replace(/(\d?)\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, (_, whole, over, under) => {
        return `${whole === '' ? '' : `${whole} `}${over}/${under}`;
      });
    if (plain === before) break;
  }
  return plain
    .replace(/\\[()[\]]|\\(?:left|right|displaystyle)(?![A-Za-z])/g, '')
    .replace(/\$\$([^$]+)\$\$/g, '$1')
    .replace(/(?<![\\\w$])\$(?![\s$])([^$\n]*[^\s\\$]|[^\s\\$])\$(?![\d$])/g, '$1')
    .replace(symbolCommand, (_, name: string) => signOf.get(name) ?? '')
    .replace(/\\(?:[,;!: ]|q?quad(?![A-Za-z]))/g, ' ')
    .replace(/\\([%&#_$])/g, '$1')
    .replace(
      /\^\{([^{}]*)\}|(?<=\p{L})\^(\d*[+-])(?!\d)|\^([+-]?\d+)/gu,
      (_, braced?: string, charge?: string, power?: string) =>
        superscript(braced ?? charge ?? power ?? ''),
    )
    .replace(/(?<=[\p{L})])_(?:\{(\d+)\}|(\d+))/gu, (_, braced?: string, bare?: string) =>
      subscript(braced ?? bare ?? ''),
    );
}

const signOf = new Map(symbols);

function withoutMarkdown(text: string): string {
  return text
    .replace(/^[ \t]*```\w*[ \t]*$/gm, '')
    .replace(/`([^`]+)`/g, '$1')
    .replace(/^[ \t]*#{1,6}[ \t]+/gm, '')
    .replace(/^[ \t]*(?:[•‣▪●◦]|\*(?=[ \t]))[ \t]*/gm, '')
    .replace(/(?<!\d)\*\*(?!\s)([^*]+?)(?<!\s)\*\*(?!\d)/g, '$1')
    .replace(/(?<![\p{L}\p{N}_])__(?!\s)([^_]+?)(?<!\s)__(?![\p{L}\p{N}_])/gu, '$1')
    .replace(
      /(?<![\p{L}\p{N}*/])\*(?=[\p{L}(])([^*\n]*[\p{L}\p{N}.)!?%])\*(?![\p{L}\p{N}*/])/gu,
      '$1',
    )
    .replace(/(?<![\p{L}\p{N}_])_(?=[^\s_])([^_\n]*[^\s_])_(?![\p{L}\p{N}_])/gu, '$1');
}

const high = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const low = '₀₁₂₃₄₅₆₇₈₉';

/** As Unicode spells it, where it does; `^x` where not. */
function superscript(inner: string): string {
  const text = inner.trim().replaceAll('\u2212', '-');
  if (!/^[\d+-]+$/.test(text)) return `^${text}`;
  return text
    .replace(/\d/g, (digit) => high[+digit] ?? '')
    .replace(/\+/g, '⁺')
    .replace(/-/g, '⁻');
}

function subscript(inner: string): string {
  return inner.trim().replace(/\d/g, (digit) => low[+digit] ?? '');
}
