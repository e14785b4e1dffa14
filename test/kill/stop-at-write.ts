/**
 * Loaded before the command, in its process: sends it a signal at its n-th write below a folder. With SIGKILL the
 * write does not happen, or half of it does, as when a machine goes down in the middle of a line. Or the disk has no
 * room from that write on.
 */
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';

export type Stop = {
  /** Writes whose path begins like this are counted. */
  readonly below: string;
  /** From 1; 0 never stops. */
  readonly at: number;
  readonly signal: NodeJS.Signals | 'ENOSPC';
  /** Regular expression: only such paths count. */
  readonly path?: string;
  /** Lets the write happen, and what follows begin, before the signal. */
  readonly isAfter?: boolean;
  /** File that receives how many writes there were. */
  readonly countTo: string;
};

/** Environment variable that holds a {@link Stop} as JSON. */
export const stopVariable = 'MEDIX_TEST_STOP';

const given = process.env[stopVariable];
if (given !== undefined) install(JSON.parse(given) as Stop);

function install({ below, at, signal, path: only = '', isAfter = false, countTo }: Stop): void {
  const { writeSync, writeFileSync, appendFileSync, promises } = fs;
  const paths = new WeakMap<FileHandle, string>();
  const pathsByNumber = new Map<number, string>();
  let writes = 0;
  const pattern = new RegExp(only);
  const isBelow = (path: string | undefined) =>
    path !== undefined && resolve(path).startsWith(below) && pattern.test(resolve(path));

  /** @param half writes the first half of what is to be appended. */
  const count = (path: string | undefined, half: () => void = () => {}): void => {
    if (!isBelow(path) || ++writes < at || at === 0) return;
    if (signal === 'ENOSPC') {
      half();
      const message = 'ENOSPC: no space left on device, write';
      throw Object.assign(new Error(message), { code: 'ENOSPC', syscall: 'write' });
    }
    if (writes > at) return;
    const { pid } = process;
    if (isAfter) {
      setImmediate(() => process.kill(pid, signal));
      return;
    }
    if (signal === 'SIGKILL') half();
    process.kill(pid, signal);
  };
  process.on('exit', () => writeFileSync(countTo, String(writes)));

  const { open, rename, mkdir, writeFile, rm } = promises;
  promises.rename = async (from, to) => {
    count(String(to));
    return rename(from, to);
  };
  promises.rm = async (path, options) => {
    count(String(path));
    return rm(path, options);
  };
  promises.mkdir = (async (path: string, options?: fs.MakeDirectoryOptions) => {
    count(path);
    return mkdir(path, options);
  }) as typeof mkdir;
  promises.writeFile = (async (path: string, ...rest: [string]) => {
    count(path);
    return writeFile(path, ...rest);
  }) as typeof writeFile;
  promises.open = async (path, ...rest) => {
    const handle = await open(path, ...rest);
    paths.set(handle, String(path));
    pathsByNumber.set(handle.fd, String(path));
    patchHandle(handle);
    return handle;
  };
  fs.appendFileSync = (file, data, ...rest) => {
    if (typeof file === 'number')
      count(pathsByNumber.get(file), () => void writeSync(file, halfOf(data)));
    appendFileSync(file, data, ...rest);
  };
  syncBuiltinESMExports();

  function patchHandle(handle: FileHandle): void {
    const { appendFile } = handle;
    handle.appendFile = async (data, options) => {
      count(paths.get(handle), () => void writeSync(handle.fd, halfOf(data)));
      return appendFile.call(handle, data, options);
    };
  }
}

function halfOf(data: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(data);
  return bytes.subarray(0, bytes.length >> 1);
}
