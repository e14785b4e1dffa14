/** What is sent to the pages of a review by others than its raters. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { rngFromKey } from '../../core/rng.ts';
import { RatingWriter, readRatings } from '../../eval/review/ratings.ts';
import type { Review } from '../../eval/review/review-set.ts';
import { brokenRequests, chunked, head, type Target, useTarget } from '../attack.fixture.ts';
import { createReviewApp } from './review-app.ts';

const listen = useTarget();
const token = 'a-token-that-cannot-be-guessed';
const review: Review = {
  id: 'a review',
  createdAt: '2026-01-01T00:00:00.000Z',
  kind: 'pairs',
  seed: 1,
  isRestricted: false,
  showsReference: false,
  items: [{ id: 'item-1', question: 'What is seen?', images: ['scan.png'], answers: ['a', 'b'] }],
};
const good = 'preference=left&grade0=correct&grade1=wrong&comment=M%C3%BCller';
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
const path = `/r/${token}/1`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-review-attacks-'));
  await mkdir(join(folder, 'images'));
  await writeFile(join(folder, 'images', 'scan.png'), 'pixels');
  await writeFile(join(folder, 'key.json'), 'unblinds');
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => rm(join(folder, 'answers'), { recursive: true, force: true }));

const saved = async () => [...(await readRatings(folder, 'rater-1')).values()];

async function start(host = '127.0.0.1') {
  const failures: unknown[] = [];
  const app = await createReviewApp({
    review,
    raters: [{ id: 'rater-1', token }],
    folder,
    host,
    writer: new RatingWriter(folder),
    clock: () => 0,
    onFailure: (error) => failures.push(error),
  });
  const target = await listen(app);
  const isWell = async () => {
    expect((await fetch(`${target.url}${path}`)).status).toBe(200);
    expect(failures).toEqual([]);
  };
  return { app, target, isWell };
}

const post = (
  { host, send }: Target,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | number>> = {},
) => {
  const own = { Host: host, Origin: `http://${host}`, ...form };
  return send(
    head(`POST ${path}`, { ...own, 'Content-Length': Buffer.byteLength(body), ...headers }),
    body,
  );
};

it.each([1, 1000])('takes an answer in chunks of %d bytes', async (size) => {
  const { target, isWell } = await start();
  const headers = {
    Host: target.host,
    Origin: target.url,
    ...form,
    'Transfer-Encoding': 'chunked',
  };
  const { status } = await target.send(head(`POST ${path}`, headers), chunked(good, size));
  expect(status).toBe(303);
  expect(await saved()).toMatchObject([{ grades: ['correct', 'wrong'], comment: 'Müller' }]);
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

it('where others can reach it takes any name for its own', async () => {
  const { target } = await start('0.0.0.0');
  const { status } = await target.send(head(`GET ${path}`, { Host: 'review.example' }));
  expect(status).toBe(200);
});

it.each([
  '..%2Fkey.json',
  '..%5Ckey.json',
  '%2e%2e%2fkey.json',
  '....//key.json',
  'scan.png%00',
  'scan.png/../../key.json',
  '%ff',
  'x'.repeat(10_000),
])('has no image at %s', async (name) => {
  const { target, isWell } = await start();
  const { status, text } = await target.send(
    head(`GET /r/${token}/images/${name}`, { Host: target.host }),
  );
  expect([400, 404]).toContain(status);
  expect(text).not.toContain('unblinds');
  await isWell();
});

const multipart = { 'Content-Type': 'multipart/form-data; boundary=x' };
const part = '--x\r\nContent-Disposition: form-data; name="grade0"\r\n\r\ncorrect\r\n--x--\r\n';

it.each<
  [string, string | Uint8Array, Readonly<Record<string, string | number>>, readonly number[]]
>([
  ['a multipart form', part, multipart, [400]],
  ['half of a multipart form', part.slice(0, 40), multipart, [400]],
  ['a multipart form without a boundary', part, { 'Content-Type': 'multipart/form-data' }, [400]],
  ['JSON', '{"grade0":"correct"}', { 'Content-Type': 'application/json' }, [400]],
  ['a body of no type', good, { 'Content-Type': '' }, [400]],
  ['bytes that are no UTF-8', Buffer.from(`${good}&comment=Müller`, 'latin1'), {}, [400]],
  ['escapes that are no UTF-8', 'grade0=correct&comment=M%FCller', {}, [400]],
  ['broken escapes', 'grade0=%zz&comment=%', {}, [400]],
  ['a compressed body', good, { 'Content-Encoding': 'br' }, [400]],
  ['no field', '', {}, [422]],
  ['fields of an object', '__proto__=x&constructor=y&grade0=correct', {}, [422]],
  ['a grade that is none', good.replace('correct', 'superb'), {}, [422]],
  ['a long comment', `${good}${'x'.repeat(30_000)}`, {}, [422]],
  ['a body that is too large', `${good}${'x'.repeat(70_000)}`, {}, [413]],
  ['an answer from elsewhere', good, { Origin: 'https://evil.example' }, [403]],
  ['an answer from nowhere', good, { Origin: 'null' }, [403]],
  [
    'an answer to another host',
    good,
    { Host: 'evil.example', Origin: 'http://evil.example' },
    [403],
  ],
])('keeps nothing of %s', async (_, body, headers, statuses) => {
  const { target, isWell } = await start();
  const { status } = await post(target, body, headers);
  expect(statuses).toContain(status);
  expect(await saved()).toEqual([]);
  await isWell();
});

it('takes bytes in any disorder for what they are', async () => {
  const { app, isWell } = await start();
  const rng = rngFromKey('attacks/review');
  for (let round = 0; round < 300; round++) {
    const bytes = Buffer.from(good);
    for (let change = 0; change <= rng.integer(4); change++) {
      bytes[rng.integer(bytes.length)] = rng.integer(256);
    }
    const { status } = await app.request(`http://127.0.0.1${path}`, {
      method: 'POST',
      headers: { host: '127.0.0.1', origin: 'http://127.0.0.1', ...form },
      body: bytes.subarray(0, 1 + rng.integer(bytes.length)),
    });
    expect([303, 400, 422]).toContain(status);
  }
  await isWell();
});
