import { afterEach, describe, expect, it } from 'vitest';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { rngFromKey } from '../core/rng.ts';
import { createLedger } from '../http/ledger.ts';
import {
  type Behaviour,
  behave,
  chat,
  json,
  type ServerCall,
  startMisbehavingServer,
  status,
} from '../http/misbehaving-server.fixture.ts';
import type { ChatRequest } from './chat-model.ts';
import { createOpenAiChatModel, type OpenAiChatModelOptions } from './openai-chat-model.ts';

const never = new AbortController().signal;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function modelOn(
  script?: (call: ServerCall) => Behaviour | undefined,
  options: Partial<OpenAiChatModelOptions> = {},
) {
  const server = await startMisbehavingServer(script);
  const ledger = createLedger();
  const model = createOpenAiChatModel(
    {
      url: server.url,
      model: 'judge',
      concurrency: 4,
      deadlineMs: 200_000,
      attempts: 1,
      ...options,
    },
    { rng: rngFromKey('test'), clock: createTestClock(200_000), ledger, use: 'judge' },
  );
  closing.push(server.stop, () => void model.close());
  return { model, server, ledger };
}

const request: ChatRequest = {
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Right?' }] }],
  maxTokens: 8,
  temperature: 0,
};
const schema = { name: 'verdict', json: { type: 'object' } };

describe('openai chat model', () => {
  it('sends what the request says and nothing else, and returns text and usage', async () => {
    const { model, server, ledger } = await modelOn();
    const reply = await model.reply(request, never);
    expect(reply).toEqual({
      kind: 'replied',
      text: 'YES',
      stopReason: 'stop',
      latencyMs: 0,
      tokens: { prompt: 90, completion: 1 },
    });
    expect(server.calls[0]?.body).toEqual({
      model: 'judge',
      messages: [{ role: 'user', content: 'Right?' }],
      max_tokens: 8,
      temperature: 0,
    });
    expect(server.calls[0]?.headers.authorization).toBeUndefined();
    expect(ledger.summary()['judge']).toMatchObject({ requests: 1, inputTokens: 90 });
  });

  it('sends sampling, schema and candidates when asked, and extra fields over all', async () => {
    const { model, server } = await modelOn(undefined, {
      extraBody: { top_k: 5, max_tokens: null, max_completion_tokens: 8 },
    });
    await model.reply({ ...request, topP: 0.9, seed: 7, schema, firstTokenCandidates: 5 }, never);
    expect(server.calls[0]?.body).toEqual({
      model: 'judge',
      messages: [{ role: 'user', content: 'Right?' }],
      max_completion_tokens: 8,
      temperature: 0,
      top_p: 0.9,
      seed: 7,
      logprobs: true,
      top_logprobs: 5,
      top_k: 5,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'verdict', schema: { type: 'object' }, strict: true },
      },
    });
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['usage without completion tokens', { usage: { prompt_tokens: 5, total_tokens: 5 } }],
    ['usage of another shape', { usage: 'none' }],
    ['usage in fractions', { usage: { prompt_tokens: 5.5, completion_tokens: 1 } }],
    ['no usage', {}],
    ['a null error', { error: null }],
    ['an error that was survived', { error: { code: 500, message: 'a tool failed' } }],
  ])('takes the reply whatever stands beside it: %s', async (_, fields) => {
    const choices = [{ message: { content: 'YES' }, finish_reason: 'stop' }];
    const { model, ledger } = await modelOn(() => json({ choices, ...fields }));
    const reply = await model.reply(request, never);
    expect(reply).toMatchObject({ kind: 'replied', text: 'YES', stopReason: 'stop' });
    expect(reply).not.toHaveProperty('tokens');
    expect(ledger.summary()['judge']).toMatchObject({ requests: 1, unmetered: 1, failed: 0 });
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['finish_reason', { finish_reason: 7 }],
    ['refusal', { message: { content: 'YES', refusal: {} } }],
    ['logprobs', { logprobs: { content: 'none' } }],
    ['logprobs', { logprobs: { content: [] } }],
  ])('takes the reply where %s is of another shape', async (_, choice) => {
    const { model } = await modelOn(() => chat(choice));
    expect(await model.reply(request, never)).toMatchObject({ text: 'YES', stopReason: 'stop' });
  });

  it('takes the first choice whatever the others are', async () => {
    const choices = [{ message: { content: 'YES' } }, { message: null }, 3];
    const { model } = await modelOn(() => json({ choices }));
    expect(await model.reply(request, never)).toMatchObject({ text: 'YES' });
  });

  it('drops only the candidates that cannot be read', async () => {
    const top_logprobs = [{ token: 'YES', logprob: -0.1 }, { token: 'NO', logprob: null }, 7];
    const { model } = await modelOn(() => chat({ logprobs: { content: [{ top_logprobs }] } }));
    expect(await model.reply(request, never)).toMatchObject({
      firstToken: [{ text: 'YES', logprob: -0.1 }],
    });
  });

  it.each<[unknown, string]>([
    [[{ type: 'text', text: 'YES' }], 'YES'],
    [
      [
        { type: 'thinking', thinking: [{ type: 'text', text: 'NO' }] },
        { type: 'text', text: 'YES' },
      ],
      'YES',
    ],
    [
      [
        { type: 'reasoning', text: 'NO' },
        { type: 'output_text', text: 'Y' },
        { type: 'text', text: 'ES' },
      ],
      'YES',
    ],
    [['Y', { text: 'ES' }], 'YES'],
    [[{ type: 'image_url', image_url: {} }, null, 7, { type: 'text', text: 'YES' }], 'YES'],
    [[], ''],
    [null, ''],
  ])('joins the parts of text in %j', async (content, text) => {
    const { model } = await modelOn(() => chat({ message: { content } }));
    expect(await model.reply(request, never)).toMatchObject({ kind: 'replied', text });
  });

  it.each([{}, { choices: [] }, { choices: [{}] }, { choices: [{ message: { content: 7 } }] }])(
    'takes %j for no reply',
    async (body) => {
      const { model } = await modelOn(() => json(body));
      expect(await model.reply(request, never)).toMatchObject({ cause: 'unparsable' });
    },
  );

  it.each([
    ['png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]],
    ['jpeg', [0xff, 0xd8, 0xff, 0xe0]],
    ['gif', [...Buffer.from('GIF89a')]],
    ['webp', [...Buffer.from('RIFF\u0001\u0002\u0003\u0004WEBP')]],
    ['bmp', [...Buffer.from('BM\0\0\0\0\0\0\0\0\u0036\0\0\0\u0028\0\0\0')]],
    ['tiff', [...Buffer.from('II*\0')]],
  ])('sends a %s image byte for byte, in place, whatever its name', async (type, bytes) => {
    const { model, server } = await modelOn();
    const image = { bytes: Uint8Array.from(bytes), name: 'scan.dcm' };
    const content = [
      { type: 'text', text: 'Before' },
      { type: 'image', image },
      { type: 'text', text: 'after' },
    ] as const;
    await model.reply({ ...request, messages: [{ role: 'user', content }] }, never);
    const base64 = Buffer.from(bytes).toString('base64');
    expect(server.calls[0]?.body['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Before' },
          { type: 'image_url', image_url: { url: `data:image/${type};base64,${base64}` } },
          { type: 'text', text: 'after' },
        ],
      },
    ]);
  });

  it.each([
    ['a text', 'BMI of 31, root:x:0:0'],
    ['nothing', ''],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ])('never sends %s as an image', async (_, text) => {
    const { model, server } = await modelOn();
    const image = { bytes: new TextEncoder().encode(text), name: '/etc/passwd' };
    const content = [{ type: 'image', image }] as const;
    const messages = [{ role: 'user', content }] as const;
    expect(await model.reply({ ...request, messages }, never)).toMatchObject({
      kind: 'unscored',
      cause: 'refused',
      message: expect.stringMatching(/^image "\/etc\/passwd": \d+ bytes of no known image format$/),
    });
    expect(server.calls).toEqual([]);
  });

  it('returns the candidates of the first token', async () => {
    const top_logprobs = [
      { token: 'YES', logprob: -0.1 },
      { token: 'NO', logprob: -2.4 },
    ];
    const { model } = await modelOn(() => chat({ logprobs: { content: [{ top_logprobs }] } }));
    expect(await model.reply({ ...request, firstTokenCandidates: 2 }, never)).toMatchObject({
      firstToken: [
        { text: 'YES', logprob: -0.1 },
        { text: 'NO', logprob: -2.4 },
      ],
    });
  });

  it.each([400, 422, 500])(
    'goes on without a schema where the server answers %d to schemas',
    async (code) => {
      const { model, server } = await modelOn(({ body }) =>
        body['response_format'] ? status(code, 'response_format is not supported') : undefined,
      );
      const asked = { ...request, schema };
      expect(await model.reply(asked, never)).toMatchObject({ kind: 'replied' });
      expect(await model.reply(asked, never)).toMatchObject({ kind: 'replied' });
      expect(server.calls.map(({ body }) => 'response_format' in body)).toEqual([
        true,
        false,
        false,
      ]);
    },
  );

  it.each([
    ['too long a prompt', 400, 'maximum context length is 2048 tokens'],
    ['a failing server', 500, 'out of memory'],
    ['a failing gateway', 502, 'bad gateway'],
    ['another field', 422, 'logprobs is not supported'],
  ])('keeps the schema, and to its attempts, where a server minds %s', async (_, code, said) => {
    const { model, server } = await modelOn(
      ({ count }) => (count <= 3 ? status(code, said) : undefined),
      { attempts: code < 500 ? 1 : 3 },
    );
    const asked = { ...request, schema };
    expect(await model.reply(asked, never)).toMatchObject({ kind: 'unscored' });
    while (server.calls.length < 4) await model.reply(asked, never);
    expect(server.calls.map(({ body }) => 'response_format' in body)).toEqual(
      [1, 2, 3, 4].map(() => true),
    );
  });

  it('leaves out, for good and told once, what a server says that it does not support', async () => {
    const told: string[] = [];
    const hear = ({ message }: Error) => told.push(message);
    process.on('warning', hear);
    const { model, server } = await modelOn(({ body }) => {
      const field = ['response_format', 'seed'].find((name) => name in body);
      return field === undefined ? undefined : status(400, `${field} is not supported`);
    });
    const asked = { ...request, schema, seed: 7, temperature: 1 };
    const replies = await Promise.all([1, 2, 3].map(() => model.reply(asked, never)));
    expect(replies).toMatchObject([1, 2, 3].map(() => ({ kind: 'replied' })));
    const before = server.calls.length;
    expect(await model.reply(asked, never)).toMatchObject({ kind: 'replied' });
    expect(server.calls).toHaveLength(before + 1);
    process.off('warning', hear);
    expect(told).toEqual(
      ['response_format', 'seed'].map(
        (field) => `${server.url} does not support ${field}, which it is no longer sent`,
      ),
    );
  });

  it('leaves it out for that server alone', async () => {
    const poor = await startMisbehavingServer(({ body }) =>
      body['response_format'] ? status(400, 'response_format is not supported') : undefined,
    );
    const rich = await startMisbehavingServer();
    closing.push(poor.stop, rich.stop);
    const { model } = await modelOn(undefined, { url: [poor.url, rich.url] });
    const asked = { ...request, schema };
    await Promise.all([1, 2, 3, 4].map(() => model.reply(asked, never)));
    await Promise.all([1, 2, 3, 4].map(() => model.reply(asked, never)));
    expect(poor.calls.slice(-2).map(({ body }) => 'response_format' in body)).toEqual([
      false,
      false,
    ]);
    expect(rich.calls.every(({ body }) => 'response_format' in body)).toBe(true);
  });

  it('does not leave out what the user asks for', async () => {
    const { model, server } = await modelOn(
      ({ body }) => ('seed' in body ? status(400, 'seed is not supported') : undefined),
      { extraBody: { seed: 1 } },
    );
    const reply = await model.reply({ ...request, seed: 7 }, never);
    expect(reply).toMatchObject({ cause: 'refused' });
    expect(server.calls).toHaveLength(1);
  });

  it('says without end that it refuses what it was not sent, and is believed once', async () => {
    const { model, server } = await modelOn(() => status(400, 'response_format is not supported'));
    expect(await model.reply({ ...request, schema }, never)).toMatchObject({ cause: 'refused' });
    expect(server.calls).toHaveLength(2);
  });

  it.each([
    ['a filtered reply', chat({ finish_reason: 'content_filter' }), 'policy-blocked'],
    ['a refusal', chat({ message: { content: null, refusal: 'I cannot' } }), 'policy-blocked'],
    ['a filtered prompt', status(400, 'content_filter: violence'), 'policy-blocked'],
    ['no choices', json({ choices: [] }), 'unparsable'],
    ['an error inside a 200', json({ error: { message: 'upstream', code: 502 } }), 'transport'],
    ['a spent quota', status(429, 'You exceeded your current quota'), 'refused'],
  ] as const)('leaves %s unscored', async (_, behaviour, cause) => {
    const { model } = await modelOn(() => behaviour);
    expect(await model.reply(request, never)).toMatchObject({ kind: 'unscored', cause });
  });

  it('takes an answer for an answer, whatever error stands beside it', async () => {
    const { model } = await modelOn((call) =>
      json({ ...(call.healthy as object), error: { message: 'none', code: 500 } }),
    );
    expect(await model.reply(request, never)).toMatchObject({ kind: 'replied', text: 'YES' });
  });

  it('takes a reply that was cut off before it began as empty', async () => {
    const { model } = await modelOn(() =>
      chat({ finish_reason: 'length', message: { content: null } }),
    );
    expect(await model.reply(request, never)).toMatchObject({ text: '', stopReason: 'length' });
  });

  it('has a digest of the model and the extra fields, not of where it runs', async () => {
    const digest = async (options: Partial<OpenAiChatModelOptions>) =>
      (await modelOn(undefined, options)).model.describe.digest;
    const plain = await digest({});
    expect(await digest({ concurrency: 9, url: 'http://elsewhere/v1' })).toBe(plain);
    expect(await digest({ model: 'another' })).not.toBe(plain);
    expect(await digest({ extraBody: { top_k: 1 } })).not.toBe(plain);
  });
});

describe('probe of an openai chat model', () => {
  it('reads the list of models, without a chat', async () => {
    const { model, server } = await modelOn();
    expect(await model.probe(never)).toBeUndefined();
    expect(server.calls.map(({ path }) => path)).toEqual(['models']);
  });

  it('says which models there are when the name is wrong', async () => {
    const names = Array.from({ length: 7 }, (_, i) => ({ id: `model-${i}` }));
    const { model } = await modelOn(() => json({ data: names }));
    expect(await model.probe(never)).toMatchObject({
      cause: 'refused',
      message:
        'model "judge" is unknown; the server offers "model-0", "model-1", "model-2", "model-3", "model-4", … (7 in all)',
    });
  });

  it.each([
    ['no list', status(404)],
    ['an empty list', json({ data: [] })],
    ['a page', behave.htmlPage],
  ])('asks for one token where the server has %s', async (_, list) => {
    const { model, server } = await modelOn(({ path }) => (path === 'models' ? list : undefined));
    expect(await model.probe(never)).toBeUndefined();
    expect(server.calls[1]?.body).toMatchObject({ max_tokens: 1 });
  });

  it('finds an expired key even where the list of models is open to all, once', async () => {
    let valid = false;
    const { model, server } = await modelOn(
      ({ path }) => (path === 'models' || valid ? undefined : status(401, 'expired')),
      { apiKey: 'key' },
    );
    expect(await model.probe(never)).toMatchObject({
      cause: 'refused',
      message: expect.stringMatching(/expired/),
    });
    valid = true;
    expect(await model.probe(never)).toBeUndefined();
    expect(await model.probe(never)).toBeUndefined();
    expect(server.calls.map(({ path }) => path.split('/')[0])).toEqual([
      'models',
      'chat',
      'models',
      'chat',
      'models',
    ]);
  });

  it('tolerates a replica that is down, but not one of another model', async () => {
    const good = await startMisbehavingServer();
    const other = await startMisbehavingServer(() => undefined, { models: ['other'] });
    closing.push(good.stop, other.stop);
    const down = 'http://127.0.0.1:9/v1';
    const { model } = await modelOn(undefined, { url: [down, good.url] });
    expect(await model.probe(never)).toBeUndefined();
    const mixed = (await modelOn(undefined, { url: [down, good.url, other.url] })).model;
    expect(await mixed.probe(never)).toMatchObject({
      message: expect.stringMatching(/offers "other"/),
    });
    const nobody = (await modelOn(undefined, { url: down })).model;
    expect(await nobody.probe(never)).toMatchObject({ cause: 'transport' });
  });
});
