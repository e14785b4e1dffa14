/** What can be counted in a text that has nothing to do with being right. */

const hedge =
  /\b(?:may|might|could|possibl[ey]|probabl[ey]|likely|perhaps|suggest(?:s|ive)?|unclear|uncertain|cannot (?:be )?exclude|appears? to|seems?|consistent with|differential|suspicio(?:us|n))\b/gi;

/** Words that leave open what is said. */
export function hedgesIn(text: string): number {
  return text.match(hedge)?.length ?? 0;
}

/** Words in lower case, without tags of the output format. */
export function wordsOf(text: string): string[] {
  return (
    text
      .replace(/<\/?[A-Za-z_]+>/g, ' ')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/** Runs of this many words, each once. */
export function phrasesOf(words: readonly string[], length: number): Set<string> {
  const found = new Set<string>();
  for (let end = length; end <= words.length; end++) {
    found.add(words.slice(end - length, end).join(' '));
  }
  return found;
}

/** Share of a text's runs of three words that stand in the question, in [0, 1]; 0 for shorter texts. */
export function copiedShare(words: readonly string[], question: ReadonlySet<string>): number {
  const phrases = phrasesOf(words, 3);
  if (phrases.size === 0) return 0;
  let copied = 0;
  for (const phrase of phrases) if (question.has(phrase)) copied++;
  return copied / phrases.size;
}
