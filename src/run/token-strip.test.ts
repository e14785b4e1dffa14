import { expect, it } from 'vitest';
import { readTokenStrip, tokenStrip } from './token-strip.ts';

const pieces = ['brain', ' ma', 'ss', ''];
const decode = (tokens: readonly number[]) => tokens.map((token) => pieces[token] ?? '').join('');

it('gives each token its text and its logprob to a sixteenth of a nat', () => {
  const strip = tokenStrip('brain mass', [0, 1, 2, 3], [-0.5, 0, -2.03, -40], decode);
  expect(strip && readTokenStrip('brain mass', strip)).toEqual([
    { text: 'brain', logprob: -0.5 },
    { text: ' ma', logprob: 0 },
    { text: 'ss', logprob: -2 },
    { text: '', logprob: -255 / 16 },
  ]);
});

it('waits for the rest of a character', () => {
  const bytes = [...Buffer.from('é1')];
  const text = (tokens: readonly number[]) => Buffer.from(tokens).toString();
  const strip = tokenStrip('é1', bytes, [-1, -1, -1], text);
  expect(strip && readTokenStrip('é1', strip)?.map((one) => one.text)).toEqual(['', 'é', '1']);
});

it('is none where the pieces are not the text, and null where it is of another text', () => {
  expect(tokenStrip('other', [0], [-1], decode)).toBeUndefined();
  expect(readTokenStrip('ab', { lengths: 'AQ==', logprobs: 'AQ==' })).toBeNull();
});
