import { describe, expect, it } from 'vitest';
import { isLoopback } from '../../core/loopback.ts';
import { yes } from '../../reward/scripted.fixture.ts';
import { requireToken } from './access.ts';
import { createTestApp } from './service.fixture.ts';

const statusOf = async (
  headers: Record<string, string>,
  parts: { host?: string; token?: string } = {},
) => (await (await createTestApp(yes, parts)).get('/healthz', { headers })).status;

describe('access', () => {
  it('needs a token wherever other machines can reach it', () => {
    for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', '::1', '[::1]']) {
      expect(isLoopback(host)).toBe(true);
      requireToken(host, undefined);
    }
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.org', 'example.org']) {
      expect(() => requireToken(host, undefined)).toThrow(/MEDIX_REWARD_TOKEN/);
      requireToken(host, 'token');
    }
  });

  it('lets in who shows the token, as bearer or as password', async () => {
    const token = 'a token: with a colon';
    const basic = (password: string) =>
      `Basic ${Buffer.from(`medix:${password}`).toString('base64')}`;
    expect(await statusOf({ authorization: `Bearer ${token}` }, { token })).toBe(200);
    expect(await statusOf({ authorization: basic(token) }, { token })).toBe(200);
    expect(await statusOf({ authorization: 'Bearer t0' }, { token: 't0' })).toBe(200);
    expect(await statusOf({ authorization: 'bearer t0' }, { token: 't0' })).toBe(200);
    for (const wrong of ['Bearer t', 'Bearer t00', 'Bearer', 't0', basic('t'), 'Basic dDA=', '']) {
      expect(await statusOf({ authorization: wrong }, { token: 't0' })).toBe(401);
    }
    expect(await statusOf({}, { token: 't0' })).toBe(401);
  });

  it('on loopback answers only requests that name a loopback host', async () => {
    for (const host of ['localhost:8090', '127.0.0.1', '[::1]:8090']) {
      expect(await statusOf({ host })).toBe(200);
    }
    for (const host of ['evil.example:8090', 'localhost.evil.example', '10.0.0.1', '']) {
      expect(await statusOf({ host })).toBe(403);
      expect(await statusOf({ host }, { host: '0.0.0.0' })).toBe(200);
    }
  });
});
