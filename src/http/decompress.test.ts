import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompress } from './decompress.ts';
import type { Behaviour } from './misbehaving-server.fixture.ts';
import { answered, failed, never, question, useServers } from './servers.fixture.ts';

const { server, connect } = useServers();

const zstd = 'zstdCompressSync' in zlib ? (zlib.zstdCompressSync as typeof zlib.gzipSync) : null;

/** In good health, but compressed. */
function compressed(encoding: string, compress: (json: Buffer) => Buffer): Behaviour {
  return ({ response, healthy }) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding });
    response.end(compress(Buffer.from(JSON.stringify(healthy))));
  };
}

const ask = async (behaviour: Behaviour, attempts = 1) => {
  const one = await server(({ count }) => (count === 1 ? behaviour : undefined));
  const reply = await connect([one], { attempts }).call(question, never);
  return { reply, requests: one.calls.length };
};

describe('a compressed reply', () => {
  it.each<[string, (json: Buffer) => Buffer]>([
    ['gzip', zlib.gzipSync],
    ['GZIP', zlib.gzipSync],
    ['x-gzip', zlib.gzipSync],
    ['deflate', zlib.deflateSync],
    ['deflate', zlib.deflateRawSync],
    ['br', zlib.brotliCompressSync],
    ['gzip, br', (json) => zlib.brotliCompressSync(zlib.gzipSync(json))],
    ['identity', (json) => json],
    ['', (json) => json],
    ...(zstd === null ? [] : [['zstd', zstd] as [string, (json: Buffer) => Buffer]]),
  ])('by "%s" is read', async (encoding, compress) => {
    expect((await ask(compressed(encoding, compress))).reply).toMatchObject(answered);
  });

  it('whose end is missing was cut on its way, and is asked for again', async () => {
    const ways = [
      ['gzip', zlib.gzipSync],
      ['deflate', zlib.deflateSync],
      ['br', zlib.brotliCompressSync],
    ] as const;
    for (const [encoding, compress] of ways) {
      const half = compressed(encoding, (json) => compress(json).subarray(0, -6));
      expect(await ask(half, 2)).toMatchObject({ reply: answered, requests: 2 });
    }
  });

  it('that is none, or of a kind that nobody knows, is told as such and not asked for again', async () => {
    const plain = await ask(
      compressed('gzip', (json) => json),
      2,
    );
    expect(plain.reply).toMatchObject(failed('unparsable', /is not the gzip that its header says/));
    expect(plain.requests).toBe(1);
    const unknown = await ask(
      compressed('sdch', (json) => json),
      2,
    );
    expect(unknown.reply).toMatchObject(
      failed('unparsable', /is compressed \("sdch"\); known are gzip/),
    );
  });

  it('holds no more than any other reply', async () => {
    const bomb = await promisify(zlib.gzip)(Buffer.alloc(200 * 2 ** 20));
    expect(bomb.length).toBeLessThan(2 ** 20);
    expect((await ask(compressed('gzip', () => bomb))).reply).toMatchObject(
      failed('unparsable', /longer than 16777216 bytes/),
    );
    expect(await decompress(bomb, 'gzip', 1000)).toEqual({ kind: 'too-long' });
  });

  it('may refuse: the reason is read', async () => {
    const refusal: Behaviour = ({ response }) => {
      response.writeHead(400, { 'content-encoding': 'gzip' });
      response.end(zlib.gzipSync(JSON.stringify({ error: { message: 'too many images' } })));
    };
    expect((await ask(refusal)).reply).toMatchObject(failed('refused', /400: too many images/));
  });
});
