import { Readable } from 'node:stream';
import { datasetInfo, downloadFile, fileDownloadInfo, listFiles } from '@huggingface/hub';
import type { HubAccess, Proxies } from '../config/environment.ts';
import { type Clock, systemClock } from '../core/async/clock.ts';
import { fail, messageOf } from '../core/errors.ts';
import { oneLine } from '../core/quoted.ts';
import { readWhole } from '../http/exchange.ts';
import { hubEndpoint, openHubSite } from '../http/hub-site.ts';
import { openRequests } from '../http/redirects.ts';
import type { Sink } from '../http/site.ts';
import type { DataFile, DataFormat } from './data-file.ts';

export function isHubName(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(text);
}

/**
 * The commit (40 hexadecimal digits) that a revision of a hub data set stands at now.
 *
 * @param revision branch, tag or commit. @default main
 * @throws MedixError where the hub cannot be reached or refuses
 */
export async function resolveHubRevision(
  dataset: string,
  hub: HubAccess,
  revision?: string,
): Promise<string> {
  const { sha } = await reaching(dataset, () =>
    datasetInfo({
      ...accessFor(hub),
      name: dataset,
      additionalFields: ['sha'],
      ...(revision === undefined ? {} : { revision }),
    }),
  );
  return sha;
}

/**
 * The paths of all files of a hub data set.
 *
 * @param revision commit, branch or tag; left out, the main revision
 * @throws MedixError where the hub cannot be reached or refuses
 */
export async function listHubFiles(
  dataset: string,
  hub: HubAccess,
  revision?: string,
): Promise<string[]> {
  return reaching(dataset, async () => {
    const paths: string[] = [];
    for await (const { type, path } of listFiles({
      ...requestFor(dataset, hub, revision),
      recursive: true,
    })) {
      if (type === 'file') paths.push(path);
    }
    return paths;
  });
}

/** A file of a hub data set, read in ranges as rows are asked for. Nothing is kept on disk. */
export async function openHubFile(
  dataset: string,
  path: string,
  format: DataFormat,
  hub: HubAccess,
  revision?: string,
): Promise<DataFile> {
  const name = `${dataset}/${path}`;
  const request = requestFor(dataset, hub, revision);
  const blob = await reaching(name, () => downloadFile({ ...request, path }));
  if (!blob) return failAt(name, 'no such file');
  return {
    name,
    format,
    byteLength: blob.size,
    slice: (start, end) => reaching(name, () => blob.slice(start, end).arrayBuffer()),
    stream: () => blob.stream(),
  };
}

/**
 * Downloads a file of a hub data set; what breaks off is asked for again from where it broke off.
 *
 * @param append takes the bytes, in order
 * @throws MedixError where the hub cannot be reached, refuses, or sends another file than it says; what `append`
 *   throws
 */
export async function downloadHubFile(
  dataset: string,
  path: string,
  revision: string,
  hub: HubAccess,
  append: (bytes: Uint8Array) => Promise<void>,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const name = `${dataset}/${path}`;
  const site = openHubSite(hub, 'data', clock);
  try {
    const request = requestFor(dataset, hub, revision);
    const info = await reaching(name, () => fileDownloadInfo({ ...request, path }));
    if (!info) return failAt(name, 'no such file');
    let length = 0;
    const sink: Sink = {
      length: () => length,
      append: async (bytes) => {
        signal.throwIfAborted();
        await append(bytes);
        length += bytes.length;
      },
      restart: () => failAt(name, 'the whole file where a part of it was asked for'),
    };
    const from = ['datasets', dataset, 'resolve', encodeURIComponent(revision), inAddress(path)];
    const reply = await site.file(from.join('/'), info.size, sink, signal);
    signal.throwIfAborted();
    if (reply.kind === 'failed') failAt(name, reply.message);
    if (length !== info.size) failAt(name, `${length} bytes instead of ${info.size}`);
  } finally {
    site.close();
  }
}

function inAddress(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function requestFor(name: string, hub: HubAccess, revision: string | undefined) {
  return {
    repo: { type: 'dataset' as const, name },
    ...(revision === undefined ? {} : { revision }),
    ...accessFor(hub),
  };
}

function accessFor(hub: HubAccess) {
  const { token, proxies } = hub;
  return {
    hubUrl: hubEndpoint(hub),
    ...(proxies === undefined ? {} : { fetch: fetchThrough(proxies) }),
    ...(token === undefined ? {} : { accessToken: token }),
  };
}

/** What the client of the hub asks by where proxies are named: that of Node knows none. */
function fetchThrough(proxies: Proxies): typeof fetch {
  return async (input, init) => {
    const requests = openRequests(undefined, proxies);
    const headers = Object.fromEntries(new Headers(init?.headers));
    const signal = init?.signal ?? new AbortController().signal;
    const url = new URL(input instanceof Request ? input.url : input);
    const got = await requests.get(url, headers, signal);
    if (got.kind !== 'begun') {
      requests.close();
      throw new Error(got.message);
    }
    const { response } = got;
    response.once('close', requests.close);
    const { statusCode: status = 0, headersDistinct } = response;
    const { 'content-encoding': encoding, ...others } = headersDistinct;
    const pairs = Object.entries(others).flatMap(([name, values = []]) =>
      values.map((value): [string, string] => [name, value]),
    );
    if (encoding === undefined) {
      const body = Readable.toWeb(response) as ReadableStream<Uint8Array>;
      return new Response(body, { status, headers: pairs });
    }
    const whole = await readWhole(response);
    if (whole.kind !== 'response') throw new Error(whole.message);
    return new Response(new Uint8Array(whole.body), { status, headers: pairs });
  };
}

async function reaching<T>(where: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    return failAt(where, oneLine(messageOf(error), 300), error);
  }
}

function failAt(where: string, got: string, cause?: unknown): never {
  const next = 'check the name, the network, and HF_TOKEN for a gated or private data set';
  return fail('data', { where, expected: 'a data set of the hub', got, next }, cause);
}
