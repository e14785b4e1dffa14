/**
 * Scores a file of responses into a file of rewards, row by row in order. It can be killed at any moment:
 * the same call resumes where it stopped, and answers that are in the judge's cache are not asked for
 * again.
 */
import { digestOfFile } from '../../core/digest.ts';
import { fail } from '../../core/errors.ts';
import { exactJson } from '../../core/exact-json.ts';
import { reading } from '../../core/reading.ts';
import { type LedgerSummary, ledgerSummarySchema } from '../../core/usage.ts';
import type { OpenedReward } from '../open-reward.ts';
import { type GrowingFile, openGrowingFile } from './growing-file.ts';
import { readScoreRows } from './read-rows.ts';
import { scoreRows } from './score-rows.ts';
import { createScoreTally, type ScoreSummary, type ScoreTally } from './score-tally.ts';
import { type ScoredRow, scoredRowSchema } from './scored-row.ts';

export type ScoreFileOptions = {
  /** JSONL of responses. */
  readonly input: string;
  /** JSONL of {@link ScoredRow}, one per row of the input. */
  readonly out: string;
  readonly opened: Pick<OpenedReward, 'reward' | 'ledger' | 'seesImages'>;
  /** Delete an unfinished file at `out` that has another input, profile or judge. */
  readonly force: boolean;
  /** Rows scored together. */
  readonly batchRows: number;
  /** Folder of images that rows name by path. @default the folder of the input */
  readonly imageRoot?: string | undefined;
  readonly onProgress: (rows: number) => void;
};

export type ScoreFileReport = ScoreSummary & {
  /** Rows that an earlier call had scored already. */
  readonly resumedRows: number;
  /** Usage of all calls that worked on the file, as far as they could record it. */
  readonly ledger: LedgerSummary;
};

/** What a killed call asked since its last note is missing from the ledger, not from the cache. */
const rowsBetweenNotes = 10_000;

/**
 * @returns what the whole file says, rows of earlier calls included.
 * @throws MedixError 'data' without input; 'run' when an unfinished output belongs to something else or
 *   cannot be written; 'reward' when a cap is reached; 'cancelled' when `signal` aborts. After the last two
 *   the same call resumes where it stopped.
 */
export async function scoreFile(
  options: ScoreFileOptions,
  signal: AbortSignal,
): Promise<ScoreFileReport> {
  const { input, out, opened, force } = options;
  const { reward, ledger } = opened;
  const tally = createScoreTally();
  const file = await openGrowingFile({
    path: out,
    origin: {
      input: await digestOfInput(input, signal),
      profile: reward.profile.digest,
      judge: reward.judge.digest,
      embedder: reward.embedder.digest,
    },
    force,
    accept: (line) => {
      const row = readScoredRow(line);
      if (row !== undefined) tally.add(row);
      return row !== undefined;
    },
  });
  const resumedRows = tally.summary().rows;
  const earlier = ledgerSummarySchema.safeParse(file.facts['ledger']);
  if (earlier.success) ledger.merge(earlier.data);
  const report = () => ({ ...tally.summary(), resumedRows, ledger: ledger.summary() });
  try {
    await scoreInto(file, options, tally, resumedRows, signal);
    await file.finish(report());
    return report();
  } catch (error) {
    await file.note(report());
    await file.close();
    if (!signal.aborted) throw error;
    return fail(
      'cancelled',
      {
        where: out,
        expected: 'to run to the end',
        got: `an interruption after ${report().rows} rows`,
        next: 'run the same command again to resume',
      },
      error,
    );
  }
}

async function scoreInto(
  file: GrowingFile,
  { input, out, opened, batchRows, imageRoot, onProgress }: ScoreFileOptions,
  tally: ScoreTally,
  done: number,
  signal: AbortSignal,
): Promise<void> {
  const { reward, ledger, seesImages } = opened;
  const reading = { profile: reward.profile, showImages: seesImages, imageRoot };
  const rows = readScoreRows(input, reading, done, signal);
  let written = done;
  for await (const batch of scoreRows(rows, reward, batchRows, signal)) {
    const stop = batch.findIndex(({ cause }) => cause === 'cap-reached');
    const whole = stop < 0 ? batch : batch.slice(0, stop);
    await file.append(whole.map(exactJson));
    for (const row of whole) tally.add(row);
    if (stop >= 0) failCapped(out, written + whole.length, batch[stop]?.message ?? '');
    const notesBefore = Math.floor(written / rowsBetweenNotes);
    written += whole.length;
    onProgress(written);
    if (Math.floor(written / rowsBetweenNotes) > notesBefore) {
      await file.note({ ledger: ledger.summary() });
    }
  }
  signal.throwIfAborted();
}

function failCapped(out: string, rows: number, message: string): never {
  fail('reward', {
    where: out,
    expected: 'to score every row',
    got: `${rows} rows, then: ${message}`,
    next: 'raise the cap, then run the same command again to resume',
  });
}

/** Undefined where the line is no scored row. */
function readScoredRow(line: string): ScoredRow | undefined {
  try {
    return scoredRowSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

async function digestOfInput(path: string, signal: AbortSignal): Promise<string> {
  const asked = {
    boundary: 'data',
    where: path,
    expected: 'a JSONL file of responses',
    next: 'correct the path',
  } as const;
  return reading(asked, () => digestOfFile(path, signal));
}
