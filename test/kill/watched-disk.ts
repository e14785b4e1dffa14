/**
 * A disk on which every change below a folder is watched: what is there at each moment, what would be left of it
 * after a power cut, and what happens once there is no more room. Replaces the functions of `node:fs/promises` until
 * it is put away; nothing is really flushed meanwhile, which would take most of the time.
 *
 * A power cut is modelled at its worst: of a file only what was flushed is left, and of a folder only the names that
 * it had when it was itself flushed. POSIX promises no more.
 */
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';

/** Paths below the folder with what is in their files; folders have null. */
export type Content = ReadonlyMap<string, Buffer | null>;

type Node = FileNode | FolderNode;
type FileNode = { readonly kind: 'file'; flushed: Buffer };
type FolderNode = {
  readonly kind: 'folder';
  readonly names: Map<string, Node>;
  flushed: Map<string, Node>;
};

export type WatchedDisk = {
  /**
   * Watches what changes below a folder of the disk from now on.
   * @param beforeChange hears of every change before it happens, with its number from 1; what it throws is thrown
   *   instead, after half of what was to be appended was
   */
  watch(folder: string, beforeChange: (change: number) => void): Watch;
  /** Gives the functions back. */
  putAway(): void;
};

export type Watch = {
  /** What a process that is killed now leaves. */
  present(): Content;
  /**
   * What a machine that goes down now leaves.
   * @param deletions whether what was deleted below a folder is gone even where the folder was not flushed since
   */
  afterPowerCut(deletions: 'undone' | 'done'): Content;
  end(): void;
};

/** @param root an empty folder that is there */
export function watchDisk(root: string): WatchedDisk {
  const top = newFolder();
  const { promises } = fs;
  const { open, mkdir, writeFile, rename, link, rm } = promises;
  let watched: ((path: string) => void) | undefined;

  const isWatched = (path: unknown): path is string =>
    typeof path === 'string' && resolve(path).startsWith(`${root}/`);
  const announce = (path: unknown, half: () => void = () => {}) => {
    if (!isWatched(path)) return;
    try {
      watched?.(resolve(path));
    } catch (error) {
      half();
      throw error;
    }
  };
  const nodeAt = (path: string): Node | undefined =>
    relative(root, resolve(path))
      .split('/')
      .filter((name) => name !== '')
      .reduce<Node | undefined>(
        (node, name) => (node?.kind === 'folder' ? node.names.get(name) : undefined),
        top,
      );
  const parentOf = (path: string): FolderNode => {
    const parent = nodeAt(dirname(resolve(path)));
    if (parent?.kind !== 'folder') throw new Error(`unknown folder of ${path}`);
    return parent;
  };
  const put = (path: string, node: Node) => void parentOf(path).names.set(basename(path), node);
  const ensureFile = (path: string) => {
    if (isWatched(path) && nodeAt(path) === undefined) put(path, newFile());
  };

  promises.mkdir = (async (path: string, options?: fs.MakeDirectoryOptions) => {
    const isThere = fs.existsSync(path);
    if (!isThere) announce(path);
    const result = await mkdir(path, options);
    if (!isThere && isWatched(path)) put(path, newFolder());
    return result;
  }) as typeof mkdir;
  promises.writeFile = (async (path: string, data: string, ...rest: []) => {
    announce(path, () => fs.writeFileSync(path, halfOf(data)));
    await writeFile(path, data, ...rest);
    ensureFile(path);
  }) as typeof writeFile;
  promises.rename = async (from, to) => {
    if (!fs.existsSync(from)) return rename(from, to);
    announce(to);
    await rename(from, to);
    if (!isWatched(from) || !isWatched(to)) return;
    const node = parentOf(from).names.get(basename(from));
    parentOf(from).names.delete(basename(from));
    if (node !== undefined) put(to, node);
  };
  promises.link = async (from, to) => {
    announce(to);
    await link(from, to);
    const node = isWatched(from) ? nodeAt(from) : undefined;
    if (node !== undefined && isWatched(to)) put(to, node);
  };
  promises.rm = async (path, options) => {
    if (!fs.existsSync(path)) return rm(path, options);
    announce(path);
    await rm(path, options);
    if (isWatched(path)) parentOf(path).names.delete(basename(path));
  };
  promises.open = (async (path: string, flags: string | number = 'r', ...rest: []) => {
    const isNew = isWatched(path) && !fs.existsSync(path);
    const mayCreate =
      typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : flags !== 'r';
    if (isNew && mayCreate) announce(path);
    const handle = await open(path, flags, ...rest);
    if (mayCreate) ensureFile(path);
    return watchHandle(handle, path);
  }) as typeof open;
  syncBuiltinESMExports();

  function watchHandle(handle: FileHandle, path: string): FileHandle {
    const node = isWatched(path) || resolve(path) === root ? nodeAt(path) : undefined;
    const { appendFile } = handle;
    handle.appendFile = async (data, options) => {
      announce(path, () => fs.writeSync(handle.fd, halfOf(data as string)));
      return appendFile.call(handle, data, options);
    };
    handle.sync = async () => {
      if (node?.kind === 'file') node.flushed = fs.readFileSync(path);
      if (node?.kind === 'folder') node.flushed = new Map(node.names);
    };
    return handle;
  }

  return {
    watch: (folder, beforeChange) => {
      let changes = 0;
      watched = (path) => {
        if (path.startsWith(`${folder}/`)) beforeChange(++changes);
      };
      return {
        present: () => presentBelow(folder),
        afterPowerCut: (deletions) => {
          const node = nodeAt(folder);
          if (node?.kind !== 'folder') throw new Error(`unknown folder ${folder}`);
          const isLost = (one: Node) => deletions === 'done' && !isBelow(node, one);
          return new Map(flushedBelow(node, '', isLost));
        },
        end: () => {
          watched = undefined;
        },
      };
    },
    putAway: () => {
      Object.assign(promises, { open, mkdir, writeFile, rename, link, rm });
      syncBuiltinESMExports();
    },
  };
}

const newFile = (): FileNode => ({ kind: 'file', flushed: Buffer.alloc(0) });
const newFolder = (): FolderNode => ({ kind: 'folder', names: new Map(), flushed: new Map() });

function presentBelow(folder: string): Content {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path), entry.isDirectory() ? null : fs.readFileSync(path)];
    }),
  );
}

function flushedBelow(
  folder: FolderNode,
  path: string,
  isLost: (node: Node) => boolean,
): readonly (readonly [string, Buffer | null])[] {
  return [...folder.flushed].flatMap(([name, node]) => {
    const at = join(path, name);
    if (node.kind === 'folder') return [[at, null] as const, ...flushedBelow(node, at, isLost)];
    return isLost(node) ? [] : [[at, node.flushed] as const];
  });
}

function isBelow(folder: FolderNode, node: Node): boolean {
  return [...folder.names.values()].some(
    (one) => one === node || (one.kind === 'folder' && isBelow(one, node)),
  );
}

function halfOf(data: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(data);
  return bytes.subarray(0, bytes.length >> 1);
}
