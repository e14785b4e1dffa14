import { describe, expect, it } from 'vitest';
import type { ChatReply } from '../chat/chat-model.ts';
import { readVerdict, type VerdictReading } from './verdict.ts';

function read(text: string, reading: VerdictReading, stopReason: ChatReply['stopReason'] = 'stop') {
  const verdict = readVerdict({ kind: 'replied', text, stopReason, latencyMs: 1 }, reading);
  return verdict.kind === 'verdict' ? verdict.correct : verdict.cause;
}

function readFirst(candidates: readonly (readonly [text: string, probability: number])[]) {
  const firstToken = candidates.map(([text, probability]) => ({
    text,
    logprob: Math.log(probability),
  }));
  const reply: ChatReply = {
    kind: 'replied',
    text: '',
    stopReason: 'length',
    latencyMs: 1,
    firstToken,
  };
  return readVerdict(reply, 'logprobs');
}

describe('a verdict by word', () => {
  it.each([
    ['YES', true],
    [' yes.\n', true],
    ['No.', false],
    ['NO', false],
    ['**YES**', true],
    ['YES<|im_end|>', true],
    ['```\nNO\n```', false],
  ])('reads %j', (text, correct) => {
    expect(read(text, 'word')).toBe(correct);
  });

  it.each(['', 'maybe', 'NOT YES', 'No, not YES', 'EYES', 'YES!', 'YES NO', 'Yes, because', 'Y'])(
    'does not guess from %j',
    (text) => {
      expect(read(text, 'word')).toBe('unparsable');
    },
  );

  it('skips what a model thinks before it answers', () => {
    expect(read('<think>It could be NO.</think>\n\nYES', 'word')).toBe(true);
    expect(read('It could be YES.\n</think>\nNO', 'word')).toBe(false);
  });

  it('takes thinking that never ended for no verdict', () => {
    expect(read('<think>\nYES', 'word', 'length')).toBe('unparsable');
  });

  it('quotes a long reply in part only', () => {
    const reply: ChatReply = {
      kind: 'replied',
      text: 'x'.repeat(5000),
      stopReason: 'stop',
      latencyMs: 1,
    };
    expect(readVerdict(reply, 'word')).toMatchObject({
      message: expect.stringMatching(/^.{100,300}$/),
    });
  });
});

describe('a verdict by schema', () => {
  it.each([
    ['{"correct": true}', true],
    ['\n{ "correct" : false }\n', false],
    ['<think>hm</think>{"correct":true}', true],
    ['```json\n{"correct": true}\n```', true],
    ['<thinking>{"correct": false}?</thinking>\n{"correct": true}', true],
    ['The verdict is {"correct": true}', true],
  ])('reads %j', (text, correct) => {
    expect(read(text, 'json')).toBe(correct);
  });

  it.each([
    'YES',
    '{"correct": "true"}',
    '{"correct": true, "sure": 1}',
    '{"correct": true',
    '[true]',
    '{"correct": true} or {"correct": false}',
    '<think>{"correct": true}',
  ])('does not guess from %j', (text) => {
    expect(read(text, 'json')).toBe('unparsable');
  });
});

describe('a verdict by first token', () => {
  it('sums all spellings of a side and tells the margin', () => {
    const verdict = readFirst([
      ['NO', 0.4],
      [' yes', 0.3],
      ['Yes', 0.25],
    ]);
    expect(verdict).toMatchObject({ kind: 'verdict', correct: true });
    expect(verdict.kind === 'verdict' && verdict.margin).toBeCloseTo(Math.log(0.55 / 0.4), 10);
  });

  it('takes a side that is not listed for no likelier than what is left', () => {
    const sure = readFirst([['NO', 0.99]]);
    expect(sure).toMatchObject({ correct: false });
    expect(sure.kind === 'verdict' && sure.margin).toBeCloseTo(Math.log(0.01 / 0.99), 6);
    const among = readFirst([
      ['YES', 0.5],
      ['The', 0.002],
    ]);
    expect(among.kind === 'verdict' && among.margin).toBeCloseTo(Math.log(0.5 / 0.002), 6);
  });

  it('has a finite margin even where the model is wholly sure', () => {
    const verdict = readFirst([['YES', 1]]);
    expect(verdict.kind === 'verdict' && Number.isFinite(verdict.margin)).toBe(true);
  });

  it.each([
    [[['The', 0.9]]],
    [
      [
        ['YES', 0.5],
        ['NO', 0.5],
      ],
    ],
    [[]],
  ] as const)('is none when neither side is likelier: %j', (candidates) => {
    expect(readFirst(candidates)).toMatchObject({ cause: 'unparsable' });
  });
});

describe("the paper's reading", () => {
  it.each([
    ['YES', true],
    ['Yes.', true],
    ['NO', false],
    ['', false],
    ['No, not YES', true],
    ['NOT YES', true],
    ['EYES', true],
    ['<think>YES', true],
  ])('reads %j', (text, correct) => {
    expect(read(text, 'any-yes')).toBe(correct);
  });
});
