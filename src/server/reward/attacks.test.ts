/** What is sent to a service that others can reach: never a defect, never more memory than allowed. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rngFromKey } from '../../core/rng.ts';
import { no, yes } from '../../reward/scripted.fixture.ts';
import { brokenRequests, chunked, head, type Target, useTarget } from '../attack.fixture.ts';
import { createTestApp, heldJudge, respond, truth } from './service.fixture.ts';

const listen = useTarget();

const item = { response: respond('heart attack'), ground_truth: truth };
const good = JSON.stringify({ items: [item] });
const gym = {
  responses_create_params: { input: 'What is seen?' },
  response: { output: [] },
  ground_truth: truth,
};
const prompt = 'What is seen?';
/** A body that each route takes. */
const bodies: Readonly<Record<string, object>> = {
  '/v1/rewards': { items: [item] },
  '/get_reward': { query: [prompt], prompts: [prompt], labels: [truth] },
  '/rm': { prompt, response: 'x', label: truth },
  '/verify': gym,
  '/seed_session': {},
};
const routes = Object.keys(bodies);

async function start(parts: Parameters<typeof createTestApp>[1] = {}) {
  const { app, refused } = await createTestApp(no, parts);
  const target = await listen(app);
  /** The service still answers, and has found no defect in itself. */
  const isWell = async () => {
    expect((await fetch(`${target.url}/healthz`)).status).toBe(200);
    expect(refused.filter(({ status }) => status === 500)).toEqual([]);
  };
  return { target, isWell };
}

const post = (
  { host, send }: Target,
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | number>> = {},
) => {
  const length = Buffer.byteLength(body);
  const all = { Host: host, 'Content-Type': 'application/json', 'Content-Length': length };
  return send(head(`POST ${path}`, { ...all, ...headers }), body);
};

const postChunked = ({ host, send }: Target, path: string, body: Uint8Array) => {
  const headers = {
    Host: host,
    'Content-Type': 'application/json',
    'Transfer-Encoding': 'chunked',
  };
  return send(head(`POST ${path}`, headers), body);
};

it.each([1, 7, 100_000])('bodies in chunks of %d bytes are bodies like others', async (size) => {
  const { target, isWell } = await start();
  for (const path of routes) {
    const body = JSON.stringify(bodies[path]);
    const whole = await post(target, path, body);
    const pieces = await postChunked(target, path, chunked(body, size));
    expect([path, pieces.status]).toEqual([path, whole.status]);
    expect(pieces.text.split('\r\n\r\n')[1]).toBe(whole.text.split('\r\n\r\n')[1]);
  }
  await isWell();
});

it('refuses requests that are none', async () => {
  const { target, isWell } = await start();
  for (const [name, bytes, statuses] of brokenRequests(target.host)) {
    const { status, text } = await target.send(bytes);
    expect(statuses, `${name} was answered ${status}`).toContain(status);
    expect(text).not.toMatch(/access-control-allow|root:/i);
  }
  await isWell();
});

const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const deepObject = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe.each(routes)('%s', (path) => {
  const body = JSON.stringify(bodies[path]);
  const withField = (json: string) =>
    body.replace(/^\{/, `{"more":${json}${body === '{}' ? '' : ','}`);
  const asLatin1 = (text: string) => Buffer.from(text, 'latin1');

  it.each<
    [string, string | Uint8Array, Readonly<Record<string, string | number>>, readonly number[]]
  >([
    ['deep lists', withField(deep(100_000)), {}, [400]],
    ['deep objects', withField(deepObject(50_000)), {}, [400]],
    ['deep JSON that does not end', '[{"a":'.repeat(50_000), {}, [400]],
    ['bytes that are no UTF-8', asLatin1(body.replace('{', '{"ü":1,')), {}, [400]],
    ['bytes that are no UTF-8 in a value', asLatin1(withField('"Müller"')), {}, [400]],
    ['UTF-16', Buffer.from(body, 'utf16le'), {}, [400, 200]],
    ['a compressed body', gzipSync(body), { 'Content-Encoding': 'gzip' }, [415]],
    ['half of a body', body.slice(0, body.length / 2), {}, [400, 200]],
    [
      'a multipart form',
      '--x\r\n\r\n',
      { 'Content-Type': 'multipart/form-data; boundary=x' },
      [415, 200],
    ],
    ['a form without a boundary', 'x', { 'Content-Type': 'multipart/form-data' }, [415, 200]],
    ['two lengths', body, { 'Transfer-Encoding': 'chunked' }, [400]],
    ['a length that is none', body, { 'Content-Length': '-1' }, [400]],
    ['a body that is too large', `{"x":"${'x'.repeat(600_000)}"}`, {}, [413]],
    [
      'a prototype for a field',
      withField('1').replace('more', '__proto__'),
      {},
      [200, 400, 422, 503],
    ],
    [
      'a constructor for a field',
      withField('1').replace('more', 'constructor'),
      {},
      [200, 400, 422, 503],
    ],
    ['half of a surrogate pair', withField('"\\ud800"'), {}, [200, 400, 422, 503]],
    ['a number beyond all', withField('1e999'), {}, [200, 400, 422, 503]],
  ])('refuses %s without a defect', async (_, sent, headers, statuses) => {
    const { target, isWell } = await start({ maxBodyBytes: 500_000 });
    const { status } = await post(target, path, sent, headers);
    expect(statuses).toContain(status);
    await isWell();
  });

  it('refuses a body that is too large in chunks, and one that does not come', async () => {
    const { target, isWell } = await start();
    const large = `{"x":"${'x'.repeat(50_000)}"}`;
    expect((await postChunked(target, path, chunked(large, 1000))).status).toBe(413);
    const headers = { Host: target.host, 'Content-Length': 5_000 };
    const short = await target.hangUp(head(`POST ${path}`, headers), body);
    expect([400, undefined]).toContain(short.status);
    const none = await target.send(head(`POST ${path}`, { Host: target.host }));
    expect([200, 400, 415]).toContain(none.status);
    await isWell();
  });

  it('takes bytes in any disorder for what they are', async () => {
    const { app } = await createTestApp(yes);
    const rng = rngFromKey(`attacks/${path}`);
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(body);
      for (let change = 0; change <= rng.integer(4); change++) {
        const at = rng.integer(bytes.length);
        if (rng.integer(2) === 0) bytes[at] = rng.integer(256);
        else bytes.copyWithin(at, rng.integer(bytes.length));
      }
      const { status } = await app.request(path, {
        method: 'POST',
        headers: { host: '127.0.0.1', 'content-type': 'application/json' },
        body: bytes.subarray(0, 1 + rng.integer(bytes.length)),
      });
      expect([200, 400, 413, 422, 503]).toContain(status);
    }
  });
});

it('takes the last of a key that comes twice, as JSON readers do', async () => {
  const { target } = await start();
  const twice = good.replace('"ground_truth"', '"ground_truth":"<MRI_SCAN>x","ground_truth"');
  const { status, text } = await post(target, '/v1/rewards', twice);
  expect(status).toBe(200);
  expect(text).toContain('"kind":"scored","reward":1');
});

it('takes a body that begins with a byte order mark', async () => {
  const { target } = await start();
  expect((await post(target, '/v1/rewards', `\uFEFF${good}`)).status).toBe(200);
});

it('holds no more than two bodies of the largest size at once, and has room again after them', async () => {
  const { judge, isAsked, release } = heldJudge(yes);
  const { app } = await createTestApp(judge, { maxBodyBytes: 20_000 });
  const large = JSON.stringify({
    items: [{ ...item, response: respond('infarct'), question: 'x'.repeat(19_000) }],
  });
  const ask = () =>
    app.request('/v1/rewards', {
      method: 'POST',
      headers: { host: '127.0.0.1', 'content-type': 'application/json' },
      body: large,
    });
  const asked = Array.from({ length: 12 }, ask);
  await isAsked;
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  release();
  const replies = await Promise.all(asked);
  const statuses = replies.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(2);
  expect(statuses.filter((status) => status === 429)).toHaveLength(10);
  expect(replies.find(({ status }) => status === 429)?.headers.get('retry-after')).toBe('1');
  const again = await Promise.all(Array.from({ length: 2 }, ask));
  expect(again.map(({ status }) => status)).toEqual([200, 200]);
});

it('holds what slow bodies have sent, not what they announce, and lets go of it with them', async () => {
  const { target, isWell } = await start({ maxBodyBytes: 10_000 });
  const slow = Array.from({ length: 20 }, () =>
    target.hangUp(
      head('POST /v1/rewards', {
        Host: target.host,
        'Content-Type': 'application/json',
        'Content-Length': 9_999,
      }),
      '{"items":',
    ),
  );
  expect((await post(target, '/v1/rewards', good)).status).toBe(200);
  await Promise.all(slow);
  expect((await post(target, '/v1/rewards', good)).status).toBe(200);
  await isWell();
});
