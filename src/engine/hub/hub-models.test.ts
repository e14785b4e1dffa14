import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HubAccess } from '../../config/environment.ts';
import { createTestClock } from '../../core/async/test-clock.fixture.ts';
import { tinyModelDirectory } from '../../model/tiny-model.fixture.ts';
import { type ModelParts, openHubModel } from './hub-models.ts';
import { parseHubName } from './hub-name.ts';
import {
  commit,
  type HubRequest,
  type HubScript,
  refusal,
  sendFile,
  startHub,
  type TestHub,
} from './hub-server.fixture.ts';

const root = await mkdtemp(join(tmpdir(), 'medix-hub-'));
afterAll(() => rm(root, { recursive: true }));

let folder: string;
const hubs: TestHub[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'models-'));
});
afterEach(() => Promise.all(hubs.splice(0).map((hub) => hub.close())));

const idleMs = 60_000;
const never = new AbortController().signal;
const weights = Buffer.alloc(1 << 18, 'weights');
const config = await readFile(join(tinyModelDirectory, 'config.json'), 'utf8');
const model = {
  'config.json': config,
  'tokenizer.json': '{}',
  'README.md': 'about',
  'model.safetensors': weights,
  'pytorch_model.bin': 'other format',
  'onnx/model.onnx': 'other format',
};

async function serve(script: Partial<HubScript> = {}): Promise<TestHub> {
  const hub = await startHub({ files: model, ...script });
  hubs.push(hub);
  return hub;
}

function open(
  { endpoint }: Pick<TestHub, 'endpoint'>,
  {
    name = 'Owner/model-1',
    hub = {} as HubAccess,
    signal = never,
    clock = createTestClock(idleMs),
    onProgress = (_: string) => {},
    parts = 'all' as ModelParts,
  } = {},
) {
  const models = { folder, hub: { endpoint, ...hub }, clock, onProgress };
  return openHubModel(parseHubName(name)!, models, signal, parts);
}

const snapshot = () => join(folder, 'Owner--model-1', commit);
const isWeights = ({ path }: HubRequest) => path.endsWith('/model.safetensors');

/** Announces the file and sends its first bytes only. */
function cutAfter(count: number, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': weights.length });
  response.write(weights.subarray(0, count), () => response.destroy());
}

describe('a model of the hub', () => {
  it('can be described without its weights, which come when they are wanted', async () => {
    const hub = await serve();
    await open(hub, { parts: 'all-but-weights' });
    expect((await readdir(snapshot())).toSorted()).toEqual(['config.json', 'tokenizer.json']);
    const asked = hub.requests.length;
    await open(hub, { name: `Owner/model-1@${commit}`, parts: 'all-but-weights' });
    expect(hub.requests).toHaveLength(asked);
    await open(hub, { name: `Owner/model-1@${commit}` });
    expect(await readFile(join(snapshot(), 'model.safetensors'))).toEqual(weights);
  });

  it('is downloaded once: the files that are read here, at the commit of its revision', async () => {
    const hub = await serve();
    const lines: string[] = [];
    const given = { onProgress: (line: string) => lines.push(line) };
    expect(await open(hub, given)).toEqual({ folder: snapshot(), commit });
    const names = ['config.json', 'model.safetensors', 'tokenizer.json'];
    expect((await readdir(snapshot())).sort()).toEqual(names);
    expect(await readFile(join(snapshot(), 'model.safetensors'))).toEqual(weights);
    expect(lines.at(-1)).toMatch(/^downloading Owner\/model-1@main: 0\.00 GB of 0\.00 GB$/);
    const asked = hub.requests.length;
    await open(hub);
    // The revision may have moved; its files have not.
    expect(hub.requests.slice(asked).map(({ path }) => path)).toEqual([
      'api/models/Owner/model-1/revision/main',
    ]);
  });

  it('whose commit is named and kept opens without the hub', async () => {
    const hub = await serve();
    await open(hub);
    const gone = { endpoint: 'http://127.0.0.1:9' };
    expect(await open(gone, { name: `Owner/model-1@${commit}` })).toEqual({
      folder: snapshot(),
      commit,
    });
  });

  it('in shards brings the shards that its index names', async () => {
    const index = JSON.stringify({ weight_map: { a: 'a.safetensors', b: 'b.safetensors' } });
    const hub = await serve({
      files: {
        'config.json': config,
        'model.safetensors.index.json': index,
        'a.safetensors': 'a',
        'b.safetensors': 'b',
        'other.safetensors': 'c',
      },
    });
    await open(hub);
    expect(hub.files().filter((name) => name.endsWith('.safetensors'))).toEqual([
      'a.safetensors',
      'b.safetensors',
    ]);
  });

  it('whose index names a shard that the hub lacks is refused before any weights come', async () => {
    const index = JSON.stringify({ weight_map: { a: 'a.safetensors', b: 'b.safetensors' } });
    const files = {
      'config.json': config,
      'model.safetensors.index.json': index,
      'a.safetensors': 'a',
    };
    const hub = await serve({ files });
    await expect(open(hub)).rejects.toThrow(/b\.safetensors: expected .*, got no such file/);
    expect(hub.files()).not.toContain('a.safetensors');
  });
});

describe('a download that was cut', () => {
  it('goes on where it stopped, also in another process', async () => {
    let cuts = 0;
    const hub = await serve({
      instead: (request, response) => {
        if (!isWeights(request)) return false;
        if (cuts++ === 0) cutAfter(1000, response);
        else if (cuts === 2) response.writeHead(500).end();
        else sendFile(weights, request.range, response);
        return true;
      },
    });
    const stopped = new AbortController();
    const stopping = open(hub, {
      signal: stopped.signal,
      clock: { ...createTestClock(), sleep: async () => stopped.abort(new Error('stopped')) },
    });
    await expect(stopping).rejects.toThrow('stopped');
    expect(existsSync(join(snapshot(), 'model.safetensors'))).toBe(false);
    await open(hub);
    const ranges = hub.requests.filter(isWeights).map(({ range }) => range);
    expect(ranges).toEqual([undefined, 'bytes=1000-', 'bytes=1000-']);
    expect(await readFile(join(snapshot(), 'model.safetensors'))).toEqual(weights);
    expect(await readdir(snapshot())).not.toContain('model.safetensors.part');
  });

  it('begins anew where the server knows no ranges', async () => {
    let asked = 0;
    const hub = await serve({
      instead: (request, response) => {
        if (!isWeights(request)) return false;
        if (asked++ === 0) cutAfter(1000, response);
        else sendFile(weights, undefined, response);
        return true;
      },
    });
    await open(hub);
    expect(await readFile(join(snapshot(), 'model.safetensors'))).toEqual(weights);
  });

  it('is told once no attempt brings more', async () => {
    const hub = await serve({
      instead: (request, response) => {
        if (!isWeights(request)) return false;
        response.destroy();
        return true;
      },
    });
    await expect(open(hub)).rejects.toThrow(/expected an answer from the hub at http/);
    expect(hub.requests.filter(isWeights)).toHaveLength(5);
  });

  it('and stays silent is asked for again', async () => {
    const clock = createTestClock(idleMs);
    let asked = 0;
    const hub = await serve({
      instead: (request, response) => {
        if (!isWeights(request) || asked++ > 0) return false;
        response.writeHead(200, { 'content-length': weights.length });
        response.write(weights.subarray(0, 10), () => {
          clock.advance(idleMs);
        });
        return true;
      },
    });
    await open(hub, { clock });
    expect(await readFile(join(snapshot(), 'model.safetensors'))).toEqual(weights);
  });
});

describe('what is not as the hub says is deleted and told', () => {
  it.each([
    ['other bytes', Buffer.alloc(weights.length, 'x')],
    ['more bytes', Buffer.concat([weights, weights])],
  ])('%s', async (_, bytes) => {
    const hub = await serve({
      instead: (request, response) => {
        if (isWeights(request)) sendFile(bytes, request.range, response);
        return isWeights(request);
      },
    });
    const digest = createHash('sha256').update(weights).digest('hex');
    await expect(open(hub)).rejects.toThrow(
      new RegExp(`model\\.safetensors: expected 262144 bytes with the digest ${digest}, got `),
    );
    expect(await readdir(snapshot())).toEqual(['config.json', 'tokenizer.json']);
  });

  it('a small file', async () => {
    const hub = await serve({
      listed: (entry) =>
        entry['rfilename'] === 'tokenizer.json' ? { ...entry, blobId: '0'.repeat(40) } : entry,
    });
    await expect(open(hub)).rejects.toThrow(
      /tokenizer\.json: expected 2 bytes with the digest 0000/,
    );
  });

  it('another commit than was asked for', async () => {
    const other = 'a'.repeat(40);
    const hub = await serve({
      instead: ({ path }, response) => {
        if (!path.endsWith(other)) return false;
        response.end(JSON.stringify({ sha: commit, siblings: [] }));
        return true;
      },
    });
    await expect(open(hub, { name: `Owner/model-1@${other}` })).rejects.toThrow(
      /expected the commit aaaa.*check HF_ENDPOINT/,
    );
  });

  it.each(['../../evil.safetensors', '/etc/evil', 'a/../../b', 'a\\..\\b', 'C:/evil', ''])(
    'a name that leads out of the model: "%s"',
    async (rfilename) => {
      const hub = await serve({ more: [{ rfilename, size: 1, blobId: '0'.repeat(40) }] });
      await expect(open(hub)).rejects.toThrow(/expected names of files within the model/);
      expect(hub.files()).toEqual([]);
    },
  );

  it.each(['../evil.safetensors', '/evil.safetensors', 'a\\b.safetensors'])(
    'a shard that leads out of the model: "%s"',
    async (shard) => {
      const index = JSON.stringify({ weight_map: { a: shard } });
      const hub = await serve({
        files: { 'config.json': config, 'model.safetensors.index.json': index },
      });
      await expect(open(hub)).rejects.toThrow(/index\.json: expected a weight_map/);
    },
  );

  it('a listing without digests', async () => {
    const hub = await serve({ listed: ({ rfilename }) => ({ rfilename }) });
    await expect(open(hub)).rejects.toThrow(/config\.json: expected a file whose size and digest/);
  });
});

describe('the token', () => {
  it('goes to the hub, and not where the hub sends for files', async () => {
    const store = await serve();
    const hub = await serve({
      instead: (request, response) => {
        if (isWeights(request)) {
          response.writeHead(302, { location: `${store.endpoint}/${request.path}?signed=1` }).end();
        }
        return isWeights(request);
      },
    });
    await open(hub, { hub: { token: 'hf_secret' } });
    expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(
      new Set(['Bearer hf_secret']),
    );
    expect(store.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(await readFile(join(snapshot(), 'model.safetensors'))).toEqual(weights);
  });

  it('does not come back with a way that leads out and in again', async () => {
    const way = await serve({
      instead: ({ path }, response) => {
        response.writeHead(302, { location: `${hub.endpoint}/again/${path}` }).end();
        return true;
      },
    });
    const hub: TestHub = await serve({
      instead: (request, response) => {
        if (!isWeights(request) || request.path.startsWith('again/')) return false;
        response.writeHead(302, { location: `${way.endpoint}/${request.path}` }).end();
        return true;
      },
    });
    await open(hub, { hub: { token: 'hf_secret' } });
    const again = hub.requests.filter(({ path }) => path.startsWith('again/'));
    expect(again.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it('is in no message', async () => {
    const hub = await serve({
      instead: (_, response) => {
        refusal(401, '', 'Invalid credentials: hf_secret')(response);
        return true;
      },
    });
    const opening = open(hub, { hub: { token: 'hf_secret' } });
    await expect(opening).rejects.toThrow(/a token that the hub knows.*correct HF_TOKEN/);
    await expect(opening).rejects.not.toThrow(/hf_secret/);
    await expect(open(hub, { hub: { token: 'hf secret\n' } })).rejects.toThrow(
      /^HF_TOKEN: .*not shown/,
    );
  });

  it('is sent in the clear to no one whom an encrypted hub names, and ways without end are left', async () => {
    const hub = await serve({
      instead: ({ path }, response) => {
        response.writeHead(302, { location: `/${path}` }).end();
        return true;
      },
    });
    await expect(open(hub)).rejects.toThrow(/more than 5 redirects/);
    const odd = await serve({
      instead: (_, response) => {
        response.writeHead(302, { location: 'file:///etc/passwd' }).end();
        return true;
      },
    });
    await expect(open(odd)).rejects.toThrow(/an address that is not http/);
  });
});

describe('one clear error for', () => {
  const answering = (answer: (response: ServerResponse) => void, only = (_: HubRequest) => true) =>
    serve({
      instead: (request, response) => {
        if (only(request)) answer(response);
        return only(request);
      },
    });

  it.each<[string, HubAccess, RegExp]>([
    [
      'without a token',
      {},
      /accept them at http.*\/Owner\/model-1 with an account, and set HF_TOKEN/,
    ],
    ['with one', { token: 'hf_x' }, /accept them at http.*with the account of HF_TOKEN$/],
  ])('a gated model, %s', async (_, access, message) => {
    const gated = refusal(403, 'GatedRepo', 'Access to model Owner/model-1 is restricted');
    const isFile = ({ path }: HubRequest) => path.includes('/resolve/');
    const hub = await answering(gated, isFile);
    await expect(open(hub, { hub: access })).rejects.toThrow(message);
    await expect(open(hub, { hub: access })).rejects.toThrow(
      /accept its conditions: Access to model/,
    );
    expect(hub.files()).toEqual(['config.json', 'config.json']);
  });

  it('a model that is not there, or private', async () => {
    // What the hub answers without a token.
    const hub = await answering(refusal(401, 'RepoNotFound', 'Invalid username or password.'));
    await expect(open(hub)).rejects.toThrow(
      /^Owner\/model-1@main: expected a model of the hub, or a folder of this name, got no such model, or a private one .*set HF_TOKEN$/,
    );
    await expect(open(hub, { hub: { token: 'hf_x' } })).rejects.toThrow(
      /account of HF_TOKEN may read/,
    );
  });

  it('a revision that is not there', async () => {
    const hub = await answering(refusal(404, 'RevisionNotFound', 'Invalid rev id: v9'));
    await expect(open(hub, { name: 'Owner/model-1@v9' })).rejects.toThrow(
      /no such revision: v9; see /,
    );
  });

  it('a hub that cannot be reached, with the commits that open without it', async () => {
    await open(await serve());
    const gone = { endpoint: 'http://127.0.0.1:9' };
    await expect(open(gone)).rejects.toThrow(
      new RegExp(
        `127\\.0\\.0\\.1:9, got .*ECONNREFUSED.*without the hub, Owner/model-1@${commit} can be opened`,
      ),
    );
  });

  it('a wrong address', async () => {
    await expect(open({ endpoint: 'hub.local' })).rejects.toThrow(/^HF_ENDPOINT: expected an http/);
  });

  it.each<[string, HubScript['files'], RegExp]>([
    [
      'another architecture',
      { ...model, 'config.json': '{"model_type": "mistral"}' },
      /model_type: expected one of qwen3_vl, .*, got "mistral", a language model of another family; .*model\.kind=openai/,
    ],
    [
      'quantised weights',
      {
        ...model,
        'config.json': JSON.stringify({
          ...JSON.parse(config),
          quantization_config: { quant_method: 'fp8' },
        }),
      },
      /got a model whose weights are quantised \(fp8\)/,
    ],
    [
      'weights in another format',
      { 'config.json': config, 'pytorch_model.bin': 'x' },
      /weights are not in safetensors/,
    ],
    ['GGUF', { 'm-Q4_K_M.gguf': 'GGUF', 'README.md': '' }, /judge\.kind=gguf/],
    [
      'an adapter',
      {
        'adapter_config.json': '{"base_model_name_or_path": "a/b"}',
        'adapter_model.safetensors': 'x',
      },
      /a LoRA adapter for a\/b/,
    ],
    ['no model', { 'README.md': 'x', 'data.csv': '1' }, /a repository with README\.md, data\.csv/],
    [
      'no weights',
      { 'config.json': config },
      /expected weights in model\.safetensors or in shards/,
    ],
  ])('%s, before any weights come', async (_, files, message) => {
    const hub = await serve({ files });
    await expect(open(hub)).rejects.toThrow(message);
    expect(hub.files().filter((name) => !name.endsWith('.json'))).toEqual([]);
  });

  it('a disk without room, before any weights come', async () => {
    const hub = await serve({
      listed: (entry) => {
        if (entry['rfilename'] !== 'model.safetensors') return entry;
        return { ...entry, lfs: { sha256: '0'.repeat(64), size: 2 ** 52 } };
      },
    });
    await expect(open(hub)).rejects.toThrow(
      /expected room for 4503599\.63 GB in .*, got .* GB; make room/,
    );
    expect(hub.files()).toEqual(['config.json']);
  });

  it.skipIf(!existsSync('/dev/full'))('a disk that is full meanwhile', async () => {
    await mkdir(snapshot(), { recursive: true });
    await symlink('/dev/full', join(snapshot(), 'model.safetensors.part'));
    const hub = await serve();
    await expect(open(hub)).rejects.toThrow(
      /model\.safetensors\.part: expected a place that can be written, got ENOSPC.*; make room .*goes on where it stopped/,
    );
  });

  it('a folder that cannot be written', async () => {
    await writeFile(join(folder, 'Owner--model-1'), 'a file');
    await expect(open(await serve())).rejects.toThrow(/expected a place that can be written, got /);
  });
});

it.each([
  'a',
  'a/b/c',
  '../b',
  'a/..',
  './a',
  'a/b@',
  'a/b@../c',
  '/a/b',
  'https://hf.co/a/b',
  'a/b:Q4',
])('"%s" is no name of the hub', (text) => {
  expect(parseHubName(text)).toBeUndefined();
});

it('a name of the hub may name a revision', () => {
  expect(parseHubName('Qwen/Qwen3-VL-2B-Instruct')).toEqual({
    id: 'Qwen/Qwen3-VL-2B-Instruct',
    revision: 'main',
  });
  expect(parseHubName('a/b.c@refs/pr/1')).toEqual({ id: 'a/b.c', revision: 'refs/pr/1' });
});
