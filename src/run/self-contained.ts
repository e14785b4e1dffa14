/**
 * Folders that somebody else may have made. What MediX reads and writes below a run, an evaluation or a review
 * has to stay below it, so a symbolic link there may not lead out.
 */
import { isAbsolute, join, relative, sep } from 'node:path';
import { fail } from '../core/errors.ts';
import { entriesOf, realPathOf } from '../core/files.ts';
import { reading, refusalCode } from '../core/reading.ts';

/**
 * Nothing where there is no such folder.
 * @throws MedixError 'run' where a link below the folder leads out of it or to nothing, or where a folder
 *   cannot be listed
 */
export async function requireSelfContained(folder: string): Promise<void> {
  const root = await realPathOf(folder).catch(() => undefined);
  if (root === undefined) return;
  for await (const link of linksBelow(root)) {
    const target = await realPathOf(link).catch(() => undefined);
    // To write through a link that leads to nothing would make a file there.
    if (target !== undefined && isBelow(root, target)) continue;
    fail('run', {
      where: join(folder, relative(root, link)),
      expected:
        'files and folders, since a symbolic link could make MediX read or overwrite others',
      got: `a symbolic link ${target === undefined ? 'to nothing' : `to ${target}`}`,
      next: 'if the folder is your own, put what the link leads to in its place; else do not use the folder',
    });
  }
}

async function* linksBelow(folder: string): AsyncGenerator<string> {
  for (const entry of await entriesIn(folder)) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) yield path;
    else if (entry.isDirectory()) yield* linksBelow(path);
  }
}

async function entriesIn(folder: string) {
  const asked = {
    boundary: 'run',
    where: folder,
    expected: 'a folder that can be listed',
    next: 'grant access',
  } as const;
  return reading(asked, () =>
    entriesOf(folder).catch((error: unknown) => {
      // A process that is still writing may have taken it away.
      if (['ENOENT', 'ENOTDIR'].includes(refusalCode(error) ?? '')) return [];
      throw error;
    }),
  );
}

function isBelow(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
