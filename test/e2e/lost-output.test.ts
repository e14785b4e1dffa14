/** A terminal, pipe or disk that takes no more, and people who do not wait. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { medixArguments, startMedix, temporaryFolder } from './medix.ts';

const startModel = fileURLToPath(new URL('../../assets/start-model', import.meta.url));
const folder = await temporaryFolder();

const training = (out: string) => [
  'train',
  `model=${startModel}`,
  `out=${out}`,
  'data.train=phantoms',
  'data.trainCount=100',
  'rollout.promptsPerIteration=4',
  'rollout.groupSize=4',
  'rollout.maxCompletionTokens=64',
  'iterations=50',
];

/** Runs the command with its output in a device that is always full. */
function withFullDisk(
  args: readonly string[],
  streams: 'stdout' | 'stderr',
): Promise<{ readonly code: number | null; readonly told: string }> {
  const full = openSync('/dev/full', 'w');
  const stdio =
    streams === 'stdout'
      ? (['ignore', full, 'pipe'] as const)
      : (['ignore', 'pipe', full] as const);
  const child = spawn(process.execPath, [...medixArguments, ...args], {
    cwd: folder,
    stdio: [...stdio],
  });
  let told = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
  }
  return new Promise((resolve) => {
    child.on('close', (code) => {
      closeSync(full);
      resolve({ code, told });
    });
  });
}

it.each([
  ['help', ['--help']],
  ['a list', ['eval', 'tasks']],
  ['a training', training('full')],
])('%s on a full disk fails, and says that there is no room', async (_, args) => {
  const { code, told } = await withFullDisk(args, 'stdout');
  expect(told).toMatch(
    /^standard output: expected .*, got ENOSPC.*; make room, or print elsewhere$/m,
  );
  expect(told).not.toMatch(/interrupted|defect| at /);
  expect(code).toBe(1);
});

it.each([
  ['a list', ['eval', 'tasks']],
  ['help', ['train', '--help']],
  ['a training', training('closed')],
])('%s ends without a word when its reader goes away', async (_, args) => {
  const child = spawn(process.execPath, [...medixArguments, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(told).toBe('');
  expect(code).toBe(141);
});

it('errors that cannot be printed still end the command with an error', async () => {
  const { code, told } = await withFullDisk(['train', 'missing.yaml'], 'stderr');
  expect(told).toBe('');
  expect(code).toBe(1);
});

it.each([
  ['SIGINT', 'SIGTERM'],
  ['SIGTERM', 'SIGINT'],
] as const)(
  '%s and then %s end the process at once, in the middle of a computation',
  async (first, second) => {
    const out = `${first}-${second}`;
    const running = startMedix(folder, training(out), (line) => {
      if (!line.startsWith('1/50')) return;
      running.kill(first);
      running.kill(second);
    });
    const { code, stderr } = await running.outcome;
    expect(code).toBeNull();
    expect(stderr).toBe('');
    expect(await readdir(join(folder, out))).not.toContain('model');
  },
);
