/**
 * Runs cases of the fuzz in a process of their own, since one may never end or take all memory with it.
 * By hand, one case with all that it prints: npx tsx test/fuzz/run.ts SEED INDEX
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultsOf, filesHere } from './judge-case.ts';
import { makeCase } from './make-case.ts';
import { type Ended, runLine } from './run-line.ts';
import { commandTree } from './tree.ts';
import { makeWorld } from './world.ts';

export type Report =
  | {
      readonly kind: 'begun';
      readonly index: number;
      readonly argv: readonly string[];
      readonly changes: readonly string[];
    }
  | {
      readonly kind: 'ended';
      readonly index: number;
      readonly code: number;
      readonly ms: number;
      readonly faults: readonly string[];
      /** The beginning of what it printed. */
      readonly told: string;
    };

const [seed = '1', first = '0', count = '1', step = '1'] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'medix-fuzz-'));
try {
  // Deep enough that `../..` is within the folder.
  const world = join(folder, 'around', 'the', 'world');
  await mkdir(world, { recursive: true });
  process.chdir(world);
  // Nothing leaves this machine.
  process.env['HF_ENDPOINT'] = 'http://127.0.0.1:9';
  await runCases();
} finally {
  process.chdir('/');
  await rm(folder, { recursive: true, force: true });
}
process.exit();

async function runCases(): Promise<void> {
  const tree = await commandTree();
  await makeWorld();
  let thrown: unknown[] = [];
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => thrown.push(error));
  }
  for (let n = 0; n < Number(count); n++) {
    const index = Number(first) + n * Number(step);
    const line = await makeCase(`fuzz/${seed}/${index}`, tree);
    const { argv, changes } = line;
    report({ kind: 'begun', index, argv: argv.map(shortened).slice(0, 60), changes });
    const before = await filesHere();
    const started = performance.now();
    thrown = [];
    const ended = await runLine(argv, line.prints).catch((error: unknown): Ended => {
      thrown.push(error);
      return { code: 1, output: '', errors: 'expected x, got y; z' };
    });
    const ms = performance.now() - started;
    const faults = [
      ...faultsOf(line, ended, before, await filesHere()),
      ...thrown.map((error) => `throws ${error instanceof Error ? error.stack : String(error)}`),
    ];
    const told = `${ended.errors}\n${ended.output}`.slice(0, 3000);
    report({ kind: 'ended', index, code: ended.code, ms, faults, told });
  }
}

function shortened(word: string): string {
  return word.length > 300 ? `${word.slice(0, 60)}… (${word.length} characters)` : word;
}

function report(message: Report): void {
  if (process.send) process.send(message);
  else process.stdout.write(`${JSON.stringify(message, null, 2)}\n`);
}
