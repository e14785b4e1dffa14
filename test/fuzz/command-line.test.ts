/** Whatever a command line or a file holds: each command ends, says clearly what is wrong, and leaves all else alone. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { baseLines } from './base-lines.ts';
import type { Report } from './run.ts';
import { commandTree } from './tree.ts';

const seed = 1;
const inputs = 1000;
/** Side by side, each in a world of its own. */
const processes = Math.min(2, availableParallelism());
/** No input takes more than a few seconds; machines may be busy with other things. */
const longestMs = 60_000;

const run = fileURLToPath(new URL('./run.ts', import.meta.url));
const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const home = await mkdtemp(join(tmpdir(), 'medix-fuzz-home-'));
afterAll(() => rm(home, { recursive: true, force: true }));

type Begun = Extract<Report, { kind: 'begun' }>;
type Ended = Extract<Report, { kind: 'ended' }>;

test('every command has a line that the fuzz begins with', async () => {
  const names = (await commandTree()).map(({ name }) => name);
  expect(Object.keys(baseLines).sort()).toEqual(names.sort());
});

test(`${inputs} command lines with mistakes end with success or a clear error, and change nothing else`, async () => {
  const faults: string[] = [];
  const ended: Ended[] = [];
  await Promise.all(
    Array.from({ length: processes }, (_, first) =>
      runPart(first, (begun, end) => {
        if (typeof end !== 'string') ended.push(end);
        const found = typeof end === 'string' ? [end] : end.faults;
        if (found.length > 0) faults.push(describeFault(begun, found, end));
      }),
    ),
  );
  expect(faults.join('\n\n')).toBe('');
  expect(ended).toHaveLength(inputs);
  // Mistakes of every depth: some are refused as usage, some do not matter.
  for (const code of [0, 1, 2]) {
    expect(ended.filter((end) => end.code === code).length).toBeGreaterThan(inputs / 50);
  }
}, 900_000);

/** Every so many-th input; one that never ends, or ends the process, ends this part. */
function runPart(
  first: number,
  onEnd: (begun: Begun | undefined, end: Ended | string) => void,
): Promise<void> {
  const count = Math.ceil((inputs - first) / processes);
  const child: ChildProcess = fork(run, [seed, first, count, processes].map(String), {
    execArgv: ['--max-old-space-size=1024', '--import', loader],
    env: { PATH: process.env['PATH'], HOME: home, HF_ENDPOINT: 'http://127.0.0.1:9' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.on('data', (text: Buffer) => {
    stderr = `${stderr}${text}`.slice(-2000);
  });
  let begun: Begun | undefined;
  let timer: NodeJS.Timeout | undefined;
  const isFound = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      onEnd(begun, `does not end within ${longestMs / 1000} s`);
      child.kill('SIGKILL');
    }, longestMs);
  };
  isFound();
  child.on('message', (message: Report) => {
    isFound();
    if (message.kind === 'begun') begun = message;
    else onEnd(begun, message);
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0) onEnd(begun, `ends the process (${signal ?? code}): ${stderr}`);
      resolve();
    });
  });
}

function describeFault(
  begun: Begun | undefined,
  found: readonly string[],
  end: Ended | string,
): string {
  return [
    `npx tsx test/fuzz/run.ts ${seed} ${begun?.index ?? ''}`,
    `medix ${begun?.argv.map((word) => JSON.stringify(word)).join(' ')}`,
    ...(begun?.changes ?? []),
    ...found.map((fault) => `FAULT ${fault}`),
    ...(typeof end === 'string' ? [] : [end.told.slice(0, 1000)]),
  ].join('\n  ');
}
