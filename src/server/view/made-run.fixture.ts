/** Test support: run directories with rollouts, as training writes them, and a hostile one. */
import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RolloutLine } from '../../run/records.ts';

export const hostile = '</script><img src=x onerror=alert(1)>\u0000\u001b[31m"\u2028';

const at = '2026-11-22T21:04:47.886Z';

export type MadeRun = {
  readonly iterations: readonly (readonly RolloutLine[])[];
  readonly ended?: 'finished' | 'stopped' | 'failed' | null;
  /** @default a process that is gone */
  readonly pid?: number;
};

export async function makeRun(folder: string, { iterations, ended = 'finished', pid }: MadeRun) {
  await mkdir(join(folder, 'attempts'), { recursive: true });
  await mkdir(join(folder, 'rollouts'), { recursive: true });
  const config = { model: 'start', iterations: iterations.length, out: folder, seed: 1 };
  const manifest = { kind: 'train', createdAt: at, config, facts: { medix: '0.1.0' } };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const attempt = {
    attempt: 1,
    fromIteration: 0,
    pid: pid ?? 2 ** 30,
    processIdentity: null,
    host: hostname(),
    startedAt: at,
    overrides: [],
    ended: ended === null ? null : { at, how: ended },
  };
  await writeFile(join(folder, 'attempts', '0001.json'), JSON.stringify(attempt));
  const metrics = iterations.map((lines, index) => {
    const rewards = lines.map(({ reward }) => reward ?? 0);
    const mean = rewards.reduce((a, b) => a + b, 0) / rewards.length;
    return { attempt: 1, iteration: index + 1, at, values: { 'reward/mean': mean } };
  });
  await writeFile(join(folder, 'metrics.jsonl'), jsonLines(metrics));
  await writeFile(join(folder, 'events.jsonl'), '');
  for (const [index, lines] of iterations.entries()) {
    await writeFile(rolloutsPath(folder, index + 1), jsonLines(lines));
  }
}

export function rolloutsPath(folder: string, iteration: number): string {
  return join(folder, 'rollouts', `${String(iteration).padStart(6, '0')}.jsonl`);
}

export function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
