/** A training set of many rows: how fast it is read, and that its memory does not grow with them. */
import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export type DataFigures = {
  readonly rows: number;
  /** Read, checked and indexed. */
  readonly rowsPerSecond: number;
  /** One row in the order of training. */
  readonly secondsPerDraw: number;
  /** Resident bytes of the whole process. */
  readonly peakBytes: number;
};

const worker = fileURLToPath(new URL('./data-worker.ts', import.meta.url));

/** Each in a process of its own, whose peak of memory is that of the data. */
export async function benchData(sizes = [100_000, 1_000_000]): Promise<readonly DataFigures[]> {
  const folder = await mkdtemp(join(tmpdir(), 'medix-bench-data-'));
  try {
    const figures: DataFigures[] = [];
    for (const size of sizes) {
      const path = join(folder, `${size}.jsonl`);
      await writeRows(path, size);
      const { stdout } = await promisify(execFile)('npx', ['tsx', worker, path]);
      figures.push(JSON.parse(stdout) as DataFigures);
    }
    return figures;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function writeRows(path: string, count: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let start = 0; start < count; start += 10_000) {
      const rows = Array.from({ length: Math.min(10_000, count - start) }, (_, i) =>
        rowOf(start + i),
      );
      await file.write(rows.join(''));
    }
  } finally {
    await file.close();
  }
}

function rowOf(number: number): string {
  const problem = `Which side of the chest does finding ${number} lie on, as the image was taken?`;
  const solution = `<X_RAY>the left side, segment ${number % 97}`;
  return `${JSON.stringify({ id: `row ${number}`, source: 'bench', problem, solution })}\n`;
}
