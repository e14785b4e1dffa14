import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tinyModelDirectory } from '../tiny-model.fixture.ts';
import { preTokenize } from './byte-level.ts';
import { createTokenizer } from './tokenizer.ts';
import { trainTokenizer } from './train-tokenizer.ts';

/** What the fixture's tokenizer was trained on, by Hugging Face's trainer. */
const corpus = [
  'The chest X-ray shows a left lower lobe opacity. What is the most likely diagnosis?',
  'system\nYou are a careful radiologist.\nuser\nassistant\n',
  '<answer>pneumonia</answer> <think>the opacity lies in the left lung</think>',
  'What does this image show? Which organ is enlarged in the second image?',
];

const tinyFile = readFileSync(`${tinyModelDirectory}/tokenizer.json`, 'utf8');
const tiny = createTokenizer({ 'tokenizer.json': tinyFile });
const text = fc.string({ unit: 'grapheme', maxLength: 60 });

test('training finds the merges and ids of the Hugging Face trainer', () => {
  const { tokenizer, vocabSize, specialIds } = trainTokenizer(corpus, 400);
  const expected = JSON.parse(tinyFile);
  const model = tokenizer['model'] as { vocab: unknown; merges: unknown };
  expect(model.merges).toEqual(expected.model.merges);
  expect(model.vocab).toEqual(expected.model.vocab);
  expect(tokenizer['added_tokens']).toEqual(expected.added_tokens);
  expect(vocabSize).toBe(400);
  expect(specialIds['<|im_end|>']).toBe(395);
});

test('training does not depend on the order of texts', () => {
  expect(trainTokenizer([...corpus].reverse(), 380)).toEqual(trainTokenizer(corpus, 380));
});

test('training stops when the texts run out of pairs', () => {
  expect(trainTokenizer(['abab'], 500).vocabSize).toBe(256 + 2 + 7);
  expect(trainTokenizer([], 500).vocabSize).toBe(256 + 7);
});

test('a vocabulary too small for the bytes is refused', () => {
  expect(() => trainTokenizer(corpus, 262)).toThrow('at least 263');
});

test('overlapping repetitions merge from the left', () => {
  const trained = createTokenizer({
    'tokenizer.json': JSON.stringify(trainTokenizer(['aaaaaaa'], 270).tokenizer),
  });
  expect(trained.decode(trained.encode('aaaaaaaaaaa'))).toBe('aaaaaaaaaaa');
});

test('any text decodes to its normal form', () => {
  fc.assert(
    fc.property(text, (value) => {
      const tokens = tiny.encode(value);
      expect(tiny.decode(tokens)).toBe(value.normalize('NFC'));
      expect(tokens.every((token) => token < 393)).toBe(true);
    }),
  );
});

test('pre-tokens tile the text', () => {
  fc.assert(
    fc.property(text, (value) => {
      const bytes = new TextEncoder().encode(value.normalize('NFC')).length;
      expect(preTokenize(value).join('')).toHaveLength(bytes);
    }),
  );
});

test('special tokens are spelled out by encode and left out by decode', () => {
  const tokens = tiny.encode('<|im_end|>');
  expect(tokens.length).toBeGreaterThan(1);
  expect(tiny.decode([...tokens, tiny.specialTokens.get('<|im_end|>')!, 9999])).toBe('<|im_end|>');
  expect(tiny.decode([])).toBe('');
});

test('added tokens that are not special are single tokens in ordinary text', () => {
  const file = JSON.parse(tinyFile);
  file.added_tokens.push({ id: 400, content: '<think>', special: false, normalized: false });
  const tokenizer = createTokenizer({ 'tokenizer.json': JSON.stringify(file) });
  expect(tokenizer.encode('<think>')).toEqual([400]);
  expect(tokenizer.decode([400])).toBe('<think>');
});

test('a cut-off character decodes to the replacement character', () => {
  const [first] = tiny.encode('📷');
  expect(tiny.decode([first!])).toBe('\uFFFD');
});

test('a tokenizer of another kind is refused by name', () => {
  const file = JSON.parse(tinyFile);
  file.model.type = 'Unigram';
  expect(() => createTokenizer({ 'tokenizer.json': JSON.stringify(file) })).toThrow(
    'tokenizer.json: model.type',
  );
  expect(() => createTokenizer({ 'tokenizer.json': '{' })).toThrow('tokenizer.json');
});
