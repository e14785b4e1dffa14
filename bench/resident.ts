/** Memory of processes, as Linux accounts for it. */
import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export type Memory = {
  /** Resident bytes; pages that processes share count for each of them. */
  readonly resident: number;
  /** Bytes with shared pages divided among those that share them. */
  readonly proportional: number;
};

export type MemorySample = Memory & {
  /** Size of the file that grows with the work. */
  readonly written: number;
};

/** What all of the processes take together, every 100 ms until `done` settles. */
export async function watchMemory(
  pids: readonly number[],
  done: Promise<unknown>,
  growing: string,
): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  const controller = new AbortController();
  const stop = () => controller.abort();
  done.then(stop, stop);
  while (!controller.signal.aborted) {
    const found = await Promise.all(pids.map(memoryOf));
    const sum = (which: keyof Memory) => found.reduce((total, one) => total + one[which], 0);
    const written = await stat(growing).then(
      ({ size }) => size,
      () => 0,
    );
    samples.push({ resident: sum('resident'), proportional: sum('proportional'), written });
    await sleep(100, undefined, { signal: controller.signal }).catch(() => {});
  }
  return samples;
}

export function peakOf(samples: readonly Memory[]): Memory {
  const most = (which: keyof Memory) =>
    samples.reduce((peak, sample) => Math.max(peak, sample[which]), 0);
  return { resident: most('resident'), proportional: most('proportional') };
}

/** Nothing for a process that has ended. */
async function memoryOf(pid: number): Promise<Memory> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const read = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return { resident: read('Rss'), proportional: read('Pss') };
}
