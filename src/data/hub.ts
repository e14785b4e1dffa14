import { datasetInfo, downloadFile, listFiles } from '@huggingface/hub';
import type { HubAccess } from '../config/environment.ts';
import { fail, messageOf } from '../core/errors.ts';
import type { DataFile, DataFormat } from './data-file.ts';

export function isHubName(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(text);
}

/**
 * The commit (40 hexadecimal digits) that a hub data set's main revision stands at now.
 *
 * @throws MedixError where the hub cannot be reached or refuses
 */
export async function resolveHubRevision(dataset: string, hub: HubAccess): Promise<string> {
  const { sha } = await reaching(dataset, () =>
    datasetInfo({ ...accessFor(hub), name: dataset, additionalFields: ['sha'] }),
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

function requestFor(name: string, hub: HubAccess, revision: string | undefined) {
  return {
    repo: { type: 'dataset' as const, name },
    ...(revision === undefined ? {} : { revision }),
    ...accessFor(hub),
  };
}

function accessFor({ endpoint, token }: HubAccess) {
  return {
    ...(endpoint === undefined ? {} : { hubUrl: endpoint }),
    ...(token === undefined ? {} : { accessToken: token }),
  };
}

async function reaching<T>(where: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    return failAt(where, messageOf(error), error);
  }
}

function failAt(where: string, got: string, cause?: unknown): never {
  const next = 'check the name, the network, and HF_TOKEN for a gated or private data set';
  return fail('data', { where, expected: 'a data set of the hub', got, next }, cause);
}
