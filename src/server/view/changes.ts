/**
 * Tells of changes below a run's folder. The system is asked to tell (`fs.watch`); since it may not, the few files that
 * grow are also looked at now and then.
 */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { lengthOf } from '../../core/files.ts';
import { namesIn } from '../../run/durable.ts';
import type { Source } from './sources.ts';
import type { ChangeEvent } from './wire.ts';

type Changed = ChangeEvent['changed'][number];
type Listener = (event: ChangeEvent) => void;

/** Milliseconds between looks; a change is told within them. */
const pollMs = 700;
/** Milliseconds in which changes are gathered into one. */
const gatherMs = 100;

export class Changes {
  readonly #listeners = new Set<Listener>();
  readonly #list: () => Promise<readonly Source[]>;
  readonly #watchers = new Map<string, FSWatcher[]>();
  readonly #seen = new Map<string, string>();
  readonly #waiting = new Map<string, Set<Changed>>();
  #timer: NodeJS.Timeout | undefined;
  #gather: NodeJS.Timeout | undefined;
  #isLooking = false;

  /** @param list the runs and evaluations that are there now */
  constructor(list: () => Promise<readonly Source[]>) {
    this.#list = list;
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => void this.#look(), pollMs);
      void this.#look();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#gather);
    this.#timer = undefined;
    this.#gather = undefined;
    for (const watchers of this.#watchers.values()) for (const one of watchers) one.close();
    this.#watchers.clear();
    this.#seen.clear();
  }

  /** To be called where this program itself has changed something. */
  tell(run: string, changed: Changed): void {
    const known = this.#waiting.get(run) ?? new Set();
    this.#waiting.set(run, known.add(changed));
    this.#gather ??= setTimeout(() => {
      this.#gather = undefined;
      const events = [...this.#waiting].map(([id, all]) => ({ run: id, changed: [...all] }));
      this.#waiting.clear();
      for (const event of events) for (const listener of this.#listeners) listener(event);
    }, gatherMs);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const isFirst = this.#watchers.size === 0 && this.#seen.size === 0;
      for (const source of await this.#list()) {
        if (!this.#watchers.has(source.id)) {
          this.#watchers.set(source.id, this.#watch(source));
          if (!isFirst) this.tell(source.id, 'new');
        }
        for (const name of watchedNames(source)) await this.#compare(source, name);
      }
    } catch {
      // A folder that vanished or cannot be read shows in the list itself.
    } finally {
      this.#isLooking = false;
    }
  }

  async #compare({ id, folder }: Source, name: string): Promise<void> {
    const path = join(folder, name);
    const isFolder = !name.includes('.');
    const is = isFolder
      ? (await namesIn(path).catch(() => [])).length
      : await lengthOf(path).catch(() => -1);
    const key = `${id}/${name}`;
    const was = this.#seen.get(key);
    this.#seen.set(key, String(is));
    if (was !== undefined && was !== String(is)) this.tell(id, changedBy(name));
  }

  #watch({ id, folder }: Source): FSWatcher[] {
    return ['.', 'rollouts', 'attempts'].flatMap((part) => {
      try {
        const watcher = watch(join(folder, part), (_, name) => {
          this.tell(id, changedBy(part === '.' ? (name ?? 'manifest.json') : part));
        });
        watcher.on('error', () => watcher.close());
        return [watcher];
      } catch {
        // Not there, or the system has no more watches: then it is looked at.
        return [];
      }
    });
  }
}

function watchedNames({ kind }: Source): readonly string[] {
  return kind === 'run'
    ? ['manifest.json', 'metrics.jsonl', 'events.jsonl', 'labels.jsonl', 'rollouts', 'attempts']
    : ['manifest.json', 'report.json', 'labels.jsonl', 'responses', 'judgings', 'attempts'];
}

function changedBy(name: string): Changed {
  const [first = ''] = name.split('.');
  const known: readonly Changed[] = [
    'metrics',
    'events',
    'rollouts',
    'attempts',
    'labels',
    'manifest',
  ];
  return known.find((one) => one === first) ?? 'results';
}
