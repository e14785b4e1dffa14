/** Numbers and their units, where the value decides and not how it is written. */

/** `.5` is 0.5; never 5. A letter, digit or stop before it makes it part of something else. */
const bareFraction = /(?<![\p{L}\p{N}.,)])[.,](?=\d)/gu;

/** Units that stand apart from their number or not; single letters may be other things. */
const spacedUnits =
  'mg|kg|[μu]g|mcg|ng|pg|m[lL]|d[lL]|[μu][lL]|cm|mm|km|nm|[μu]m|mmHg|kPa|k?Hz|MHz|bpm|IU|mEq|[mμnp]?mol|mOsm|m?Gy|mSv|MBq|kcal|kJ|min|sec|hours?|days?|weeks?|months?|years?';
const spaceBeforeUnit = new RegExp(
  `(?<=(?<![\\p{L}\\d.,])\\d+(?:[.,]\\d+)?) (?=(?:${spacedUnits})(?![\\p{L}\\p{N}])|%)`,
  'gu',
);

/**
 * Equal numbers in one spelling: `.5` as `0.5`, `1,000,000` as `1000000`, `3 x 4` as `3×4`, `5 mg` as `5mg`,
 * `< 3` as `<3`. Zeros at the end and single thousands stay, which may say another thing (`250.10`; `1,000`
 * where a comma is a decimal point). Expects single spaces.
 */
export function withEqualNumbers(text: string): string {
  if (!/[\d<>≤≥=±]/.test(text)) return text;
  return text
    .replace(bareFraction, '0$&')
    .replace(/(?<![\d.,])[1-9]\d{0,2}(?:,\d{3}){2,}(?![\d,])/g, (found) =>
      found.replaceAll(',', ''),
    )
    .replace(
      /(?<=\d) ?[x×✕✖] ?(?=\d)|(?<=\d ?(?:mm|cm|m|in)) ?[x×✕✖] ?(?=\d)/g,
      (found, at, whole) =>
        // Hexadecimal numbers, which no measure is.
        found === 'x' && /(?:^|\D)0$/.test(whole.slice(Math.max(0, at - 2), at)) ? found : '×',
    )
    .replace(/ ?([<>≤≥=±]) ?/g, '$1')
    .replace(/(?<=[\p{L}\p{N})%]) ?\/ ?(?=[\p{L}\p{N}(])/gu, '/')
    .replace(/(?<=\d) ?° ?(?=[CF]\b)/g, '°')
    .replace(spaceBeforeUnit, '');
}

/** Thousands of English spelling: `1,000` as 1000. A zero before the comma tells a decimal comma. */
export function withoutThousandsCommas(text: string): string {
  return text.replace(/(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])/g, (found) =>
    found.replaceAll(',', ''),
  );
}

const number = /^[-+]?\d/;
const prefixedUnit =
  /^M(?=(?:g|l|m|s|v|w|a|hz|bq|ci|ev|pa|mol|osm|osmol|eq|bar|rad|rem|sec|gy|sv|kat|cal|val|hg|mhg)$)/i;

/**
 * The unit behind a number in one case, but for single letters (5 s, 5 S) and the prefix `M`: 5 Mg is a milliard
 * times 5 mg. Undefined for other words.
 */
export function unitAfter(before: string | undefined, word: string): string | undefined {
  if (before === undefined || !number.test(before)) return undefined;
  if (/^(?:mcg|ug)$/i.test(word)) return 'μg';
  if (word.length === 1) return word === 'l' ? 'L' : word;
  return prefixedUnit.test(word) ? `${word.charAt(0)}${word.slice(1).toLowerCase()}` : undefined;
}
