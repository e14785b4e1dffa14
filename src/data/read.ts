import type { SampleColumns } from '../config/columns-config.ts';
import type { HubAccess } from '../config/environment.ts';
import { MedixError, type Problem } from '../core/errors.ts';
import { oneLine } from '../core/quoted.ts';
import { locate } from './locate.ts';
import { type ReadOutcome, type RejectedRow, type RowReading, tagList, toOutcome } from './row.ts';
import { readRows } from './rows-of-file.ts';
import { chooseColumnsOf, imageColumnsOf, publicColumns, unseenColumns } from './sample-columns.ts';

export type RejectedRows = {
  /** The first hundred. */
  readonly first: readonly RejectedRow[];
  /** All of them. */
  readonly count: number;
};

export type ReadOptions = RowReading & {
  readonly hub?: HubAccess;
  readonly signal?: AbortSignal;
};

/**
 * Reads a data set in the public schema of MediX-R1, or with the columns that `columns` names: `id`, `image` (a list of {bytes, path}; `images`
 * is accepted too), `source`, `problem`, `solution` = "<TAG>answer", and optionally `accepted` (a list
 * of texts), `rubric` (a list of {criterion, points}, or the same as JSON text) and `demonstration`. An image may also be bytes, base64, a data URL or a path alone, see
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

/** Why a set is refused whose rows were to have images. */
export function withoutImages(
  where: string,
  rows: number,
  rejected: RejectedRows,
  columns: SampleColumns,
): MedixError {
  const summary = {
    where,
    expected: `images in the column ${imageColumnsOf(columns).join(' or ')}`,
    got: `${rows} rows without an image`,
    next: 'name the column of images with data.columns.images, or set data.textOnly to true to train without images',
  };
  return new MedixError('data', [summary, ...firstOf(rejected)]);
}

/** Why a set without a single usable row is refused. */
export function nothingUsable(location: string, rejected: RejectedRows): MedixError {
  if (rejected.count === 0) {
    const next = 'choose a data set with rows';
    return new MedixError('data', [{ where: location, expected: 'rows', got: 'none', next }]);
  }
  const untagged = rejected.first.every(({ cause }) => cause === 'untagged');
  const summary = {
    where: location,
    expected: untagged ? `solutions like <TAG>answer, with a tag of ${tagList}` : 'usable rows',
    got: `${rejected.count} rows, ${untagged ? 'all without such a tag' : 'all rejected'}`,
    next: untagged
      ? 'put the modality tag before each answer, or say with data.columns.modality where the modality is'
      : 'correct the rows, or name their columns with data.columns; the first of them follow',
  };
  return new MedixError('data', [summary, ...firstOf(rejected)]);
}

function firstOf({ first }: RejectedRows): Problem[] {
  return first.slice(0, 5).map(({ file, row, id, problem }) => ({
    where: `${file}: row ${row} (${oneLine(id, 100)})`,
    expected: 'a sample',
    got: problem,
    next: 'correct the row',
  }));
}
