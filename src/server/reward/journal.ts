/**
 * Every call that was scored, one JSON line each, so that `medix replay` can score it again. Images
 * are kept as digests. The file has the questions and answers of the trainer's data, and no secrets.
 */
import { digestOfBytes } from '../../core/digest.ts';
import type { RewardOutcome } from '../../reward/composite.ts';
import { storing } from '../../run/durable.ts';
import { JsonLinesWriter } from '../../run/json-lines.ts';
import type { ReadableItem } from './read-item.ts';
import { toWire, type WireItem } from './wire.ts';

/** Fields named as in the rows of `medix reward score`, and what became of the row. */
type JournalItem = Omit<WireItem, 'id' | 'images'> & {
  readonly id: string;
  /** Hexadecimal SHA-256 of each image's file. */
  readonly images: readonly string[];
  readonly outcome: ReturnType<typeof toWire>;
};

/** Items that could not be read got no outcome and are not part of it. */
export type JournalEntry = {
  /** ISO 8601, when the call was answered. */
  readonly at: string;
  readonly route: string;
  readonly ms: number;
  readonly items: readonly JournalItem[];
};

export type Journal = {
  /** Resolves when the entry is in the file. */
  record(entry: JournalEntry): Promise<void>;
  close(): Promise<void>;
};

/**
 * Appends to the file at `path`, which may hold the entries of an earlier service.
 * @throws MedixError 'run' where it cannot be written.
 */
export async function openJournal(path: string): Promise<Journal> {
  const next = 'make room or grant access, or set journal to another path or to null';
  const writer = await storing(path, () => JsonLinesWriter.open(path), next);
  let waiting: JournalEntry[] = [];
  let written = Promise.resolve();
  let nextWrite: Promise<void> | undefined;
  const writeWaiting = async () => {
    const entries = waiting;
    waiting = [];
    nextWrite = undefined;
    await storing(path, () => writer.append(...entries), next);
  };
  return {
    record: (entry) => {
      waiting.push(entry);
      if (nextWrite === undefined) {
        // Entries that come while a write is under way share the next one: lines stay whole, writes few.
        nextWrite = written.then(writeWaiting);
        written = nextWrite.catch(() => {});
      }
      return nextWrite;
    },
    close: async () => {
      await written;
      await writer.close();
    },
  };
}

export function journalItem({ id, wire, item }: ReadableItem, outcome: RewardOutcome): JournalItem {
  const images = item.sample.images.map(({ bytes }) => digestOfBytes(bytes));
  return { ...wire, id, images, outcome: toWire(outcome) };
}
