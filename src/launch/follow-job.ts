/** Follows a job to its end. */
import type { Clock } from '../core/async/clock.ts';
import { fail, MedixError } from '../core/errors.ts';
import { growingLines, readLogLine } from './mirror/job-records.ts';
import type { Mirror } from './mirror/mirror-run.ts';
import { isOver, type JobDetails, type RayJobs } from './ray/ray-jobs.ts';

export type Following = {
  readonly ray: RayJobs;
  readonly id: string;
  readonly mirror: Mirror;
  /** What the trainer prints, line by line. */
  readonly onText: (line: string) => void;
  /** After each iteration. */
  readonly onIteration: (iteration: number) => void;
  readonly signal: AbortSignal;
  readonly clock: Clock;
};

/** Between two looks: short at first, where a job that cannot begin fails at once. */
const firstPauseMs = 50;
const longestPauseMs = 2000;

/** Last lines of a log that an error shows. */
const shownLines = 12;

/** Looks in a row at which the head may fail to answer, e.g. while it is restarted. */
const patience = 30;

export type Followed = {
  readonly end: 'succeeded' | 'stopped' | 'left';
  /** Records that could not be read. */
  readonly malformed: number;
};

/**
 * Mirrors what the job tells until it ends, or until the signal aborts, which leaves the job alone.
 * @throws MedixError 'engine' where the job failed, with its last lines, or the head has forgotten it.
 */
export async function followJob(following: Following): Promise<Followed> {
  const { ray, id, signal, clock } = following;
  const log = readingLog(following);
  let silences = 0;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    const looked = await look(ray, id);
    if (looked.kind === 'silent') {
      silences++;
      if (silences > patience) throw looked.error;
    } else {
      silences = 0;
      await log.take(looked.log);
      const end = endOf(id, looked.details, log, ray);
      if (end !== undefined) return { end, malformed: log.malformed() };
    }
    await clock.sleep(pauseMs, signal);
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  }
  return { end: 'left', malformed: log.malformed() };
}

type Look =
  | { readonly kind: 'seen'; readonly details: JobDetails | undefined; readonly log: string }
  | { readonly kind: 'silent'; readonly error: MedixError };

async function look(ray: RayJobs, id: string): Promise<Look> {
  try {
    // The state first: what an ended job logged is then all there.
    const details = await ray.details(id);
    return { kind: 'seen', details, log: await ray.logs(id) };
  } catch (error) {
    if (error instanceof MedixError) return { kind: 'silent', error };
    throw error;
  }
}

/** How the job ended; undefined while it goes on. */
function endOf(
  id: string,
  details: JobDetails | undefined,
  log: Log,
  ray: RayJobs,
): Followed['end'] | undefined {
  if (details === undefined) forgotten(id, ray);
  if (!isOver(details.status)) return undefined;
  if (details.status === 'FAILED') failed(id, details, log);
  return details.status === 'STOPPED' ? 'stopped' : 'succeeded';
}

type Log = {
  /** @param text The whole log so far. */
  readonly take: (text: string) => Promise<void>;
  readonly malformed: () => number;
  /** The last lines that the trainer printed. */
  readonly recent: readonly string[];
  /** Whether the job came as far as its own program. */
  readonly hasBegun: () => boolean;
};

function readingLog({ mirror, onText, onIteration }: Following): Log {
  const newLines = growingLines();
  const recent: string[] = [];
  let malformed = 0;
  let hasBegun = false;
  const takeText = (text: string) => {
    if (text.trim() === '') return;
    recent.push(text);
    if (recent.length > shownLines) recent.shift();
    onText(text);
  };
  return {
    recent,
    malformed: () => malformed,
    hasBegun: () => hasBegun,
    take: async (whole) => {
      for (const line of newLines(whole)) {
        const read = readLogLine(line);
        if (read.kind === 'malformed') malformed++;
        else if (read.kind === 'text') takeText(read.text);
        else {
          hasBegun = true;
          await mirror.take(read.record);
          if (read.record.kind === 'metrics') onIteration(read.record.step);
        }
      }
    },
  };
}

function forgotten(id: string, ray: RayJobs): never {
  return fail('engine', {
    where: `job ${id}`,
    expected: `a job of ${ray.address}`,
    got: 'none: the head has forgotten it, or is another one',
    next: 'correct --ray; `medix launch resume` starts a new job from the last checkpoint',
  });
}

function failed(
  id: string,
  { error_type: type, message, driver_exit_code: code }: JobDetails,
  { recent, hasBegun }: Log,
): never {
  const reason = [type, code === null || code === undefined ? undefined : `exit code ${code}`]
    .filter((part) => part !== undefined && part !== null)
    .join(', ');
  const lines = recent.length > 0 ? recent.join('\n') : (message ?? 'no log');
  return fail('engine', {
    where: `job ${id}`,
    expected: 'that the trainer runs to its end',
    got: `${reason || 'a failure'}; the last lines of its log:\n${lines.slice(-400)}`,
    next: hasBegun()
      ? 'correct what the log names, then go on from the last checkpoint with `medix launch resume`'
      : 'the job died before the trainer began: check that the cluster has Python, the trainer and room for the package',
  });
}
