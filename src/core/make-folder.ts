import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMissing, refusalCode } from './reading.ts';

/**
 * Makes a folder, and those above it that are missing; one that is there is left as it is. Node's own
 * `recursive` never ends below a folder that takes no others, like `/proc`.
 * @returns the folders that were made, from the outermost inwards
 * @throws Error of the system where it cannot be made
 */
export async function makeFolder(path: string): Promise<readonly string[]> {
  try {
    return await makeOne(path);
  } catch (error) {
    const parent = dirname(path);
    if (!isMissing(error) || parent === path) throw error;
    return [...(await makeFolder(parent)), ...(await makeOne(path))];
  }
}

async function makeOne(path: string): Promise<readonly string[]> {
  try {
    await mkdir(path);
    return [path];
  } catch (error) {
    // A link to nowhere counts as there, and is told as what it leads to.
    const isThere = ['EEXIST', 'EISDIR'].includes(refusalCode(error) ?? '');
    if (!isThere || !(await stat(path)).isDirectory()) throw error;
    return [];
  }
}
