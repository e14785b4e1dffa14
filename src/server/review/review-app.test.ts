import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { presentationFor } from '../../eval/review/presentation.ts';
import { RatingWriter, readRatings } from '../../eval/review/ratings.ts';
import type { Review } from '../../eval/review/review-set.ts';
import { createReviewApp } from './review-app.ts';
import { requireAllowedHost } from './serve.ts';

const token = 'a-token-that-cannot-be-guessed';
const raters = [
  { id: 'rater-1', token },
  { id: 'rater-2', token: 'another' },
];
const hostile = '</p><script>alert(1)</script><img src=x onerror=alert(2)> & "quoted"';
const review: Review = {
  id: 'a review',
  createdAt: '2026-01-01T00:00:00.000Z',
  kind: 'pairs',
  seed: 1,
  isRestricted: false,
  showsReference: false,
  items: ['item-1', 'item-2', 'item-3'].map((id) => ({
    id,
    question: `${id}: ${hostile}`,
    images: ['scan.png'],
    answers: [`first ${hostile}`, `second ${hostile}`],
  })),
};
const complete = {
  preference: 'left',
  grade0: 'correct',
  grade1: 'wrong',
  comment: ' one\r\ntwo ',
};
const host = 'review.local:8100';
const origin = `http://${host}`;

let folder = '';
let app: Awaited<ReturnType<typeof createReviewApp>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-review-app-'));
  await mkdir(join(folder, 'images'));
  await writeFile(join(folder, 'images', 'scan.png'), 'pixels');
  await writeFile(join(folder, 'key.json'), 'unblinds');
  app = await createReviewApp({
    review,
    raters,
    folder,
    host: '0.0.0.0',
    writer: new RatingWriter(folder),
    clock: () => 0,
    onFailure: (error) => {
      throw error;
    },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const get = (path: string) => app.request(`${origin}${path}`);
const post = (
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = { origin },
) =>
  app.request(`${origin}${path}`, {
    method: 'POST',
    headers: { host, ...headers },
    body: new URLSearchParams(fields),
  });

it('shows what models and data say as text only', async () => {
  const text = await (await get(`/r/${token}/1`)).text();
  expect(text).not.toMatch(/<script>alert|<img src=x/);
  expect(text.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;/g)).toHaveLength(3);
});

it('allows nothing from elsewhere, no frame, and no copy in a cache', async () => {
  const { headers } = await get(`/r/${token}/1`);
  const policy = headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(/default-src 'none'/);
  expect(policy).toMatch(/frame-ancestors 'none'/);
  expect(policy).not.toMatch(/unsafe|https?:/);
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('referrer-policy')).toBe('same-origin');
  expect(headers.get('cache-control')).toBe('no-store');
});

it.each([
  '/',
  '/r/wrong',
  '/r/wrong/1',
  '/r/wrong/images/scan.png',
  `/r/${token}/0`,
  `/r/${token}/4`,
  `/r/${token}/images/key.json`,
  `/r/${token}/images/..%2Fkey.json`,
  '/key.json',
  '/raters.json',
])('has nothing at %s', async (path) => {
  const response = await get(path);
  expect(response.status).toBe(404);
  expect(await response.text()).not.toMatch(/unblinds|item-/);
});

it.each([
  ['no origin', {}],
  ['another site', { origin: 'https://elsewhere.example' }],
  ['a sandboxed frame', { origin: 'null' }],
])('takes no answer from %s', async (_, headers) => {
  const response = await post(`/r/${token}/1`, complete, headers as Record<string, string>);
  expect(response.status).toBe(403);
  expect((await readRatings(folder, 'rater-1')).size).toBe(0);
});

it('shows an incomplete answer again as it was sent, and keeps nothing', async () => {
  const response = await post(`/r/${token}/1`, { grade0: 'partly', comment: 'half </textarea>' });
  expect(response.status).toBe(422);
  const text = await response.text();
  expect(text).toMatch(/Not saved yet: please say how correct each answer is/);
  expect(text).toMatch(/name="grade0" value="partly"[^>]* checked/);
  expect(text).toMatch(/>half &lt;\/textarea&gt;<\/textarea>/);
  expect((await readRatings(folder, 'rater-1')).size).toBe(0);
});

it('keeps an answer with the order in which it was given, then goes on', async () => {
  const response = await post(`/r/${token}/1`, complete);
  expect(response.status).toBe(303);
  expect(response.headers.get('location')).toBe(`/r/${token}/2`);
  const [first] = presentationFor(review, 'rater-1');
  expect([...(await readRatings(folder, 'rater-1')).values()]).toEqual([
    {
      item: first?.item.id,
      at: '1970-01-01T00:00:00.000Z',
      order: first?.order,
      preference: 'left',
      grades: ['correct', 'wrong'],
      comment: 'one\ntwo',
    },
  ]);
  const again = await (await get(`/r/${token}/1`)).text();
  expect(again).toMatch(/value="left"[^>]* checked/);
  expect(again).toMatch(/>one\ntwo<\/textarea>/);
});

it('leads back to the first open question, and to the overview when all are answered', async () => {
  expect((await get(`/r/${token}`)).headers.get('location')).toBe(`/r/${token}/2`);
  const last = await post(`/r/${token}/3`, complete);
  expect(last.headers.get('location')).toBe(`/r/${token}/2`);
  const done = await post(`/r/${token}/2`, complete);
  expect(done.headers.get('location')).toBe(`/r/${token}/overview`);
  expect(await (await get(`/r/${token}/overview`)).text()).toMatch(/All answered\. Thank you\./);
});

it('keeps raters apart', async () => {
  expect((await get('/r/another')).headers.get('location')).toBe('/r/another/overview');
  expect(await (await get('/r/another/overview')).text()).toMatch(/0 of 3 answered/);
});

it('says that an answer is not saved where it cannot be written, and shows it again', async () => {
  const failures: unknown[] = [];
  const full = await createReviewApp({
    review,
    raters,
    folder,
    host: '0.0.0.0',
    writer: { record: () => Promise.reject(new Error('no space left on device')) },
    clock: () => 0,
    onFailure: (error) => failures.push(error),
  });
  const response = await full.request(`${origin}/r/another/1`, {
    method: 'POST',
    headers: { host, origin },
    body: new URLSearchParams(complete),
  });
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(text).toMatch(/Not saved: the server could not write it/);
  expect(text).toMatch(/value="left"[^>]* checked/);
  expect(failures).toHaveLength(1);
});

it('serves a restricted review on this machine only', () => {
  const opened = { review: { ...review, isRestricted: true }, raters };
  expect(() => requireAllowedHost('0.0.0.0', opened)).toThrow(/an address of this machine only/);
  expect(() => requireAllowedHost('127.0.0.1', opened)).not.toThrow();
  expect(() => requireAllowedHost('0.0.0.0', { review, raters })).not.toThrow();
});
