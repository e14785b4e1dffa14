/**
 * What raters said, appended row by row. Nothing is kept in memory: a row is on the disk before the rater
 * sees the next question, and a server that was killed has lost nothing.
 */
import { join } from 'node:path';
import { makeFolder } from '../../core/make-folder.ts';
import { flush } from '../../core/write-aside.ts';
import { storing } from '../../run/durable.ts';
import { JsonLinesWriter, readJsonLines } from '../../run/json-lines.ts';
import { type Rating, ratingSchema, reviewFiles } from './review-set.ts';

/** The last rating of each item by its id, in the order of the first. */
export async function readRatings(
  reviewFolder: string,
  rater: string,
): Promise<Map<string, Rating>> {
  const rows = await readJsonLines(
    fileOf(reviewFolder, rater),
    (value) => ratingSchema.safeParse(value).data,
  );
  return new Map(rows.map((row) => [row.item, row]));
}

/** Writes one review's ratings; one process has one. */
export class RatingWriter {
  readonly #reviewFolder: string;
  readonly #written = new Map<string, Promise<void>>();

  constructor(reviewFolder: string) {
    this.#reviewFolder = reviewFolder;
  }

  /**
   * Resolves when the row is on the disk.
   * @throws MedixError 'run' where it cannot be written.
   */
  record(rater: string, rating: Rating): Promise<void> {
    const write = () =>
      storing(fileOf(this.#reviewFolder, rater), () => this.#append(rater, rating));
    // A rater's rows go one after the other, so that lines stay whole.
    const written = (this.#written.get(rater) ?? Promise.resolve()).then(write);
    this.#written.set(
      rater,
      written.catch(() => {}),
    );
    return written;
  }

  /** Resolves when nothing is under way any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#written.values());
  }

  async #append(rater: string, rating: Rating): Promise<void> {
    const folder = join(this.#reviewFolder, reviewFiles.ratings);
    await makeFolder(folder);
    const file = await JsonLinesWriter.open(fileOf(this.#reviewFolder, rater));
    try {
      await file.append(rating);
      await file.flush();
    } finally {
      await file.close();
    }
    await flush(folder);
  }
}

function fileOf(reviewFolder: string, rater: string): string {
  return join(reviewFolder, reviewFiles.ratings, `${rater}.jsonl`);
}
