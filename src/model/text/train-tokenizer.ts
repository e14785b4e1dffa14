/**
 * Trains a byte-level BPE tokenizer of Qwen's form on given texts: the most frequent pair of neighbouring
 * tokens becomes a token, again and again.
 *
 * Source: Sennrich et al., arXiv 1508.07909; merges and ids are those of Hugging Face's `BpeTrainer`, ties
 * included (the pair of the smaller ids first), so equal texts always give equal files.
 */
import { defined, fail } from '../../core/errors.ts';
import { byteCharacters, preTokenize, preTokenPattern } from './byte-level.ts';
import { MaxHeap } from './max-heap.ts';

/** In the order of their ids, which follow the ordinary tokens. */
export const qwenSpecialTokens = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|vision_start|>',
  '<|vision_end|>',
  '<|image_pad|>',
  '<|video_pad|>',
] as const;

type QwenSpecialToken = (typeof qwenSpecialTokens)[number];

export type TrainedTokenizer = {
  /** `tokenizer.json`. */
  readonly tokenizer: Readonly<Record<string, unknown>>;
  /** `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** At most the size asked for: the texts may run out of pairs. */
  readonly vocabSize: number;
  readonly specialIds: Readonly<Record<QwenSpecialToken, number>>;
};

/**
 * @param texts what to compress; order does not matter.
 * @param vocabSize tokens in all: 256 bytes, merges and 7 special tokens.
 *
 * Throws a `model` error when `vocabSize` is below 263.
 */
export function trainTokenizer(texts: Iterable<string>, vocabSize: number): TrainedTokenizer {
  const smallest = byteCharacters.length + qwenSpecialTokens.length;
  if (vocabSize < smallest) {
    fail('model', {
      where: 'vocabSize',
      expected: `at least ${smallest} (256 bytes and ${qwenSpecialTokens.length} special tokens)`,
      got: `${vocabSize}`,
      next: 'ask for a larger vocabulary',
    });
  }
  const { vocab, merges } = learnMerges(texts, vocabSize - qwenSpecialTokens.length);
  const specialIds = Object.fromEntries(
    qwenSpecialTokens.map((token, i) => [token, vocab.length + i]),
  ) as Record<QwenSpecialToken, number>;
  return {
    tokenizer: tokenizerFile(vocab, merges, specialIds),
    config: {
      tokenizer_class: 'Qwen2Tokenizer',
      add_prefix_space: false,
      bos_token: null,
      eos_token: '<|im_end|>',
      pad_token: '<|endoftext|>',
      // Other trainers generate from this model in batches, and what a decoder continues must stand at the end.
      padding_side: 'left',
      unk_token: null,
      additional_special_tokens: qwenSpecialTokens.slice(1),
      clean_up_tokenization_spaces: false,
      errors: 'replace',
      split_special_tokens: false,
    },
    vocabSize: vocab.length + qwenSpecialTokens.length,
    specialIds,
  };
}

type Merge = readonly [left: string, right: string];

/** A distinct pre-token: its tokens so far, and how often the texts hold it. */
type Word = { tokens: number[]; readonly count: number };

type PairCount = { readonly pair: number; readonly count: number };

/** A pair of token ids as one number, ordered by the left id, then the right. */
const pairBase = 2 ** 24;
const pairOf = (left: number, right: number) => left * pairBase + right;

function learnMerges(
  texts: Iterable<string>,
  size: number,
): { readonly vocab: readonly string[]; readonly merges: readonly Merge[] } {
  const vocab = [...byteCharacters].sort();
  const ids = new Map(vocab.map((token, id) => [token, id]));
  const words = countWords(texts, ids);
  const counts = new Map<number, number>();
  const places = new Map<number, Set<Word>>();
  const merges: Merge[] = [];

  const add = (word: Word, sign: 1 | -1, touched: Set<number>) => {
    for (let i = 0; i + 1 < word.tokens.length; i++) {
      const pair = pairOf(word.tokens[i]!, word.tokens[i + 1]!);
      counts.set(pair, (counts.get(pair) ?? 0) + sign * word.count);
      touched.add(pair);
      if (sign === 1) places.set(pair, (places.get(pair) ?? new Set()).add(word));
    }
  };

  // Counts in the heap may be stale; a popped entry counts only if it still holds.
  const heap = new MaxHeap<PairCount>((a, b) => a.count - b.count || b.pair - a.pair);
  const push = (touched: Set<number>) => {
    for (const pair of touched) {
      const count = counts.get(pair) ?? 0;
      if (count > 0) heap.push({ pair, count });
    }
  };

  const all = new Set<number>();
  for (const word of words) add(word, 1, all);
  push(all);
  while (vocab.length < size) {
    const best = heap.pop();
    if (best === undefined) break;
    if (counts.get(best.pair) !== best.count) continue;
    const left = Math.floor(best.pair / pairBase);
    const right = best.pair % pairBase;
    const token = vocab[left]! + vocab[right]!;
    // Two different pairs can spell the same token.
    const id = ids.get(token) ?? vocab.push(token) - 1;
    ids.set(token, id);
    merges.push([vocab[left]!, vocab[right]!]);
    const touched = new Set<number>();
    for (const word of defined(places.get(best.pair), 'words of a pair')) {
      add(word, -1, touched);
      word.tokens = mergedTokens(word.tokens, left, right, id);
      add(word, 1, touched);
    }
    counts.delete(best.pair);
    places.delete(best.pair);
    push(touched);
  }
  return { vocab, merges };
}

function countWords(texts: Iterable<string>, ids: ReadonlyMap<string, number>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of preTokenize(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return Array.from(counts, ([word, count]) => ({
    tokens: Array.from(word, (character) => defined(ids.get(character), 'a byte character')),
    count,
  }));
}

/** Replaces the pair by the merged token, from left to right. */
function mergedTokens(
  tokens: readonly number[],
  left: number,
  right: number,
  id: number,
): number[] {
  const result: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const isPair = tokens[i] === left && tokens[i + 1] === right;
    result.push(isPair ? id : tokens[i]!);
    if (isPair) i++;
  }
  return result;
}

function tokenizerFile(
  vocab: readonly string[],
  merges: readonly Merge[],
  specialIds: Readonly<Record<QwenSpecialToken, number>>,
): Readonly<Record<string, unknown>> {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: qwenSpecialTokens.map((content) => ({
      id: specialIds[content],
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: { Regex: preTokenPattern },
          behavior: 'Isolated',
          invert: false,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: {
      type: 'ByteLevel',
      add_prefix_space: false,
      trim_offsets: false,
      use_regex: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab.map((token, id) => [token, id])),
      merges,
    },
  };
}
