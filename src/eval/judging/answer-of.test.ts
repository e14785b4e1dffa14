import { describe, expect, it } from 'vitest';
import { answerOf, paperAnswerOf } from './answer-of.ts';

const answer = (text: string) => ({ kind: 'answer', text });

describe('the answer of a response', () => {
  it.each([
    ['Pneumonia', 'Pneumonia'],
    ['<answer>Pneumonia</answer>', 'Pneumonia'],
    ['<X_RAY><thinking>white lobe</thinking><answer>Pneumonia</answer>', 'Pneumonia'],
    ['<x_ray>\nPneumonia', 'Pneumonia'],
    ['<think>white lobe</think>\n\nPneumonia', 'Pneumonia'],
    ['white lobe, opened in the prompt</think>Pneumonia', 'Pneumonia'],
    ['<think>one</think>no<think>two</think>yes', 'noyes'],
    ['<think>I may write <think> here</think>yes', 'yes'],
    ['<answer>Pneumonia</answer><thinking>afterthought</thinking>', 'Pneumonia'],
    ['<ANSWER>Pneumonia</ANSWER>', 'Pneumonia'],
    ['<answer>Pneumonia, cut off', 'Pneumonia, cut off'],
    ['<answer>yes</answer> or <answer>no</answer>', 'yes\nno'],
    ['A <5 mm nodule', 'A <5 mm nodule'],
  ])('of %j is %j', (response, text) => {
    expect(answerOf(response)).toEqual(answer(text));
  });

  it.each([
    '',
    '  \n',
    '<think>it may be pneumonia, or',
    '<thinking>done</thinking><think>but wait: <answer>no</answer>',
    '<thinking>white lobe</thinking>',
    '<answer></answer>',
    '<MRI_SCAN>',
  ])('of %j is missing', (response) => {
    expect(answerOf(response).kind).toBe('none');
  });
});

describe('the answer as the paper shows it', () => {
  it.each([
    ['<X_RAY><thinking>white</thinking><answer>Pneumonia</answer>', '<answer>Pneumonia</answer>'],
    ['<X_RAY><answer>Pneumonia</answer>', '<X_RAY><answer>Pneumonia</answer>'],
    ['a</think> b </think>\n c \n', 'c'],
    ['a</thinking>b</thinking>c', 'c'],
    ['<thinking>a</thinking><think>b</think>c', 'c'],
    ['<think>a</think>b</thinking>c', 'b</thinking>c'],
    ['<think>white, since', '<think>white, since'],
    ['<THINK>white</THINK>yes', '<THINK>white</THINK>yes'],
    [' yes ', ' yes '],
    ['<think>white</think>', ''],
    ['', ''],
  ])('of %j is %j', (response, text) => {
    expect(paperAnswerOf(response)).toEqual(answer(text));
  });
});
