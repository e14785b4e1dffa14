/** Runs the `medix` command as its users do: as a process of its own, in a folder of its own. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** What Node runs the command with: as it ships, see `test/build-command.ts`. */
export const medixArguments = [fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))];

const fixture = fileURLToPath(new URL('../fixtures/qwen3-vl-tiny/', import.meta.url));
export const tinyModel = join(fixture, 'model');
export const imagePath = (name: string) => join(fixture, 'images', name);

export type Outcome = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type Running = {
  kill(signal: NodeJS.Signals): void;
  readonly outcome: Promise<Outcome>;
};

/** @param onLine hears every line of stdout as it comes. */
export function startMedix(
  folder: string,
  args: readonly string[],
  onLine: (line: string) => void = () => {},
): Running {
  const child = spawn(process.execPath, [...medixArguments, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  createInterface({ input: child.stdout.setEncoding('utf8') }).on('line', onLine);
  child.stdout.on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { kill: (signal) => child.kill(signal), outcome };
}

export type Server = Running & {
  /** What the pattern's group found in the line. */
  readonly told: string;
};

/** Resolves once a line of stdout matches; rejects with stderr where the process ends before. */
export function startServer(
  folder: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const running = startMedix(folder, args, (line) => {
      const told = pattern.exec(line)?.[1];
      if (told !== undefined) resolve({ ...running, told });
    });
    running.outcome.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
}

export function medix(folder: string, ...args: readonly string[]): Promise<Outcome> {
  return startMedix(folder, args).outcome;
}

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A folder that is deleted after the tests of the file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'medix-e2e-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Every file below a folder with its content. */
export async function contents(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const read = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [path, await readFile(path, 'base64')] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}
