import { describe, expect, it } from 'vitest';
import { chatCompletion, readCompletion } from './openai-reply.ts';

function read(body: unknown) {
  return readCompletion(chatCompletion.parse(body), 5);
}

/** A completion with this choice, over a good one. */
const completion = (choice: object = {}, more: object = {}) => ({
  choices: [{ message: { content: 'YES' }, finish_reason: 'stop', ...choice }],
  ...more,
});
const saying = (content: unknown) => completion({ message: { content } });

describe('an answer counts whatever form the other fields have', () => {
  it.each<[string, object]>([
    ['no usage', completion()],
    ['usage without completion tokens', completion({}, { usage: { prompt_tokens: 5 } })],
    ['usage null', completion({}, { usage: null })],
    ['usage in words', completion({}, { usage: 'unknown' })],
    [
      'usage below 0',
      completion({}, { usage: { prompt_tokens: -1, completion_tokens: 2, total_tokens: 1 } }),
    ],
    [
      'counts that are text',
      completion({}, { usage: { prompt_tokens: '5', completion_tokens: '1' } }),
    ],
    [
      'counts that are null',
      completion({}, { usage: { prompt_tokens: 5, completion_tokens: null } }),
    ],
    ['a finish reason that is a number', completion({ finish_reason: 3 })],
    ['a finish reason of its own', completion({ finish_reason: { type: 'stop' } })],
    ['no finish reason', { choices: [{ message: { content: 'YES' } }] }],
    ['a refusal that is false', completion({ message: { content: 'YES', refusal: false } })],
    ['logprobs in another form', completion({ logprobs: [['YES', -0.1]] })],
    ['logprobs without content', completion({ logprobs: { content: null } })],
    ['logprobs of no token', completion({ logprobs: { content: [] } })],
    ['an error beside it', completion({}, { error: { message: 'none', code: 0 } })],
    [
      'a broken second choice',
      { choices: [{ message: { content: 'YES' } }, { message: null }, 'x'] },
    ],
  ])('%s', (_, body) => {
    const reply = read(body);
    expect(reply).toEqual({ kind: 'replied', text: 'YES', stopReason: 'stop', latencyMs: 5 });
  });

  it('and whole usage is counted', () => {
    const usage = { prompt_tokens: 5, completion_tokens: 1, cost: 'free' };
    expect(read(completion({}, { usage }))).toMatchObject({ tokens: { prompt: 5, completion: 1 } });
  });
});

describe('content in parts', () => {
  it.each<[string, unknown, string]>([
    ['one text', [{ type: 'text', text: 'YES' }], 'YES'],
    ['a part that is in no list', { type: 'text', text: 'YES' }, 'YES'],
    [
      'texts, joined as they stand',
      [
        { type: 'text', text: 'Y' },
        { type: 'output_text', text: 'ES', annotations: [] },
      ],
      'YES',
    ],
    [
      'thinking beside the answer',
      [
        { type: 'thinking', thinking: [{ type: 'text', text: 'NO' }] },
        { type: 'text', text: 'YES' },
      ],
      'YES',
    ],
    [
      'thinking and reasoning with texts of their own',
      [
        { type: 'thinking', thinking: 'NO', signature: 'x', text: 'NO' },
        { type: 'reasoning', text: 'NO' },
        { type: 'redacted_thinking', data: 'NO' },
        { type: 'text', text: 'YES' },
      ],
      'YES',
    ],
    ['bare strings', ['Y', 'ES'], 'YES'],
    ['a part without a type', [{ text: 'YES' }], 'YES'],
    [
      'what is neither text nor part',
      [null, 7, { type: 'image_url', image_url: {} }, { type: 'text', text: 'YES' }],
      'YES',
    ],
    ['thinking alone', [{ type: 'thinking', thinking: 'NO' }], ''],
    ['no part', [], ''],
    ['nothing', null, ''],
  ])('%s', (_, content, text) => {
    expect(read(saying(content))).toMatchObject({ kind: 'replied', text });
  });

  it.each([
    ['a text that is none', [{ type: 'text', text: { value: 'YES' } }]],
    ['a number', 7],
    ['an object', { correct: true }],
  ])('is unreadable where the answer itself is %s', (_, content) => {
    expect(chatCompletion.safeParse(saying(content)).success).toBe(false);
  });

  it('is a refusal where a part is one', () => {
    expect(read(saying([{ type: 'refusal', refusal: 'I cannot' }]))).toMatchObject({
      kind: 'unscored',
      cause: 'policy-blocked',
      message: 'the model declined: "I cannot"',
    });
  });
});

describe('candidates of the first token', () => {
  it('are read one by one', () => {
    const top_logprobs = [
      { token: 'YES', logprob: -0.1, bytes: null },
      { token: 'NO', logprob: null },
      { token: null, logprob: -3 },
      'no',
      { token: 'no', logprob: -4 },
    ];
    expect(read(completion({ logprobs: { content: [{ top_logprobs }, null] } }))).toMatchObject({
      firstToken: [
        { text: 'YES', logprob: -0.1 },
        { text: 'no', logprob: -4 },
      ],
    });
  });
});

describe('no answer', () => {
  it.each([
    ['no choices', { choices: [] }],
    ['no message', { choices: [{ text: 'YES' }] }],
    ['an error', { error: { message: 'upstream' } }],
    ['nothing', null],
  ])('is %s', (_, body) => {
    expect(chatCompletion.safeParse(body).success).toBe(false);
  });

  it('is what the server broke off', () => {
    expect(read(completion({ finish_reason: 'error', message: { content: 'Y' } }))).toMatchObject({
      kind: 'unscored',
      cause: 'transport',
    });
  });
});
