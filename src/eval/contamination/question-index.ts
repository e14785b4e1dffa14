/**
 * Questions of samples, found again in other texts: word for word, or in good part. A question is known by
 * the 8-word sequences in it, of long ones by the 32 of the smallest hash (a bottom-k sketch, Broder 1997),
 * so that a text's share of them estimates how much of the question the text contains. Unlike the Jaccard
 * index, which also falls with what else the text holds, this finds a question among answers or context.
 * Memory: some 350 bytes a question.
 */
import { digestOfBytes } from '../../core/digest.ts';
import { invariant } from '../../core/errors.ts';
import { toNormalForm } from '../../core/unicode.ts';

type NearQuestion = {
  readonly sample: number;
  /** Share of the question that the text contains, 0.5 to 1; exact for questions of up to 39 words. */
  readonly share: number;
};

export type QuestionIndex = {
  /** @param sample its number, from 0 */
  add(sample: number, question: string): void;
  /**
   * Numbers of the samples whose question the text is (for one question always the same array), and of
   * those of which it holds half or more.
   */
  find(text: string): { readonly exact: readonly number[]; readonly near: readonly NearQuestion[] };
};

const wordsAlong = 8;
const sequencesKept = 32;
/** Shorter questions, of 10 words and less, are found only word for word: many share their phrases. */
const sequencesLeast = 4;
const leastShare = 0.5;

/** Numbers of samples take the lower 21 bits of a place, hashes the 32 above: together a whole number. */
const sampleLimit = 2 ** 21;

export function createQuestionIndex(): QuestionIndex {
  const exact = new Map<string, number[]>();
  const sequences = new Map<number, number>();
  const places: number[] = [];
  let sorted = new Float64Array();
  return {
    add: (sample, question) => {
      invariant(sample < sampleLimit, `more than ${sampleLimit} samples in one index`);
      const words = wordsOf(question);
      const key = digestOfBytes(words.join(' '));
      const same = exact.get(key);
      if (same) same.push(sample);
      else exact.set(key, [sample]);
      const kept = sequencesOf(words).sort().subarray(0, sequencesKept);
      if (kept.length < sequencesLeast) return;
      sequences.set(sample, kept.length);
      for (const hash of kept) places.push(hash * sampleLimit + sample);
    },
    find: (text) => {
      if (sorted.length < places.length) sorted = Float64Array.from(places).sort();
      const words = wordsOf(text);
      const same = exact.get(digestOfBytes(words.join(' '))) ?? [];
      const near = [...countShared(sequencesOf(words), sorted)]
        .map(([sample, shared]) => ({ sample, share: shared / (sequences.get(sample) ?? shared) }))
        .filter(({ sample, share }) => share >= leastShare && !same.includes(sample));
      return { exact: same, near };
    },
  };
}

/** Letters and digits in lower case; everything else sets words apart. */
function wordsOf(text: string): string[] {
  return (
    toNormalForm(text, 'NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/** Hashes of all 8-word sequences, each once. */
function sequencesOf(words: readonly string[]): Uint32Array {
  const hashes = new Set<number>();
  for (let from = 0; from + wordsAlong <= words.length; from++) {
    hashes.add(hashOf(words.slice(from, from + wordsAlong).join(' ')));
  }
  return Uint32Array.from(hashes);
}

/** FNV-1a with a final mix (MurmurHash3), since the smallest hashes are kept: all bits must be even. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** How many of the sequences each sample is known by. */
function countShared(hashes: Uint32Array, sorted: Float64Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const hash of hashes) {
    const first = hash * sampleLimit;
    for (let place = firstFrom(sorted, first); place < sorted.length; place++) {
      const sample = (sorted[place] ?? 0) - first;
      if (sample >= sampleLimit) break;
      counts.set(sample, (counts.get(sample) ?? 0) + 1);
    }
  }
  return counts;
}

/** The first place whose value is not below `least`. */
function firstFrom(sorted: Float64Array, least: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
