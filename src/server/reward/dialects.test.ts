import { describe, expect, it } from 'vitest';
import { dead, scriptedJudge, yes } from '../../reward/scripted.fixture.ts';
import { withoutEndTokens } from './number-protocols.ts';
import { createTestApp, errorOf, respond, truth } from './service.fixture.ts';

type OpenRlhfReply = { rewards: number[]; scores: number[]; extra_logs: object };

const prompt = '<|im_start|>user\n<|image_pad|>What is seen?<|im_end|>\n<|im_start|>assistant\n';
const openRlhf = (query: string) => ({ query: [query], prompts: [prompt], labels: [truth] });
const slime = { prompt, response: `${respond('infarct')}<|im_end|>`, label: truth };
const gym = {
  responses_create_params: {
    input: [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'What is seen?' },
          { type: 'input_image', image_url: 'data:image/png;base64,aW1hZ2U=', detail: 'auto' },
        ],
      },
    ],
    temperature: 1,
  },
  response: {
    id: 'r',
    output: [
      { type: 'reasoning', summary: [] },
      {
        type: 'message',
        role: 'assistant',
        content: [{ type: 'output_text', text: respond('infarct'), annotations: [] }],
      },
    ],
  },
  ground_truth: truth,
  task: { of: 'ours' },
};

describe('OpenRLHF', () => {
  it('is given rewards, scores and components for prompt and completion in one text', async () => {
    const { judge, calls } = scriptedJudge(yes);
    const { post } = await createTestApp(judge);
    const reply = await post('/get_reward', openRlhf(`${prompt}${respond('infarct')}<|im_end|>\n`));
    expect(reply.status).toBe(200);
    const { rewards, scores, extra_logs } = (await reply.json()) as OpenRlhfReply;
    expect(rewards[0]).toBeCloseTo(1, 12);
    expect(scores).toEqual(rewards);
    expect(extra_logs).toEqual({ judge: [1], similarity: [1], modality: [1], format: [1] });
    expect(calls[0]?.[0]).toMatchObject({ question: prompt, answer: 'infarct' });
  });

  it('finds the completion behind a prompt whose image tokens were repeated', async () => {
    const { post } = await createTestApp(yes);
    const expanded = prompt.replace('<|image_pad|>', '<|image_pad|>'.repeat(5));
    const reply = await post('/get_reward', openRlhf(`${expanded}${respond('infarct')}`));
    expect(((await reply.json()) as OpenRlhfReply).rewards[0]).toBeCloseTo(1, 12);
  });

  it('refuses what is not of its form', async () => {
    const { post } = await createTestApp(yes);
    const other = await post('/get_reward', openRlhf(`Another prompt ${respond('infarct')}`));
    expect(other.status).toBe(422);
    expect((await errorOf(other)).message).toMatch(/does not begin with its prompt/);
    const ragged = await post('/get_reward', { ...openRlhf(prompt), labels: [] });
    expect(ragged.status).toBe(400);
  });
});

describe('slime', () => {
  it('is given a bare number, or an object for its reward key', async () => {
    const { post } = await createTestApp(yes);
    expect(await (await post('/rm', slime)).json()).toBeCloseTo(1, 12);
    const whole = (await (await post('/rm?components=true', slime)).json()) as { reward: number };
    expect(whole).toMatchObject({ judge: 1, similarity: 1, modality: 1, format: 1 });
    expect(whole.reward).toBeCloseTo(1, 12);
  });

  it('takes a prompt of messages', async () => {
    const { judge, calls } = scriptedJudge(yes);
    const { post } = await createTestApp(judge);
    await post('/rm', { ...slime, prompt: [{ role: 'user', content: 'What is seen?' }] });
    expect(calls[0]?.[0]?.question).toBe('What is seen?');
  });
});

describe('NeMo Gym', () => {
  it('begins a session and is given back what it sent with the reward', async () => {
    const { judge, calls } = scriptedJudge(yes);
    const { post } = await createTestApp(judge);
    expect(await (await post('/seed_session', gym)).json()).toEqual({});
    const reply = await post('/verify', gym);
    const { reward, reward_components, ...sent } = (await reply.json()) as Record<string, unknown>;
    expect(sent).toEqual(gym);
    expect(reward).toBeCloseTo(1, 12);
    expect(reward_components).toEqual({ judge: 1, similarity: 1, modality: 1, format: 1 });
    expect(calls[0]?.[0]).toMatchObject({ question: 'What is seen?', images: [{}] });
  });

  it('does not fetch images', async () => {
    const { post } = await createTestApp(yes);
    const image = { type: 'input_image', image_url: 'http://127.0.0.1/x.png' };
    const input = [{ role: 'user', content: [image] }];
    const reply = await post('/verify', { ...gym, responses_create_params: { input } });
    expect(reply.status).toBe(422);
  });
});

describe('OpenRLHF and slime', () => {
  it('are given whole numbers as floats, since they make tensors of them as they come', async () => {
    const { post } = await createTestApp(dead);
    const right = await post('/get_reward', openRlhf(`${prompt}${respond('heart attack')}`));
    expect(await right.text()).toBe(
      '{"rewards":[1.0],"scores":[1.0],"extra_logs":{"judge":[1.0],"similarity":[1.0],"modality":[1.0],"format":[1.0]}}',
    );
    expect(right.headers.get('content-type')).toBe('application/json');
    const empty = await post('/rm', { ...slime, response: respond('') });
    expect(await empty.text()).toBe('0.045');
    expect(await (await post('/rm', { ...slime, response: '<thinking>' })).text()).toBe('0.0');
  });
});

describe('every protocol of numbers', () => {
  const calls = [
    ['/get_reward', openRlhf(`${prompt}${respond('infarct')}`)],
    ['/rm', slime],
    ['/verify', gym],
  ] as const;

  it.each(calls)('%s answers 503 and Retry-After where there is no reward', async (path, body) => {
    const { post } = await createTestApp(dead);
    const reply = await post(path, body);
    expect(reply.status).toBe(503);
    expect(reply.headers.get('retry-after')).toBe('5');
    expect(await errorOf(reply)).toMatchObject({
      cause: 'transport',
      message: 'item 0: connection refused',
    });
  });

  it('answers 422 where the score depends on images that the protocol does not carry', async () => {
    const { post } = await createTestApp(yes, { seesImages: true });
    const [openRlhfCall, slimeCall, gymCall] = calls;
    for (const [path, body] of [openRlhfCall, slimeCall]) {
      const reply = await post(path, body);
      expect(reply.status).toBe(422);
      expect((await errorOf(reply)).message).toMatch(/images: missing/);
    }
    expect((await post(gymCall[0], gymCall[1])).status).toBe(200);
    const elsewhere = [{ role: 'user', content: [{ type: 'input_image', file_id: 'x' }] }];
    const unknown = { ...gym, responses_create_params: { input: elsewhere } };
    expect((await post('/verify', unknown)).status).toBe(422);
  });

  it.each(calls)('%s answers 422 where the ground truth is malformed', async (path, body) => {
    const { post } = await createTestApp(yes);
    const malformed = JSON.parse(JSON.stringify(body).replaceAll('CT_SCAN>heart attack', 'NONE>x'));
    expect((await post(path, malformed)).status).toBe(422);
  });
});

describe('end tokens', () => {
  it('are taken off the end of a completion, and only there', () => {
    expect(withoutEndTokens('a <|im_end|> b<|im_end|>\n<|endoftext|></s> ')).toBe('a <|im_end|> b');
    expect(withoutEndTokens('a <b> </answer>')).toBe('a <b> </answer>');
  });

  it('cost no time to speak of in completions made to cost it', () => {
    const padded = `x${'<|endoftext|>'.repeat(20_000)}`;
    expect(withoutEndTokens(padded)).toBe('x');
    const spaced = `${' '.repeat(200_000)}x${'<|'.repeat(100_000)}`;
    expect(withoutEndTokens(spaced)).toBe(spaced);
  });
});
