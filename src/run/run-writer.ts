/**
 * The one writer of a run directory:
 *
 *     manifest.json   what the run is                metrics.jsonl   one line an iteration
 *     attempts/       the processes that wrote it    events.jsonl    what happened
 *     checkpoints/    where it can be resumed from   rollouts/       every rollout with every score
 *     model/          the model it made (at the end) images/         each image once, by its digest
 *     tensorboard/    what trackers write            trackers/       what they go on from
 *
 * History is only ever appended. A resumed run redoes what came after its checkpoint; the lines of the
 * earlier attempt stay and are superseded (see run-reader.ts).
 */
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { WallClock } from '../core/async/clock.ts';
import { fail } from '../core/errors.ts';
import { flush, unfinishedPrefix } from '../core/write-aside.ts';
import {
  claimAttempt,
  endAttempt,
  nextAttempt,
  readAttempts,
  requireUnclaimed,
} from './attempt.ts';
import {
  type Checkpoint,
  readCheckpoints,
  saveCheckpoint,
  verifyCheckpoint,
} from './checkpoints.ts';
import {
  makeFolderDurably,
  namesIn,
  removeUnfinished,
  storing,
  writeDirectoryDurably,
  writeFileDurably,
} from './durable.ts';
import { JsonLinesWriter } from './json-lines.ts';
import type { Attempt, CheckpointRecord, Manifest, RolloutLine } from './records.ts';
import { type RolloutsKind, rolloutsFile } from './run-layout.ts';
import { readManifest, readMetrics } from './run-reader.ts';
import { requireSelfContained } from './self-contained.ts';

export class RunWriter {
  readonly directory: string;
  readonly attempt: number;
  /** Where to resume; undefined starts at iteration 0. */
  readonly resumeFrom: Checkpoint | undefined;
  #lastCheckpoint: number | undefined;
  readonly #claim: Attempt;
  readonly #clock: WallClock;
  readonly #metrics: JsonLinesWriter;
  readonly #events: JsonLinesWriter;
  #images: Set<string> | undefined;

  private constructor(
    directory: string,
    claim: Attempt,
    resumeFrom: Checkpoint | undefined,
    logs: readonly [JsonLinesWriter, JsonLinesWriter],
    clock: WallClock,
  ) {
    this.directory = directory;
    this.attempt = claim.attempt;
    this.resumeFrom = resumeFrom;
    this.#lastCheckpoint = resumeFrom?.iteration;
    this.#claim = claim;
    this.#clock = clock;
    [this.#metrics, this.#events] = logs;
  }

  /** Iteration of the newest checkpoint; undefined before the first. */
  get lastCheckpoint(): number | undefined {
    return this.#lastCheckpoint;
  }

  /**
   * Starts a run in a new or empty directory, or in one where an earlier start came to nothing.
   * @throws MedixError 'run' when the directory holds anything else; nothing in it is touched.
   */
  static async create(
    directory: string,
    manifest: Pick<Manifest, 'kind' | 'config' | 'facts'>,
    overrides: readonly string[],
    clock: WallClock,
  ): Promise<RunWriter> {
    await requireNewRun(directory);
    return storing(directory, async () => {
      await makeFolderDurably(directory);
      const now = timestamp(clock);
      const claim = await claimAttempt(directory, {
        attempt: nextAttempt(await readAttempts(directory)),
        fromIteration: 0,
        overrides: [...overrides],
        config: manifest.config,
        startedAt: now,
      });
      await removeUnfinished(directory);
      await writeManifest(directory, { ...manifest, createdAt: now });
      return RunWriter.#open(directory, claim, undefined, clock);
    });
  }

  /**
   * Resumes a run from its newest checkpoint, or from the start where it has none.
   * @throws MedixError 'run' when there is no such run, another process writes it, or its newest
   *   checkpoint is damaged.
   */
  static async resume(
    directory: string,
    manifest: Pick<Manifest, 'config' | 'facts'>,
    overrides: readonly string[],
    clock: WallClock,
  ): Promise<RunWriter> {
    const before = await readManifest(directory);
    await requireUnclaimed(directory);
    const resumeFrom = (await readCheckpoints(directory)).at(-1);
    if (resumeFrom) await verifyCheckpoint(resumeFrom);
    return storing(directory, async () => {
      const claim = await claimAttempt(directory, {
        attempt: nextAttempt(await readAttempts(directory)),
        fromIteration: resumeFrom?.iteration ?? 0,
        overrides: [...overrides],
        config: manifest.config,
        startedAt: timestamp(clock),
      });
      for (const folder of ['.', 'checkpoints', 'images']) {
        await removeUnfinished(join(directory, folder));
      }
      await writeManifest(directory, { ...before, ...manifest });
      return RunWriter.#open(directory, claim, resumeFrom, clock);
    });
  }

  static async #open(
    directory: string,
    claim: Attempt,
    resumeFrom: Checkpoint | undefined,
    clock: WallClock,
  ): Promise<RunWriter> {
    await makeFolderDurably(join(directory, 'rollouts'));
    const open = (name: string) => {
      const path = join(directory, name);
      return storing(path, () => JsonLinesWriter.open(path));
    };
    const metrics = await open('metrics.jsonl');
    try {
      const events = await open('events.jsonl');
      await flush(directory);
      return new RunWriter(directory, claim, resumeFrom, [metrics, events], clock);
    } catch (error) {
      await metrics.close();
      throw error;
    }
  }

  /** Ends an iteration: a run has reached the last iteration that has its metrics. */
  async writeMetrics(
    iteration: number,
    values: Readonly<Record<string, number | null>>,
  ): Promise<void> {
    const line = { attempt: this.attempt, iteration, at: timestamp(this.#clock), values };
    await storing('metrics.jsonl', () => this.#metrics.append(line));
  }

  async writeEvent(
    iteration: number,
    event: { readonly kind: string } & Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const line = { attempt: this.attempt, iteration, at: timestamp(this.#clock), ...event };
    await storing('events.jsonl', () => this.#events.append(line));
  }

  /** Adds to the iteration's rollouts; may be called several times for one iteration. */
  async writeRollouts(
    iteration: number,
    kind: RolloutsKind,
    rollouts: readonly Omit<RolloutLine, 'attempt' | 'iteration'>[],
  ): Promise<void> {
    const path = rolloutsFile(this.directory, iteration, kind);
    await storing(path, async () => {
      const writer = await JsonLinesWriter.open(path);
      try {
        await writer.append(
          ...rollouts.map((rollout) => ({ attempt: this.attempt, iteration, ...rollout })),
        );
        await writer.flush();
      } finally {
        await writer.close();
      }
      await flush(dirname(path));
    });
  }

  /** Keeps each image once; those that are there stay as they are. */
  async writeImages(images: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const folder = join(this.directory, 'images');
    await storing(folder, async () => {
      const known = this.#images ?? new Set(await namesIn(folder));
      this.#images = known;
      const fresh = [...images].filter(([name]) => !known.has(name));
      if (fresh.length === 0) return;
      await makeFolderDurably(folder);
      // Flushed and renamed into place, so that no stop leaves a torn image under its name; all at once, since a
      // disk flushes many files in little more time than one.
      await Promise.all(
        fresh.map(async ([name, bytes]) => {
          const aside = join(folder, `${unfinishedPrefix}${name}`);
          await writeFile(aside, bytes);
          await flush(aside);
          await rename(aside, join(folder, name));
          known.add(name);
        }),
      );
      await flush(folder);
    });
  }

  /** History is flushed first, so that a checkpoint never outlives the record of how it came about. */
  async writeCheckpoint(
    state: Omit<CheckpointRecord, 'engine' | 'files'>,
    saveEngine: (directory: string) => Promise<CheckpointRecord['engine']>,
    keepLast: number,
  ): Promise<void> {
    await storing(join(this.directory, 'checkpoints'), async () => {
      await this.#metrics.flush();
      await this.#events.flush();
      await saveCheckpoint(this.directory, state, saveEngine, keepLast);
    });
    this.#lastCheckpoint = state.iteration;
  }

  /** Publishes the finished model as `model/`. */
  async writeModel(exportModel: (directory: string) => Promise<void>): Promise<string> {
    const path = join(this.directory, 'model');
    await storing(path, () => writeDirectoryDurably(path, exportModel));
    return path;
  }

  async close(how: NonNullable<Attempt['ended']>['how']): Promise<void> {
    await this.#metrics.close();
    await this.#events.close();
    const ended = { at: timestamp(this.#clock), how };
    await storing(this.directory, () => endAttempt(this.directory, this.#claim, ended));
  }
}

/**
 * @throws MedixError 'run' when the directory holds anything but a start that came to nothing: one that was
 *   killed or failed before the first rollout or metric, and of which there is nothing to resume.
 */
export async function requireNewRun(directory: string): Promise<void> {
  await requireSelfContained(directory);
  const names = (await namesIn(directory)).filter((name) => !name.startsWith(unfinishedPrefix));
  await requireUnclaimed(directory);
  if (await isFruitless(directory, names)) return;
  fail('run', {
    where: directory,
    expected: 'a new or empty directory',
    got: names.includes('manifest.json') ? 'a run' : `${names.length} files or folders`,
    next: 'resume it with --resume, or give another directory with out=',
  });
}

const startFiles = [
  'attempts',
  'manifest.json',
  'events.jsonl',
  'metrics.jsonl',
  'rollouts',
  'tensorboard',
  'trackers',
  'wandb',
];

async function isFruitless(directory: string, names: readonly string[]): Promise<boolean> {
  // A process claims the directory before it writes what it is.
  if (names.every((name) => name === 'attempts')) return true;
  if (names.some((name) => !startFiles.includes(name))) return false;
  const isRun = await readManifest(directory).then(
    () => true,
    () => false,
  );
  if (!isRun || (await namesIn(join(directory, 'rollouts'))).length > 0) return false;
  return (await readMetrics(directory)).length === 0;
}

async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  await writeFileDurably(
    join(directory, 'manifest.json'),
    `${JSON.stringify(manifest, null, 2)}\n`,
  );
}

function timestamp(clock: WallClock): string {
  return new Date(clock()).toISOString();
}
