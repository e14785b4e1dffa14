/** Where capitals are mere spelling, and where they name another thing. */

/** Short words that begin an answer with a capital; those of three letters and fewer may else be symbols. */
const everyday = new Set(
  'no yes the an and any all for not of on or to by if is it one two six ten hip leg arm eye ear rib jaw toe lip gut low'.split(
    ' ',
  ),
);

/** What people shout: shorter words in capitals may be acronyms (AIDS, FISH, CREST) or genes (KRAS). */
const shouted = new Set(
  'yes none both left right upper lower lung lungs heart liver brain kidney spleen chest bone skull normal benign acute mild severe large small'.split(
    ' ',
  ),
);
const shoutedLetters = 7;
const capitalisedLetters = 4;

/** Names that are words too: Graves disease is of no graves, Notch is a receptor. */
const namesAndWords = new Set(
  'Aids April August Baker Battle Bell Down Graves Hedgehog Hunter March Notch Paris Polish Pott Still Turkey Wells'.split(
    ' ',
  ),
);

/** Millimoles are no megamoles. */
const unit =
  /^[Mm](?:mol|osmol|osm|bar|rad|rem|sec|val|kat|cal|gray|volt|watt|gram|liter|litre)s?$/;

/** Pairs of one letter write a genotype: AA, Aa, aaBb. */
export const genotype = /^(?:(\p{L})\1)+$/iu;

const word = /(?<![\p{L}\p{M}\p{N}])[\p{L}\p{M}]{2,}(?![\p{L}\p{M}\p{N}])/gu;

/**
 * Ordinary words in lower case: those that begin with a capital, those of {@link shoutedLetters} letters and
 * more in capitals, and a few short ones. Symbols, acronyms, genes, genotypes, units and names that are also
 * words keep theirs (mg and Mg, AA and Aa, aids and AIDS, pH, NO), as does whatever digits stand in.
 */
export function withOrdinaryCase(text: string): string {
  return text
    .replace(/(?<![\p{L}\p{N}])X-ray/giu, 'x-ray')
    .replace(word, (found) => (isOrdinary(found) ? found.toLowerCase() : found));
}

function isOrdinary(found: string): boolean {
  const lower = found.toLowerCase();
  if (/^[\p{Lu}\p{M}]+$/u.test(found)) {
    return (found.length >= shoutedLetters || shouted.has(lower)) && !genotype.test(found);
  }
  if (!/^\p{Lu}[\p{Ll}\p{M}]+$/u.test(found)) return false;
  if (found.length < capitalisedLetters) return everyday.has(lower);
  return !namesAndWords.has(found) && !genotype.test(found) && !unit.test(found);
}
