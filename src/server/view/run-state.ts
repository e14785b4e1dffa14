/** One run as it grows: its lines so far, and its rollouts as columns. Nothing is written. */
import { join } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import { isAlive, readAttempts } from '../../run/attempt.ts';
import { namesIn } from '../../run/durable.ts';
import { followJsonLines } from '../../run/follow-lines.ts';
import {
  type Attempt,
  type EventLine,
  eventLineSchema,
  type MetricsLine,
  metricsLineSchema,
} from '../../run/records.ts';
import { iterationOf } from '../../run/run-layout.ts';
import { createRunCodes, type Part, RolloutFile } from './rollout-file.ts';
import type { Source } from './sources.ts';
import type { IndexProgress, Status } from './wire.ts';

/** Milliseconds between looks at every file of a run. */
const wholeLookMs = 5000;
const newestFiles = 6;

export class RunState {
  source: Source;
  readonly codes = createRunCodes();
  /** By part and iteration. */
  readonly files = new Map<string, RolloutFile>();
  attempts: readonly Attempt[] = [];
  events: EventLine[] = [];
  status: Status = 'dead';
  problems: string[] = [];
  filesDone = 0;
  #lines: MetricsLine[] = [];
  #metrics: ReturnType<typeof followJsonLines<MetricsLine>>;
  #events: ReturnType<typeof followJsonLines<EventLine>>;
  #indexing: Promise<void> | undefined;
  #busy: Promise<void> | undefined;
  #lookedAtAll = Number.NEGATIVE_INFINITY;

  constructor(source: Source) {
    this.source = source;
    this.#metrics = followJsonLines(join(source.folder, 'metrics.jsonl'), metricsLineSchema);
    this.#events = followJsonLines(join(source.folder, 'events.jsonl'), eventLineSchema);
  }

  /** Reads what is new of everything but rollouts. Calls at one time share one reading. */
  refresh(): Promise<void> {
    this.#busy ??= this.#refresh().finally(() => {
      this.#busy = undefined;
    });
    return this.#busy;
  }

  async #refresh(): Promise<void> {
    this.problems = [];
    await this.#try('attempts', async () => {
      this.attempts = await readAttempts(this.source.folder);
      const last = this.attempts.at(-1);
      this.status = await statusOf(last);
    });
    await this.#try('metrics.jsonl', async () => {
      const { values, restarted } = await this.#metrics.next();
      this.#lines = restarted ? [...values] : this.#lines.concat(values);
    });
    await this.#try('events.jsonl', async () => {
      const { values, restarted } = await this.#events.next();
      this.events = restarted ? [...values] : this.events.concat(values);
    });
  }

  async #try(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.problems.push(`${name} cannot be read: ${messageOf(error)}`);
    }
  }

  /** One line an iteration, ascending: those that no later attempt did again. */
  metrics(): MetricsLine[] {
    const live = this.#lines.filter((line) => this.isLive(line.attempt, line.iteration));
    const latest = new Map(live.map((line) => [line.iteration, line]));
    return [...latest.values()].sort((a, b) => a.iteration - b.iteration);
  }

  /** Whether no later attempt went on from before this iteration. */
  isLive(attempt: number, iteration: number): boolean {
    return this.attempts.every((one) => one.attempt <= attempt || iteration <= one.fromIteration);
  }

  /** Files of rollouts by their names, without reading them. */
  async listFiles(): Promise<void> {
    const folder = join(this.source.folder, 'rollouts');
    const names = await namesIn(folder).catch(() => []);
    const there = new Set(names.map((name) => join(folder, name)));
    for (const [key, { path }] of this.files) if (!there.has(path)) this.files.delete(key);
    for (const name of names) {
      const training = iterationOf(name, 'training');
      const part: Part = training === undefined ? 'validation' : 'training';
      const iteration = training ?? iterationOf(name, 'validation');
      if (iteration === undefined) continue;
      const key = `${part}/${iteration}`;
      if (!this.files.has(key)) {
        this.files.set(key, new RolloutFile(part, iteration, join(folder, name), this.codes));
      }
    }
  }

  /** Newest first, of an iteration the training before its validation. */
  ordered(): RolloutFile[] {
    return [...this.files.values()].sort(
      (a, b) => b.iteration - a.iteration || (a.part < b.part ? -1 : 1),
    );
  }

  /**
   * Reads what is new in the files of rollouts, newest first.
   * @param patienceMs how long the caller waits; what is not read by then is read after it
   */
  async index(patienceMs: number): Promise<IndexProgress> {
    await this.listFiles();
    this.#indexing ??= this.#index().finally(() => {
      this.#indexing = undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([this.#indexing, patience]);
    clearTimeout(timer);
    return this.progress();
  }

  /**
   * All files are looked at only now and then: what is written goes to new files and to those of the last iterations,
   * but for what a resumed run does again.
   */
  async #index(): Promise<void> {
    const now = performance.now();
    const isWhole = now - this.#lookedAtAll >= wholeLookMs;
    if (isWhole) this.#lookedAtAll = now;
    const all = this.ordered();
    const asked = all.filter((file, place) => isWhole || place < newestFiles || file.isUnread);
    this.filesDone = all.length - asked.length;
    for (const file of asked) {
      await this.#try(file.path, async () => {
        await file.refresh();
      });
      this.filesDone++;
    }
  }

  progress(): IndexProgress {
    const files = [...this.files.values()];
    const isDone = this.#indexing === undefined;
    return {
      filesDone: isDone ? files.length : Math.min(this.filesDone, files.length),
      files: files.length,
      rollouts: files.reduce((sum, file) => sum + file.length, 0),
    };
  }
}

/** How a run or an evaluation stands, by its last process. */
export async function statusOf(last: Attempt | undefined): Promise<Status> {
  if (last === undefined) return 'dead';
  if (last.ended === null) return (await isAlive(last)) ? 'running' : 'dead';
  return last.ended.how === 'abandoned' ? 'dead' : last.ended.how;
}
