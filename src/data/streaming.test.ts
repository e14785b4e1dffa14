import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sample } from '../core/sample.ts';
import { type DataFile, localFile } from './data-file.ts';
import { readJsonLines } from './jsonl.ts';
import { loadSamples } from './load.fixture.ts';
import { readParquet } from './parquet.ts';
import { phantomSamples } from './phantoms/study.ts';
import { readSamples } from './read.ts';
import { writeSamples } from './write.fixture.ts';

const samples: readonly Sample[] = [...phantomSamples({ seed: 1, split: 'test', count: 600 })];
let folder: string;
let parquet: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-streaming-'));
  parquet = join(folder, 'train.parquet');
  await writeSamples(parquet, samples);
});
afterAll(() => rm(folder, { recursive: true }));

describe('streaming', () => {
  it('reads one row group of a parquet file for its first row', async () => {
    const whole = await localFile(parquet, 'parquet');
    let bytesRead = 0;
    const counted: DataFile = {
      ...whole,
      slice: async (start, end) => {
        const part = await whole.slice(start, end);
        bytesRead += part.byteLength;
        return part;
      },
    };
    const rows = readParquet(counted);
    await rows.next();
    expect(bytesRead).toBeLessThan(whole.byteLength * 0.6);
    let count = 1;
    for await (const _ of rows) count++;
    expect(count).toBe(samples.length);
  });

  it('gives a JSONL row before the file has ended, wherever the chunks break', async () => {
    let ended = false;
    const bytes = new TextEncoder().encode('{"problem":"ä?"}\n{"problem":"b?"}');
    const file: DataFile = {
      name: 'endless.jsonl',
      format: 'jsonl',
      byteLength: 0,
      slice: async () => new ArrayBuffer(0),
      stream: async function* () {
        for (const byte of bytes) yield Uint8Array.of(byte);
        ended = true;
      },
    };
    const rows = readJsonLines(file);
    const first = await rows.next();
    expect(first.value).toEqual({ kind: 'fields', row: 0, fields: { problem: 'ä?' } });
    expect(ended).toBe(false);
    expect((await rows.next()).value).toMatchObject({ row: 1, fields: { problem: 'b?' } });
    expect(await rows.next()).toEqual({ done: true, value: undefined });
  });
});

describe('a hub data set', () => {
  it('is read in ranges through the hub API, with its token', async () => {
    await using hub = await serveHub(await readFile(parquet));
    const access = { endpoint: hub.endpoint, token: 'hf_secret' };
    const rows = readSamples('owner/name@train', { hub: access });
    expect(await rows.next()).toEqual({
      done: false,
      value: { kind: 'sample', sample: samples[0] },
    });
    await rows.return(undefined);
    expect(hub.bytesServed()).toBeLessThan(0.6 * (await readFile(parquet)).length);
    expect(hub.tokens()).toEqual(['Bearer hf_secret']);
    const { samples: all } = await loadSamples('owner/name', { hub: access });
    expect(all.map(({ id }) => id)).toEqual(samples.map(({ id }) => id));
  });

  it('that does not exist is one clear error', async () => {
    await using hub = await serveHub(Buffer.alloc(0));
    const loading = loadSamples('owner/other', { hub: { endpoint: hub.endpoint } });
    await expect(loading).rejects.toThrow(
      /owner\/other: expected a data set of the hub, got .*404/s,
    );
  });
});

/** The two calls of the hub API that reading takes: the file tree, and ranges of a file. */
async function serveHub(file: Buffer) {
  let bytesServed = 0;
  const tokens = new Set<string | undefined>();
  const server = createServer((request, response) => {
    tokens.add(request.headers.authorization);
    const path = request.url?.split('?')[0];
    if (path === '/api/datasets/owner/name/tree/main') {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify([{ type: 'file', path: 'data/train-0.parquet', size: file.length }]),
      );
    } else if (path === '/datasets/owner/name/resolve/main/data/train-0.parquet') {
      const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      const end = Math.min(to === '' ? file.length - 1 : Number(to), file.length - 1);
      const part = file.subarray(Number(from), end + 1);
      bytesServed += part.length;
      response.writeHead(request.headers.range ? 206 : 200, {
        etag: '"1"',
        'content-range': `bytes ${from}-${end}/${file.length}`,
      });
      response.end(part);
    } else {
      response.writeHead(404).end('{}');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytesServed: () => bytesServed,
    tokens: () => [...tokens],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
