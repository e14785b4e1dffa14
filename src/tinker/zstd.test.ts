import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../core/async/clock.ts';
import { rngFromKey } from '../core/rng.ts';
import { connectTinker } from './client.ts';
import { startScriptedServer } from './scripted-server.fixture.ts';
import { json, openTransport } from './transport.ts';
import { zstd } from './zstd.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).toReversed()) close();
});
const never = new AbortController().signal;

/** A server that keeps what it gets. */
async function listening() {
  const got: { readonly encoding: string | undefined; readonly body: Buffer }[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    got.push({ encoding: request.headers['content-encoding'], body: Buffer.concat(parts) });
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

it('compresses bodies of protobuf once asked to, and no others', async () => {
  const { got, url } = await listening();
  const rng = rngFromKey('test');
  const transport = openTransport({ url, apiKey: undefined, clock: systemClock, rng });
  closing.push(transport.close);
  const payload = { type: 'application/x-protobuf', content: Uint8Array.of(1, 2, 3) } as const;
  await transport.call('forward_backward', { payload }, never);
  transport.compressBy((bytes) => bytes.toReversed());
  await transport.call('forward_backward', { payload }, never);
  await transport.call('optim_step', { payload: json({}) }, never);
  expect(got).toEqual([
    { encoding: undefined, body: Buffer.from([1, 2, 3]) },
    { encoding: 'zstd', body: Buffer.from([3, 2, 1]) },
    { encoding: undefined, body: Buffer.from('{}') },
  ]);
});

it.each([
  [true, zstd ? 'zstd' : 'unavailable'],
  [false, 'none'],
])('says what becomes of a server that asks for zstd: %s', async (compresses, said) => {
  const server = await startScriptedServer({ compresses });
  closing.push(server.close);
  const client = await connectTinker({ url: server.url });
  closing.push(client.close);
  expect(client.compression).toBe(said);
});

it.skipIf(zstd === undefined)(
  'gives bytes back, and no more than are allowed (skipped on Node before 22.15, which has no zstd)',
  () => {
    const bytes = new Uint8Array(10_000).fill(7);
    const sent = zstd!.compress(bytes);
    expect(sent.length).toBeLessThan(100);
    expect([...zstd!.decompress(sent, 10_000)]).toEqual([...bytes]);
    expect(() => zstd!.decompress(sent, 9_999)).toThrow();
  },
);
