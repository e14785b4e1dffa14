/**
 * Packages that only some configs need and that users install themselves. They are found as every import
 * is, then in the folder that `MEDIX_PEERS` names (its node_modules), for installations whose own
 * node_modules cannot be written to.
 */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail, messageOf } from '../core/errors.ts';
import { readPeersFolder } from './environment.ts';

/**
 * Imports an optional peer.
 * @param neededBy The part of the config that needs it.
 * @param folder Looked into after the usual places.
 * @throws MedixError (judge) that says how to install it, when it is missing or cannot be loaded.
 */
export async function importPeer(
  name: string,
  neededBy: string,
  folder: string | undefined = readPeersFolder(),
): Promise<unknown> {
  try {
    const imported: { readonly default?: unknown } = await import(locatePeer(name, folder) ?? name);
    // A CommonJS build has its exports there.
    return imported.default ?? imported;
  } catch (error) {
    return fail(
      'judge',
      {
        where: neededBy,
        expected: `the package ${name}`,
        got: messageOf(error),
        next: `npm install ${name}`,
      },
      error,
    );
  }
}

/**
 * The file that `require` would load for an optional peer, as a URL; undefined where there is none.
 * @param folder Looked into after the usual places.
 */
export function locatePeer(
  name: string,
  folder: string | undefined = readPeersFolder(),
): string | undefined {
  const inFolder = () => (folder === undefined ? undefined : resolved(name, within(folder)));
  return resolved(name, import.meta.url) ?? inFolder();
}

function within(folder: string): string {
  return join(resolve(folder), 'package.json');
}

function resolved(name: string, from: string): string | undefined {
  try {
    return pathToFileURL(createRequire(from).resolve(name)).href;
  } catch {
    return undefined;
  }
}
