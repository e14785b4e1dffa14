import { describe, expect, it } from 'vitest';
import { formatDemonstration, parseResponse } from './response.ts';

const whole = '<X_RAY><thinking>A bright spot.</thinking><answer>nodule</answer>';
const parts = { modality: 'X_RAY', thinking: 'A bright spot.', answer: 'nodule' } as const;

describe('responses', () => {
  it('are read back as they were written', () => {
    expect(formatDemonstration(parts)).toBe(whole);
    expect(parseResponse(whole)).toEqual({ kind: 'parsed', ...parts });
  });

  it('may have whitespace between the parts', () => {
    const spaced = whole.replaceAll('><', '>\n <').replace('nodule', ' nodule ');
    expect(parseResponse(` ${spaced}\n`)).toEqual({ kind: 'parsed', ...parts });
  });

  it.each([
    ['no tag', whole.replace('<X_RAY>', ''), /unknown modality|no modality tag/],
    ['an unknown tag', whole.replace('X_RAY', 'XRAY'), /unknown modality <XRAY>/],
    ['two tags', `<X_RAY>${whole}`, /expected <thinking>/],
    ['no thinking', '<X_RAY><answer>nodule</answer>', /expected <thinking>/],
    ['empty thinking', whole.replace('A bright spot.', ' '), /nothing in <thinking>/],
    ['an empty answer', whole.replace('nodule', ''), /nothing in <answer>/],
    ['text between', whole.replace('<answer>', 'so <answer>'), /expected <answer>/],
    ['text after', `${whole} indeed`, /text after the answer/],
    ['two answers', `${whole}<answer>mass</answer>`, /text after the answer/],
  ])('with %s are malformed', (_, text, problem) => {
    expect(parseResponse(text)).toMatchObject({
      kind: 'malformed',
      problem: expect.stringMatching(problem),
    });
  });

  it('give what is there while they still stream', () => {
    expect(parseResponse('<X_RAY><thinking>A bri')).toEqual({
      kind: 'malformed',
      modality: 'X_RAY',
      thinking: 'A bri',
      problem: 'no </thinking>',
    });
    expect(parseResponse(whole.replace('le</answer>', ''))).toMatchObject({
      thinking: 'A bright spot.',
      answer: 'nodu',
      problem: 'no </answer>',
    });
  });

  it('can be read at every prefix', () => {
    for (let end = 0; end < whole.length; end++) {
      expect(parseResponse(whole.slice(0, end)).kind).toBe('malformed');
    }
  });
});
