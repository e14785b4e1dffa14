/**
 * One process at a time writes a run. Each is an *attempt* with a numbered file; attempt n + 1 may begin
 * when attempt n has ended or its process is dead. Creating the file is one atomic step, so of two
 * processes that find a dead attempt only one takes over.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import { readText } from '../core/files.ts';
import { isMissing, readingAs } from '../core/reading.ts';
import { flush, unfinishedPrefix } from '../core/write-aside.ts';
import { makeFolderDurably, namesIn, removeUnfinished, writeFileDurably } from './durable.ts';
import { type Attempt, attemptSchema } from './records.ts';

/**
 * All attempts of a run, oldest first.
 * @throws MedixError 'run' where one of their files is damaged
 */
export async function readAttempts(runDirectory: string): Promise<Attempt[]> {
  const directory = join(runDirectory, 'attempts');
  const names = (await namesIn(directory)).filter((name) => /^\d+\.json$/.test(name));
  const attempts = await Promise.all(names.map((name) => readAttempt(join(directory, name))));
  return attempts.sort((a, b) => a.attempt - b.attempt);
}

async function readAttempt(file: string): Promise<Attempt> {
  // Which lines of the history count follows from all attempts: none may be left out.
  const asked = {
    boundary: 'run',
    where: file,
    expected: 'the record of a process that wrote here',
    next: 'restore the file from a copy, or start anew in another directory',
  } as const;
  return readingAs(
    asked,
    () => readText(file),
    (text) => attemptSchema.parse(JSON.parse(text)),
  );
}

/** The number of the attempt after these. */
export function nextAttempt(attempts: readonly Attempt[]): number {
  return (attempts.at(-1)?.attempt ?? 0) + 1;
}

/** @throws MedixError 'run' while another process writes the run. */
export async function requireUnclaimed(runDirectory: string): Promise<void> {
  const last = (await readAttempts(runDirectory)).at(-1);
  if (last && (await isAlive(last))) failClaimed(runDirectory, last);
}

/**
 * Claims the run for this process.
 * @throws MedixError 'run' when another process was faster.
 */
export async function claimAttempt(
  runDirectory: string,
  given: Pick<Attempt, 'attempt' | 'fromIteration' | 'overrides' | 'config' | 'startedAt'>,
): Promise<Attempt> {
  const attempt: Attempt = {
    ...given,
    pid: process.pid,
    processIdentity: await identityOf(process.pid),
    host: hostname(),
    ended: null,
  };
  const directory = join(runDirectory, 'attempts');
  await makeFolderDurably(directory);
  const aside = join(directory, `${unfinishedPrefix}${randomUUID()}`);
  await writeFile(aside, `${JSON.stringify(attempt, null, 2)}\n`);
  await flush(aside);
  try {
    await link(aside, attemptFile(runDirectory, attempt.attempt));
  } catch (error) {
    // Whoever was faster has also deleted what was beside its own attempt.
    const isTaken =
      error instanceof Error && 'code' in error && ['EEXIST', 'ENOENT'].includes(`${error.code}`);
    if (!isTaken) throw error;
    fail('run', {
      where: runDirectory,
      expected: 'no other process that writes this run',
      got: 'one that started at the same moment',
      next: 'wait for it, or give another output directory',
    });
  } finally {
    await rm(aside, { force: true });
  }
  await removeUnfinished(directory);
  await flush(directory);
  return attempt;
}

export async function endAttempt(
  runDirectory: string,
  attempt: Attempt,
  ended: NonNullable<Attempt['ended']>,
): Promise<void> {
  await writeFileDurably(
    attemptFile(runDirectory, attempt.attempt),
    `${JSON.stringify({ ...attempt, ended }, null, 2)}\n`,
  );
}

function attemptFile(runDirectory: string, attempt: number): string {
  return join(runDirectory, 'attempts', `${String(attempt).padStart(4, '0')}.json`);
}

/** Whether the process that made the attempt still runs; on another host that is taken for granted. */
export async function isAlive(attempt: Attempt): Promise<boolean> {
  if (attempt.ended) return false;
  if (attempt.host !== hostname()) return true;
  try {
    process.kill(attempt.pid, 0);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
  return (await identityOf(attempt.pid)) === attempt.processIdentity;
}

/** Boot and start time of a process (Linux); null elsewhere, where a pid alone must do. */
async function identityOf(pid: number): Promise<string | null> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command name, in parentheses, may hold spaces; the start time is the 20th field after it.
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot.trim()}/${startTime}`;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function failClaimed(runDirectory: string, attempt: Attempt): never {
  const elsewhere = attempt.host !== hostname();
  fail('run', {
    where: runDirectory,
    expected: 'no other process that writes this run',
    got: `process ${attempt.pid} on ${attempt.host}, started ${attempt.startedAt}`,
    next: elsewhere
      ? `if that machine no longer runs it, set "ended" in ${attemptFile(runDirectory, attempt.attempt)} to {"at": "${attempt.startedAt}", "how": "abandoned"}`
      : 'end that process or wait for it',
  });
}
