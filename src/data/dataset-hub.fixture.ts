/** Test support: a Hugging Face hub on loopback with one data set, and its files on another host as a CDN has them. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

export const commit = '1234567890'.repeat(4);
export const convertedCommit = 'abcdefabcd'.repeat(4);

type HubFiles = Readonly<Record<string, Uint8Array>>;

export type DatasetHub = {
  readonly endpoint: string;
  /** Method, path and query of all requests so far, of both hosts. */
  readonly requests: readonly string[];
  readonly cdnTokens: () => readonly (string | undefined)[];
  readonly close: () => Promise<void>;
};

export type DatasetScript = {
  /** @default owner/name */
  readonly id?: string;
  readonly files: HubFiles;
  /** Of the branch refs/convert/parquet. @default no such branch */
  readonly converted?: HubFiles;
  /** Refuses whoever does not send it. @default open to all */
  readonly token?: string;
  /** Bytes after which the CDN breaks off, once for each place. */
  readonly breakOffAt?: readonly number[];
};

export async function startDatasetHub(script: DatasetScript): Promise<DatasetHub> {
  const { id = 'owner/name' } = script;
  const requests: string[] = [];
  const cdnTokens = new Set<string | undefined>();
  const breaks = [...(script.breakOffAt ?? [])];
  const revisions: Readonly<Record<string, { sha: string; files: HubFiles } | undefined>> = {
    main: { sha: commit, files: script.files },
    HEAD: { sha: commit, files: script.files },
    [commit]: { sha: commit, files: script.files },
    ...(script.converted
      ? {
          'refs/convert/parquet': { sha: convertedCommit, files: script.converted },
          [convertedCommit]: { sha: convertedCommit, files: script.converted },
        }
      : {}),
  };
  const cdn = createServer((request, response) => {
    requests.push(`cdn ${request.url}`);
    cdnTokens.add(request.headers.authorization);
    const [, revision = '', name = ''] = /^\/([^/]+)\/(.*)$/.exec(request.url ?? '') ?? [];
    const bytes = revisions[decodeURIComponent(revision)]?.files[decodeURIComponent(name)];
    if (bytes) sendPart(bytes, request, response, breaks);
    else response.writeHead(404).end();
  });
  const cdnPort = await listening(cdn);
  const hub = createServer((request, response) => {
    const path = decodeURIComponent(request.url?.split('?')[0] ?? '');
    requests.push(`hub ${request.url}`);
    if (script.token !== undefined && request.headers.authorization !== `Bearer ${script.token}`) {
      response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end('{}');
      return;
    }
    const { kind, revision, name } = askedOf(id, path, Object.keys(revisions));
    const found = revisions[revision];
    if (found === undefined) {
      response.writeHead(404).end('{}');
    } else if (kind === 'tree') {
      sendJson(response, treeOf(found.files));
    } else if (kind === 'resolve') {
      const location = `http://127.0.0.1:${cdnPort}/${encodeURIComponent(found.sha)}/${name}`;
      response.writeHead(302, { location }).end();
    } else {
      sendJson(response, { _id: '1', id, sha: found.sha });
    }
  });
  const port = await listening(hub);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    cdnTokens: () => [...cdnTokens],
    close: async () => {
      for (const server of [hub, cdn]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

/** What a path is about; no revision where it is about another data set. */
function askedOf(id: string, path: string, revisions: readonly string[]) {
  const below = new RegExp(`^/(?:api/)?datasets/${id}(?:/(revision|tree|resolve)/(.*))?$`);
  const [, kind, rest = 'main'] = below.exec(path) ?? ['', undefined, ''];
  const revision = revisions.find((one) => rest === one || rest.startsWith(`${one}/`)) ?? '';
  return { kind, revision, name: rest.slice(revision.length + 1) };
}

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function treeOf(files: HubFiles) {
  return Object.entries(files).map(([path, { length: size }]) => {
    return { type: 'file', path, size, oid: '0'.repeat(40) };
  });
}

/** As the hub does, whether or not it is asked to. */
function sendJson(response: ServerResponse, body: unknown): void {
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  response.writeHead(200, headers).end(gzipSync(JSON.stringify(body)));
}

function sendPart(
  bytes: Uint8Array,
  { headers: { range } }: IncomingMessage,
  response: ServerResponse,
  breaks: number[],
): void {
  const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const part = bytes.subarray(Number(from), to === '' ? bytes.length : Number(to) + 1);
  response.writeHead(range === undefined ? 200 : 206, {
    etag: '"1"',
    'content-length': part.length,
    'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`,
  });
  const cut = part.length > 1 ? breaks.shift() : undefined;
  if (cut === undefined) response.end(part);
  else response.write(part.subarray(0, cut), () => response.destroy());
}
