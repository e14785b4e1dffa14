/**
 * The one writer of a results folder:
 *
 *     manifest.json      what was evaluated          responses/<task>.jsonl   what was answered
 *     samples/, rejected/ <task>.jsonl: what was asked, and rows that could not be
 *     judgings/<name>/   judging.json and a file of verdicts for each task
 *     attempts/          the processes that wrote it; only one may write at a time
 *
 * A folder holds one model, one sampling and one template; tasks, variants, epochs and judgings may be
 * added. Rows are only ever appended; of several rows with one key the last one counts.
 */
import { dirname, join } from 'node:path';
import type { ZodType } from 'zod';
import type { WallClock } from '../../core/async/clock.ts';
import { MedixError } from '../../core/errors.ts';
import { makeFolder } from '../../core/make-folder.ts';
import type { LedgerSummary } from '../../core/usage.ts';
import { type Append, writeAside } from '../../core/write-aside.ts';
import {
  claimAttempt,
  endAttempt,
  nextAttempt,
  readAttempts,
  requireUnclaimed,
} from '../../run/attempt.ts';
import {
  namesIn,
  removeDurably,
  removeUnfinished,
  storing,
  writeFileDurably,
} from '../../run/durable.ts';
import { JsonLinesWriter } from '../../run/json-lines.ts';
import type { Attempt } from '../../run/records.ts';
import { requireSelfContained } from '../../run/self-contained.ts';
import {
  findEvalManifest,
  findJudgingManifest,
  judgingNames,
  readEvalManifest,
  resultsFile,
} from './layout.ts';
import {
  type EvalManifest,
  type EvaluationFacts,
  type JudgingFacts,
  type JudgingManifest,
  responseRowSchema,
  verdictRowSchema,
} from './records.ts';
import { readRows } from './rows.ts';
import { differenceOfJudges, differencesFrom, requireEmpty } from './same-evaluation.ts';

/** What is there without an answer: questions of other settings, failures, and verdicts on nothing. */
const fruitlessParts = ['samples', 'rejected', 'responses', 'judgings'];

const makeRoom = 'make room or grant access, then run the command again: what was written is kept';

export class ResultsWriter {
  readonly folder: string;
  readonly #clock: WallClock;
  readonly #claim: Attempt;
  #manifest: EvalManifest;

  private constructor(folder: string, manifest: EvalManifest, claim: Attempt, clock: WallClock) {
    this.folder = folder;
    this.#manifest = manifest;
    this.#claim = claim;
    this.#clock = clock;
  }

  get manifest(): EvalManifest {
    return this.#manifest;
  }

  /**
   * Starts a folder, or resumes one of the same model, sampling, template and task revisions. A folder in
   * which no model has answered anything is started anew.
   * @throws MedixError 'run' with everything in which the folder's evaluation differs, and when another
   *   process writes it, when it holds other files, or when it cannot be written
   */
  static async open(
    folder: string,
    facts: EvaluationFacts,
    clock: WallClock,
  ): Promise<ResultsWriter> {
    const before = await findEvalManifest(folder);
    if (before === undefined) {
      // A process that died before its manifest was written leaves no more than its claim.
      requireEmpty(folder, await namesIn(folder));
      await requireSelfContained(folder);
    }
    const differences = before ? differencesFrom(folder, before, facts) : [];
    const isFruitless = before !== undefined && !(await hasAnswers(folder, before));
    if (differences.length > 0 && !isFruitless) throw new MedixError('run', differences);
    const isAnew = differences.length > 0;
    const tasks = { ...(isAnew ? {} : before?.tasks), ...facts.tasks };
    const createdAt = (isAnew ? undefined : before?.createdAt) ?? timestamp(clock);
    const manifest = { ...facts, tasks, createdAt, ledger: before?.ledger ?? {} };
    return ResultsWriter.#take(folder, manifest, clock, isAnew ? fruitlessParts : []);
  }

  /**
   * Reopens a folder without adding answers.
   * @throws MedixError 'run' as `open` does
   */
  static async reopen(
    folder: string,
    config: EvalManifest['config'],
    clock: WallClock,
  ): Promise<ResultsWriter> {
    const before = await readEvalManifest(folder);
    return ResultsWriter.#take(folder, { ...before, config }, clock);
  }

  static async #take(
    folder: string,
    manifest: EvalManifest,
    clock: WallClock,
    outdated: readonly string[] = [],
  ): Promise<ResultsWriter> {
    await requireUnclaimed(folder);
    return storing(
      folder,
      async () => {
        await makeFolder(folder);
        const claim = await claimAttempt(folder, {
          attempt: nextAttempt(await readAttempts(folder)),
          fromIteration: 0,
          overrides: [],
          startedAt: timestamp(clock),
        });
        for (const part of outdated) await removeDurably(join(folder, part));
        const names = await judgingNames(folder);
        const judgings = names.map((name) => join('judgings', name));
        for (const part of ['.', 'samples', 'rejected', ...judgings]) {
          await removeUnfinished(join(folder, part));
        }
        const writer = new ResultsWriter(folder, manifest, claim, clock);
        await writer.#save(resultsFile.manifest(folder), manifest);
        return writer;
      },
      makeRoom,
    );
  }

  /** Replaces a file of rows in one step. */
  async writeWhole(path: string, write: (append: Append) => Promise<void>): Promise<void> {
    await storing(
      path,
      async () => {
        await makeFolder(dirname(path));
        await writeAside(path, write);
      },
      makeRoom,
    );
  }

  /** Opens a file of rows for appending, lets `work` add to it, and sees to it that all is on the disk. */
  async appending(
    path: string,
    work: (append: (row: unknown) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const writer = await storing(
      path,
      async () => {
        await makeFolder(dirname(path));
        return JsonLinesWriter.open(path);
      },
      makeRoom,
    );
    try {
      await work((row) => storing(path, () => writer.append(row), makeRoom));
      await storing(path, () => writer.flush(), makeRoom);
    } finally {
      await writer.close();
    }
  }

  /** Records what the model under test was asked so far. */
  async saveUsage(ledger: LedgerSummary): Promise<void> {
    this.#manifest = { ...this.#manifest, ledger };
    await this.#save(resultsFile.manifest(this.folder), this.#manifest);
  }

  /**
   * Starts a judging, or resumes one by the same judges. One that has come to no verdict is started anew.
   * @throws MedixError 'run' where the judging of this name is by others
   */
  async openJudging(name: string, describe: JudgingFacts): Promise<JudgingManifest> {
    const path = resultsFile.judging(this.folder, name);
    const before = await findJudgingManifest(this.folder, name);
    if (before) await this.#requireSameJudges(name, before, describe);
    const manifest = {
      ...describe,
      createdAt: before?.createdAt ?? timestamp(this.#clock),
      ledger: before?.ledger ?? {},
    };
    await storing(path, () => makeFolder(dirname(path)), makeRoom);
    await this.#save(path, manifest);
    return manifest;
  }

  /** Records what the judges were asked so far. */
  async saveJudging(name: string, manifest: JudgingManifest): Promise<void> {
    await this.#save(resultsFile.judging(this.folder, name), manifest);
  }

  async #requireSameJudges(
    name: string,
    before: JudgingManifest,
    describe: JudgingFacts,
  ): Promise<void> {
    const path = resultsFile.judging(this.folder, name);
    const difference = differenceOfJudges(path, name, before, describe);
    if (difference === undefined) return;
    const files = Object.keys(this.#manifest.tasks).map((task) =>
      resultsFile.verdicts(this.folder, name, task),
    );
    if (await hasAny(files, verdictRowSchema, ({ outcome }) => outcome.kind === 'scored')) {
      throw new MedixError('run', [difference]);
    }
    await storing(path, () => removeDurably(dirname(path)), makeRoom);
  }

  async close(how: NonNullable<Attempt['ended']>['how']): Promise<void> {
    await endAttempt(this.folder, this.#claim, { at: timestamp(this.#clock), how });
  }

  async #save(path: string, record: EvalManifest | JudgingManifest): Promise<void> {
    await storing(
      path,
      () => writeFileDurably(path, `${JSON.stringify(record, null, 2)}\n`),
      makeRoom,
    );
  }
}

function hasAnswers(folder: string, { tasks }: EvalManifest): Promise<boolean> {
  const files = Object.keys(tasks).map((task) => resultsFile.responses(folder, task));
  return hasAny(files, responseRowSchema, ({ outcome }) => outcome.kind === 'answered');
}

async function hasAny<T>(
  files: readonly string[],
  schema: ZodType<T>,
  holds: (row: T) => boolean,
): Promise<boolean> {
  for (const file of files) {
    for await (const { value } of readRows(file, schema)) if (holds(value)) return true;
  }
  return false;
}

function timestamp(clock: WallClock): string {
  return new Date(clock()).toISOString();
}
