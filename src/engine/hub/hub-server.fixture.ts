/** Test support: a Hugging Face hub on loopback with one model, well or badly behaved as a test says. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const commit = 'c0ffee'.repeat(6).concat('c0ff');

export type HubRequest = {
  /** Below the root, decoded, without its query. */
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
};

export type TestHub = {
  readonly endpoint: string;
  /** All so far, in the order in which they came. */
  readonly requests: readonly HubRequest[];
  /** Names of files that were asked for. */
  readonly files: () => readonly string[];
  readonly close: () => Promise<void>;
};

type Listed = Readonly<Record<string, unknown>>;

export type HubScript = {
  readonly id?: string;
  /** By name. Those whose names end in `.safetensors` are large ones to the hub. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** Changes what the hub lists of a file. */
  readonly listed?: (entry: Listed) => Listed;
  /** Further names that it lists. */
  readonly more?: readonly Listed[];
  /** Commit of the revision main. @default {@link commit} */
  readonly main?: string;
  /** Answers instead of the hub where it returns true. */
  readonly instead?: (request: HubRequest, response: ServerResponse) => boolean;
};

export function refusal(status: number, code: string, message: string) {
  return (response: ServerResponse) => {
    const headers = { 'x-error-code': code, 'x-error-message': message };
    response.writeHead(status, { ...headers, 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: message }));
  };
}

export async function startHub(script: HubScript): Promise<TestHub> {
  const { id = 'Owner/model-1', listed = (entry) => entry, more = [], main = commit } = script;
  const requests: HubRequest[] = [];
  const files = Object.entries(script.files).map(([name, content]) => ({
    name,
    bytes: Buffer.from(content),
  }));
  const siblings = [...files.map((file) => listed(entryOf(file))), ...more];

  const serve = (incoming: IncomingMessage, response: ServerResponse) => {
    const url = new URL(incoming.url ?? '', 'http://hub');
    const { authorization, range } = incoming.headers;
    const request = { path: decodeURIComponent(url.pathname).slice(1), authorization, range };
    requests.push(request);
    if (script.instead?.(request, response)) return;
    const revision = request.path.split(`api/models/${id}/revision/`)[1];
    if (revision !== undefined && (revision === 'main' || revision === main)) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ id, sha: main, siblings }));
      return;
    }
    const name = request.path.split(`${id}/resolve/${main}/`)[1];
    const file = files.find((one) => one.name === name);
    if (file === undefined) refusal(404, 'RepoNotFound', 'Repository not found')(response);
    else sendFile(file.bytes, range, response);
  };

  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    files: () => requests.flatMap(({ path }) => path.split(`/resolve/${main}/`)[1] ?? []),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The part that a range names, or the whole. */
export function sendFile(bytes: Buffer, range: string | undefined, response: ServerResponse): void {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const part = bytes.subarray(from);
  response.writeHead(range === undefined ? 200 : 206, {
    'content-length': part.length,
    ...(range === undefined
      ? {}
      : { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  response.end(part);
}

function entryOf({ name, bytes }: { readonly name: string; readonly bytes: Buffer }): Listed {
  const blobId = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  const small = { rfilename: name, size: bytes.length, blobId };
  if (!name.endsWith('.safetensors')) return small;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { ...small, lfs: { sha256, size: bytes.length, pointerSize: 134 } };
}
