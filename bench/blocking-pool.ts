/**
 * The paper's way to judge: a pool of processes, each with one blocking request at a time, that append to
 * one file under a lock. The processes are Node without any dependency in place of Python with an OpenAI
 * client, which are expected (and not measured) to need more memory and more time to begin.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { freemem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readLines } from './eval-folder.ts';
import { isRight, items } from './eval-workload.ts';
import { type Memory, peakOf, watchMemory } from './resident.ts';
import { seconds } from './timing.ts';

const worker = fileURLToPath(new URL('./blocking-worker.mjs', import.meta.url));

/** As many as the paper's scripts may run, or as fit in half of the memory that is free. */
const mostWorkers = 128;
const workerBytes = 70 * 2 ** 20;

export type PoolFigures = {
  readonly workers: number;
  /** Until the last worker is up. */
  readonly startSeconds: number;
  /** From then until the last row is written. */
  readonly judgeSeconds: number;
  /** Of workers alone. */
  readonly memory: Memory;
};

/** @throws Error where a row is missing or wrong */
export async function runPool(url: string, out: string): Promise<PoolFigures> {
  const workers = Math.min(mostWorkers, Math.floor(freemem() / 2 / workerBytes));
  const [startSeconds, pool] = await seconds(() => startWorkers(workers, url, out));
  const ended = Promise.all(pool.map((child) => once(child, 'exit')));
  const pids = pool.flatMap(({ pid }) => pid ?? []);
  const watching = watchMemory(pids, ended, out);
  const [judgeSeconds] = await seconds(async () => {
    for (const child of pool) child.send('go');
    await ended;
  });
  await requireRows(out);
  return { workers, startSeconds, judgeSeconds, memory: peakOf(await watching) };
}

async function startWorkers(workers: number, url: string, out: string): Promise<ChildProcess[]> {
  const pool = Array.from({ length: workers }, (_, own) =>
    fork(worker, [url, out, own, workers, items].map(String), { execArgv: [] }),
  );
  await Promise.all(pool.map((child) => once(child, 'message')));
  return pool;
}

async function requireRows(out: string): Promise<void> {
  const seen = new Set<number>();
  for await (const row of readLines(out)) {
    const { item, score } = row as { item: number; score: number };
    if (score !== Number(isRight(item))) throw new Error(`pool: item ${item} got ${score}`);
    seen.add(item);
  }
  if (seen.size !== items) throw new Error(`pool: ${seen.size} rows instead of ${items}`);
}
