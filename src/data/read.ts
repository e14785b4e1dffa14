import type { SampleColumns } from '../config/columns-config.ts';
import type { HubAccess } from '../config/environment.ts';
import { MedixError, type Problem } from '../core/errors.ts';
import { oneLine } from '../core/quoted.ts';
import type { Sample } from '../core/sample.ts';
import { locate } from './locate.ts';
import { type ReadOutcome, type RejectedRow, type RowReading, tagList, toOutcome } from './row.ts';
import { readRows } from './rows-of-file.ts';
import { chooseColumnsOf, imageColumnsOf, publicColumns, unseenColumns } from './sample-columns.ts';

export type ReadOptions = RowReading & {
  readonly hub?: HubAccess;
  readonly signal?: AbortSignal;
};

/**
 * Reads a data set in the public schema of MediX-R1, or with the columns that `columns` names: `id`, `image` (a list of {bytes, path}; `images`
 * is accepted too), `source`, `problem`, `solution` = "<TAG>answer", and optionally `accepted` (a list
 * of texts) and `demonstration`. An image may also be bytes, base64, a data URL or a path alone, see
 * `image/named-image.ts`. Paths are relative to the file, or to `imageRoot`, and lead to files below.
 *
 * Memory does not grow with the rows: parquet is read by row group, all else row by row. A broken row is an
 * outcome of its own, so that callers can count it.
 *
 * @param location file, folder, `folder@split`, or `owner/name@split` of a Hugging Face hub
 * @throws MedixError where files are missing, damaged or lack a column
 */
export async function* readSamples(
  location: string,
  { hub = {}, signal, ...reading }: ReadOptions = {},
): AsyncGenerator<ReadOutcome> {
  const { columns = publicColumns } = reading;
  for await (const file of locate(location, hub)) {
    const unseen = unseenColumns(file, columns);
    for await (const raw of readRows(file, chooseColumnsOf(columns), signal)) {
      unseen.look(raw);
      yield await toOutcome(file, raw, reading);
    }
    unseen.requireNone();
  }
}

export type LoadedSamples = {
  readonly samples: readonly Sample[];
  readonly rejected: readonly RejectedRow[];
};

/**
 * Reads samples into memory: all, or the first `limit`.
 *
 * @throws MedixError as `readSamples`; where not one row is usable, with the first five; and where not one
 *   row has an image although `textOnly` is false
 */
export async function loadSamples(
  location: string,
  { limit = Number.POSITIVE_INFINITY, ...options }: ReadOptions & { readonly limit?: number } = {},
): Promise<LoadedSamples> {
  const samples: Sample[] = [];
  const rejected: RejectedRow[] = [];
  for await (const outcome of readSamples(location, options)) {
    if (outcome.kind === 'sample') samples.push(outcome.sample);
    else rejected.push(outcome);
    if (samples.length >= limit) break;
  }
  if (samples.length === 0) throw nothingUsable(location, rejected);
  if (options.textOnly === false && samples.every(({ images }) => images.length === 0)) {
    throw withoutImages(location, samples.length, rejected, options.columns);
  }
  return { samples, rejected };
}

function withoutImages(
  where: string,
  rows: number,
  rejected: readonly RejectedRow[],
  columns: SampleColumns = publicColumns,
): MedixError {
  const summary = {
    where,
    expected: `images in the column ${imageColumnsOf(columns).join(' or ')}`,
    got: `${rows} rows without an image`,
    next: 'name the column of images with data.columns.images, or set data.textOnly to true to train without images',
  };
  return new MedixError('data', [summary, ...firstOf(rejected)]);
}

function nothingUsable(location: string, rejected: readonly RejectedRow[]): MedixError {
  if (rejected.length === 0) {
    const next = 'choose a data set with rows';
    return new MedixError('data', [{ where: location, expected: 'rows', got: 'none', next }]);
  }
  const untagged = rejected.every(({ cause }) => cause === 'untagged');
  const summary = {
    where: location,
    expected: untagged ? `solutions like <TAG>answer, with a tag of ${tagList}` : 'usable rows',
    got: `${rejected.length} rows, ${untagged ? 'all without such a tag' : 'all rejected'}`,
    next: untagged
      ? 'put the modality tag before each answer, or say with data.columns.modality where the modality is'
      : 'correct the rows, or name their columns with data.columns; the first of them follow',
  };
  return new MedixError('data', [summary, ...firstOf(rejected)]);
}

function firstOf(rejected: readonly RejectedRow[]): Problem[] {
  return rejected.slice(0, 5).map(({ file, row, id, problem }) => ({
    where: `${file}: row ${row} (${oneLine(id, 100)})`,
    expected: 'a sample',
    got: problem,
    next: 'correct the row',
  }));
}
