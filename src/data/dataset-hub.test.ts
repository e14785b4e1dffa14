import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HubAccess } from '../config/environment.ts';
import {
  commit,
  convertedCommit,
  type DatasetScript,
  startDatasetHub,
} from './dataset-hub.fixture.ts';
import { pinLocation } from './locate.ts';
import { openSampleSet } from './open-sample-set.ts';

let cache: string;
const closing: (() => Promise<void>)[] = [];
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'medix-hub-'));
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  await rm(cache, { recursive: true });
});

function parquet(...answers: readonly string[]): Uint8Array {
  const columnData = [
    { name: 'problem', data: answers.map(() => 'Which side?') },
    { name: 'solution', data: answers.map((answer) => `<X_RAY>${answer}`) },
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

const files = {
  'README.md': Buffer.from('x'),
  'data/train-00000-of-00002.parquet': parquet('a', 'b'),
  'data/train-00001-of-00002.parquet': parquet('c'),
  'data/test-00000-of-00001.parquet': parquet('d'),
};

async function hubOf(script: DatasetScript) {
  const hub = await startDatasetHub(script);
  closing.push(hub.close);
  return hub;
}

async function answersAt(location: string, hub: HubAccess): Promise<string[]> {
  const set = await openSampleSet(location, { hub, cache, textOnly: true, keptBytes: 0 });
  const all = Array.from({ length: set.size }, (_, i) => set.at(i));
  return (await Promise.all(all)).map(({ referenceAnswer }) => referenceAnswer);
}

describe('a data set of the hub', () => {
  it('is downloaded once at its commit, and read again without the hub', async () => {
    const hub = await hubOf({ files, token: 'hf_secret' });
    const access = { endpoint: hub.endpoint, token: 'hf_secret' };
    const pinned = await pinLocation('owner/name@train', access);
    expect(pinned).toBe(`owner/name@train#${commit}`);
    expect(await answersAt(pinned, access)).toEqual(['a', 'b', 'c']);
    expect(hub.cdnTokens()).toEqual([undefined]);
    const count = hub.requests.length;
    expect(await pinLocation(pinned, access)).toBe(pinned);
    expect(await answersAt(pinned, access)).toEqual(['a', 'b', 'c']);
    expect(hub.requests).toHaveLength(count);
    expect(await answersAt('owner/name@test#main', access)).toEqual(['d']);
  });

  it('is whole where its download breaks off', async () => {
    const hub = await hubOf({ files, breakOffAt: [10, 100, 20] });
    expect(await answersAt('owner/name', { endpoint: hub.endpoint })).toEqual(['a', 'b', 'c']);
  });

  it('is read from the branch that the hub converts it to, where it has no files of rows', async () => {
    const hub = await hubOf({
      files: { 'images.zip': Buffer.from('x') },
      converted: {
        'default/train/0000.parquet': parquet('a'),
        'default/test/0000.parquet': parquet('d'),
      },
    });
    const access = { endpoint: hub.endpoint };
    const pinned = await pinLocation('owner/name@train', access);
    expect(pinned).toBe(`owner/name@train#${convertedCommit}`);
    expect(await answersAt(pinned, access)).toEqual(['a']);
    expect(await answersAt('owner/name@test', access)).toEqual(['d']);
  });

  it('of several configurations is read one at a time', async () => {
    const hub = await hubOf({
      files: { 'images.zip': Buffer.from('x') },
      converted: { 'ct/train/0000.parquet': parquet('a'), 'mri/train/0000.parquet': parquet('b') },
    });
    const access = { endpoint: hub.endpoint };
    await expect(answersAt('owner/name@train', access)).rejects.toThrow(
      /expected rows of one configuration, got ct, mri; name one of them, e\.g\. owner\/name:ct@train/,
    );
    const pinned = await pinLocation('owner/name:mri@train', access);
    expect(pinned).toBe(`owner/name:mri@train#${convertedCommit}`);
    expect(await answersAt(pinned, access)).toEqual(['b']);
  });

  it('that is gated, missing or without the split is one clear error', async () => {
    const hub = await hubOf({ files, token: 'hf_secret' });
    const access = { endpoint: hub.endpoint, token: 'hf_secret' };
    await expect(pinLocation('owner/name', { endpoint: hub.endpoint })).rejects.toThrow(
      /owner\/name: expected a data set of the hub.*HF_TOKEN for a gated/,
    );
    await expect(pinLocation('owner/other', access)).rejects.toThrow(/owner\/other: expected/);
    await expect(pinLocation('owner/name#v9', access)).rejects.toThrow(/owner\/name: expected/);
    await expect(answersAt('owner/name@dev', access)).rejects.toThrow(/files of the split dev/);
  });
});

describe('a proxy', () => {
  /** What it was asked for; it hands on whole addresses and refuses tunnels. */
  async function startProxy() {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.headers['proxy-authorization'] ?? ''}`);
      const url = new URL(request.url ?? '');
      const socket = connect(Number(url.port), url.hostname, () => {
        const { 'proxy-authorization': _, connection: __, ...headers } = request.headers;
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
        socket.write(
          `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('\r\n')}\r\nconnection: close\r\n\r\n`,
        );
        socket.pipe(response.socket ?? socket);
      });
    });
    server.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return { asked, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it('is asked for everything but the hosts that need none', async () => {
    const hub = await hubOf({ files });
    const proxy = await startProxy();
    const proxies = { http: `http://me:secret@${proxy.host}` };
    const access = { endpoint: hub.endpoint, proxies };
    expect(await answersAt('owner/name@test', access)).toEqual(['d']);
    expect(new Set(proxy.asked)).toEqual(
      new Set([`GET Basic ${Buffer.from('me:secret').toString('base64')}`]),
    );
    const count = proxy.asked.length;
    const direct = { ...access, proxies: { ...proxies, none: 'localhost, 127.0.0.1' } };
    expect(await answersAt('owner/name@train', direct)).toEqual(['a', 'b', 'c']);
    expect(proxy.asked).toHaveLength(count);
  });

  it('tunnels https, and says so where it refuses', async () => {
    const proxy = await startProxy();
    const access = { endpoint: 'https://hub.invalid', proxies: { https: `http://${proxy.host}` } };
    await expect(pinLocation('owner/name', access)).rejects.toThrow(
      /the proxy 127\.0\.0\.1:\d+ answered 502 when asked for hub\.invalid:443/,
    );
    expect(proxy.asked[0]).toBe('CONNECT hub.invalid:443');
  });
});
