import { describe, expect, it } from 'vitest';
import { createTestClock } from '../../core/async/test-clock.fixture.ts';
import type { RewardComponent } from '../../reward/components/own-component.ts';
import { openRewardProfile, type RewardProfile, withOwnComponents } from '../../reward/profile.ts';
import { dead, no, scriptedJudge, yes } from '../../reward/scripted.fixture.ts';
import { Intake } from './intake.ts';
import { createTestApp, errorOf, heldJudge, respond, resultsOf, truth } from './service.fixture.ts';
import type { RewardResult } from './wire.ts';

const route = '/v1/rewards';
const item = (answer: string) => ({ response: respond(answer), ground_truth: truth });
const rewardOf = (result?: RewardResult) => (result?.kind === 'scored' ? result.reward : undefined);
const png = Buffer.from('an image').toString('base64');

type Schema = { required: string[]; properties: Record<string, { items?: unknown }> };
type OpenApi = { paths: object; components: { schemas: Record<string, Schema> } };

describe('POST /v1/rewards', () => {
  it('answers with one result an item, in order, under the ids that came', async () => {
    const { post } = await createTestApp(no);
    const items = [{ id: 'a', ...item('infarct') }, item('heart attack'), { id: 7, ...item('') }];
    const reply = await post(route, { items });
    expect(reply.status).toBe(200);
    const results = await resultsOf(reply);
    expect(results).toMatchObject([
      { id: 'a', kind: 'scored', components: { judge: { value: 0 }, similarity: { value: 1 } } },
      { id: '1', kind: 'scored', components: { judge: { value: 1 } } },
      { id: '7', kind: 'scored', components: { judge: { value: 0 } } },
    ]);
    expect(rewardOf(results[0])).toBeCloseTo(0.4825, 12);
    expect(rewardOf(results[1])).toBeCloseTo(1, 12);
  });

  it('gives an item whose judge failed no number, and the others theirs', async () => {
    const { post } = await createTestApp(dead);
    const results = await resultsOf(
      await post(route, { items: [item('infarct'), item('heart attack')] }),
    );
    expect(results[0]).toEqual({
      id: '0',
      kind: 'unscored',
      cause: 'transport',
      message: 'connection refused',
      components: expect.objectContaining({ format: { kind: 'scored', value: 1 } }),
    });
    expect(results[1]).toMatchObject({ kind: 'scored' });
  });

  it('scores by components of the user too, and passes their values on to trainers', async () => {
    const brief = { name: 'brevity', weight: 0.5, digest: 'd' };
    const component: RewardComponent = {
      score: (items) => items.map(() => ({ kind: 'scored', value: 0.5 })),
    };
    const { post } = await createTestApp(no, {
      profile: withOwnComponents(await openRewardProfile('medix-r1'), [brief]),
      own: [{ ...brief, component }],
    });
    const [result] = await resultsOf(await post(route, { items: [item('heart attack')] }));
    expect(rewardOf(result)).toBeCloseTo(0.75, 12);
    expect(result?.components['brevity']).toEqual({ kind: 'scored', value: 0.5 });
    const sample = { prompt: 'Which?', response: respond('heart attack'), label: truth };
    expect(await (await post('/rm?components=true', sample)).json()).toMatchObject({
      brevity: 0.5,
    });
  });

  it('tells the first of many faults, and how many there are', async () => {
    const { post } = await createTestApp(no);
    const many = { ...item('x'), accepted: Array.from({ length: 500 }, (_, n) => n) };
    const named = { ...item('x'), ['k'.repeat(3000)]: 1 };
    const results = await resultsOf(await post(route, { items: [many, named] }));
    const messages = results.map((result) => ('message' in result ? result.message : ''));
    expect(messages[0]).toMatch(/^accepted\.0: .*; and 497 more$/);
    for (const message of messages) expect(message.length).toBeLessThan(1000);
    const refused = await post(route, { items: 1, ['k'.repeat(3000)]: 1 });
    expect((await errorOf(refused)).message.length).toBeLessThan(1000);
  });

  it('gives malformed items their own result and leaves the rest unharmed', async () => {
    const { post, entries } = await createTestApp(no);
    const bad = [
      { id: 'untold', response: 'x' },
      { id: 'odd tag', ...item('x'), ground_truth: '<SELFIE>x' },
      { id: 'empty', ...item('x'), ground_truth: '<MRI_SCAN> ' },
      { id: 'two tags', ...item('x'), modality: 'MRI_SCAN' },
      { id: 'image', ...item('x'), images: ['https://example.org/x.png'] },
      { id: 'stray', ...item('x'), reward: 1 },
      'no object',
    ];
    const reply = await post(route, { items: [...bad, item('heart attack')] });
    expect(reply.status).toBe(200);
    const results = await resultsOf(reply);
    const causes = results.map((result) => (result.kind === 'scored' ? undefined : result.cause));
    expect(causes).toEqual([...bad.map(() => 'malformed'), undefined]);
    expect(results.slice(0, 6).map(({ id }) => id)).toEqual(
      bad.slice(0, 6).map((row) => (row as { id: string }).id),
    );
    expect(results[0]).toHaveProperty('message', expect.stringMatching(/ground_truth/));
    expect(entries[0]?.items).toHaveLength(1);
  });

  it('takes a ground truth without a tag, with the modality beside it or unknown', async () => {
    const { post } = await createTestApp(yes);
    const untagged = { response: respond('infarct'), ground_truth: 'heart attack' };
    const items = [
      { ...untagged, modality: 'CT_SCAN' },
      { ...untagged, modality: 'MRI_SCAN' },
      untagged,
    ];
    const results = await resultsOf(await post(route, { items }));
    expect(rewardOf(results[0])).toBeCloseTo(1, 12);
    expect(rewardOf(results[1])).toBeCloseTo(0.955, 12);
    expect(rewardOf(results[2])).toBeCloseTo(1, 12);
    expect(results[2]?.components).not.toHaveProperty('modality');
  });

  it('shows the judge question, accepted answers and images, as base64 or data URLs', async () => {
    const { judge, calls } = scriptedJudge(yes);
    const { post, entries } = await createTestApp(judge);
    const images = [png, `data:image/png;base64,${png}`];
    const asked = { ...item('infarct'), question: 'What is seen?', accepted: ['MI'], images };
    await post(route, { items: [asked] });
    expect(calls[0]?.[0]).toMatchObject({ question: 'What is seen?', accepted: ['MI'] });
    expect(entries[0]).toMatchObject({
      at: '1970-01-01T00:00:00.000Z',
      route,
      items: [
        {
          id: '0',
          question: 'What is seen?',
          response: respond('infarct'),
          ground_truth: truth,
          accepted: ['MI'],
          outcome: { kind: 'scored' },
        },
      ],
    });
    const [first, second] = entries[0]?.items[0]?.images ?? [];
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(second).toBe(first);
    expect(JSON.stringify(entries)).not.toContain(png);
  });

  it('refuses an item that does not say which images it has, where its score depends on them', async () => {
    const items = [
      item('infarct'),
      { ...item('infarct'), images: [] },
      { ...item('infarct'), images: [png] },
    ];
    const profile = await openRewardProfile('medix-r1');
    const ofText: RewardProfile = { ...profile, textOnly: ['judge', 'similarity', 'format'] };
    for (const parts of [{ seesImages: true }, { profile: ofText }]) {
      const { post } = await createTestApp(yes, parts);
      const [unknown, ...known] = await resultsOf(await post(route, { items }));
      expect(unknown).toMatchObject({
        kind: 'unscored',
        cause: 'malformed',
        message: expect.stringMatching(/^images: missing, and the score depends on them; send/),
      });
      expect(known.map(({ kind }) => kind)).toEqual(['scored', 'scored']);
    }
    const { post } = await createTestApp(yes);
    expect(await resultsOf(await post(route, { items: items.slice(0, 1) }))).toMatchObject([
      { kind: 'scored' },
    ]);
  });

  it('explains each reward on request', async () => {
    const { post } = await createTestApp(yes);
    const reply = await post(route, { items: [item('infarct')], explain: true });
    const results = await resultsOf(reply);
    expect(results[0]?.explanation?.join('\n')).toMatch(/infarct/);
  });

  it('refuses bodies that are no batch, with all that is wrong', async () => {
    const { post } = await createTestApp(yes);
    const many = { items: Array.from({ length: 11 }, () => item('x')) };
    const cases: [unknown, RequestInit, number, RegExp][] = [
      [{ items: [] }, {}, 400, /items: /],
      [many, {}, 400, /items: .*10/],
      [{ itms: [], items: [item('x')] }, {}, 400, /itms/],
      ['{"items":', {}, 400, /JSON/],
      [{ items: [item('x'.repeat(10_001))] }, {}, 413, /10000 bytes/],
      [{ items: [item('x')] }, { headers: { 'content-type': 'text/plain' } }, 415, /Media/],
    ];
    for (const [body, init, status, message] of cases) {
      const reply = await post(route, body, init);
      expect(reply.status).toBe(status);
      expect((await errorOf(reply)).message).toMatch(message);
    }
  });

  it('describes itself, with the schema of an item', async () => {
    const { get } = await createTestApp(yes);
    const { paths, components } = (await (await get('/openapi.json')).json()) as OpenApi;
    expect(Object.keys(paths)).toEqual([
      '/v1/rewards',
      '/get_reward',
      '/rm',
      '/seed_session',
      '/verify',
      '/healthz',
    ]);
    expect(components.schemas['RewardItem']?.required).toEqual(['response', 'ground_truth']);
    expect(components.schemas['RewardBatch']?.properties['items']?.items).toEqual({
      $ref: '#/components/schemas/RewardItem',
    });
  });
});

describe('load', () => {
  it('sends callers away with Retry-After while as much as it takes is in work', async () => {
    const held = heldJudge(yes);
    const { post, get, intake } = await createTestApp(held.judge, { intake: new Intake(3) });
    const first = post(route, { items: [item('infarct'), item('infarct')] });
    await held.isAsked;
    const second = await post(route, { items: [item('x'), item('x')] });
    expect(second.status).toBe(429);
    expect(second.headers.get('retry-after')).toBe('1');
    expect(await (await get('/metrics')).text()).toContain('medix_reward_items_in_work 2');
    held.release();
    expect((await first).status).toBe(200);
    expect(intake.itemsInWork).toBe(0);
    expect((await post(route, { items: [item('x'), item('x')] })).status).toBe(200);
  });

  it('stops working for a caller that has gone', async () => {
    const held = heldJudge(yes);
    const { post, intake, entries } = await createTestApp(held.judge);
    const caller = new AbortController();
    const reply = post(route, { items: [item('infarct')] }, { signal: caller.signal });
    await held.isAsked;
    caller.abort();
    await reply;
    expect(intake.itemsInWork).toBe(0);
    expect(entries).toEqual([]);
  });

  it('ends what is open when it stops, and takes nothing new', async () => {
    const held = heldJudge(yes);
    const clock = createTestClock();
    const { post, get, intake } = await createTestApp(held.judge, { clock });
    const open = post(route, { items: [item('infarct')] });
    await held.isAsked;
    const drained = intake.drain(30_000, clock);
    const late = await post(route, { items: [item('x')] });
    expect(late.status).toBe(503);
    expect(late.headers.get('connection')).toBe('close');
    expect((await get('/healthz')).status).toBe(503);
    held.release();
    expect((await open).status).toBe(200);
    expect(await drained).toBe(0);
  });

  it.each(['medix-r1', 'medix-r1-reference'])(
    'cancels what outlasts the drain, and scores none of it (%s)',
    async (profileName) => {
      const held = heldJudge(yes);
      const clock = createTestClock();
      const { post, intake, entries } = await createTestApp(held.judge, { clock, profileName });
      const open = post(route, { items: [item('infarct')] });
      await held.isAsked;
      const drained = intake.drain(30_000, clock);
      await clock.untilSleeping(30_000);
      clock.advance(30_000);
      expect(await drained).toBe(1);
      const reply = await open;
      expect(reply.status).toBe(503);
      expect(await reply.json()).toMatchObject({ error: { cause: 'draining' } });
      expect(entries).toEqual([]);
    },
  );
});

describe('watching', () => {
  it('counts requests, items by outcome and cause, and the time of the judge', async () => {
    const { post, get } = await createTestApp(yes);
    await post(route, { items: [item('infarct'), { response: 'x' }] });
    await post(route, {});
    await get('/no/such/route');
    const text = await (await get('/metrics')).text();
    expect(text).toContain('medix_reward_requests_total{route="/v1/rewards",status="200"} 1');
    expect(text).toContain('medix_reward_requests_total{route="/v1/rewards",status="400"} 1');
    expect(text).toContain('medix_reward_requests_total{route="other",status="404"} 1');
    expect(text).toContain('medix_reward_items_total{outcome="scored",cause=""} 1');
    expect(text).toContain('medix_reward_items_total{outcome="unscored",cause="malformed"} 1');
    expect(text).toContain('medix_reward_judge_seconds_count 1');
    expect(text).toContain('medix_reward_value_count 1');
  });

  it('shows what the ledger has', async () => {
    const account = {
      requests: 3,
      failed: 1,
      inputTokens: 50,
      outputTokens: 2,
      unmetered: 0,
      money: null,
      reused: 4,
      tokensSaved: 60,
    };
    const { get } = await createTestApp(yes, { ledger: () => ({ judge: account }) });
    const text = await (await get('/metrics')).text();
    expect(text).toContain('medix_reward_ledger{use="judge",entry="tokensSaved"} 60');
    expect(text).not.toContain('entry="money"');
  });

  it('asks judge and embedder how they are, at most once in five seconds', async () => {
    let probes = 0;
    let problem: typeof dead | undefined = dead;
    const { judge } = scriptedJudge(yes);
    const clock = createTestClock();
    const probed = {
      ...judge,
      probe: async () => {
        probes++;
        return problem?.kind === 'unscored' ? problem : undefined;
      },
    };
    const { get } = await createTestApp(probed, { clock });
    const sick = await get('/healthz');
    expect(sick.status).toBe(503);
    expect(await sick.json()).toEqual({
      status: 'failing',
      judge: { id: 'scripted-judge', problem: 'transport: connection refused' },
      embedder: { id: 'scripted-embedder', problem: null },
    });
    problem = undefined;
    clock.advance(4999);
    expect((await get('/healthz')).status).toBe(503);
    expect(probes).toBe(1);
    clock.advance(1);
    expect((await get('/healthz')).status).toBe(200);
    expect(probes).toBe(2);
  });

  it('tells who watches of requests that were refused, and nothing that they carried', async () => {
    const { post, refused } = await createTestApp(yes, { token: 'secret' });
    await post(route, { items: [item('infarct')] }, { headers: { authorization: 'Bearer wrong' } });
    expect(refused).toEqual([{ route, status: 401 }]);
  });
});
