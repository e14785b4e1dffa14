/** Scores rows as they come, batch by batch. */
import { inOrder } from '../../core/async/in-order.ts';
import { defined } from '../../core/errors.ts';
import type { RewardFunction } from '../composite.ts';
import type { ReadRow } from './read-rows.ts';
import { malformedRow, type ScoredRow, scoredRow } from './scored-row.ts';

/** One slow answer holds up the writing, not the asking, until as many batches are in work. */
const batchesAtOnce = 8;
const imageBytesAtOnce = 64 * 2 ** 20;

/**
 * Yields one scored row per row, in order, in batches of `batchRows` with a shorter last one.
 * @throws when `signal` aborts: rows of an interrupted batch have no result.
 */
export function scoreRows(
  rows: AsyncIterable<ReadRow>,
  reward: RewardFunction,
  batchRows: number,
  signal: AbortSignal,
): AsyncGenerator<readonly ScoredRow[]> {
  return inOrder(
    inBatches(rows, batchRows),
    (batch, inner) => scoreBatch(batch, reward, inner),
    { atOnce: batchesAtOnce, bytesOf: imageBytesOf, maxBytes: imageBytesAtOnce },
    signal,
  );
}

async function scoreBatch(
  batch: readonly ReadRow[],
  reward: RewardFunction,
  signal: AbortSignal,
): Promise<readonly ScoredRow[]> {
  const items = batch.flatMap((row) => (row.kind === 'readable' ? [row.item] : []));
  const outcomes = items.length > 0 ? await reward.score(items, signal) : [];
  signal.throwIfAborted();
  let next = 0;
  return batch.map((row) =>
    row.kind === 'malformed'
      ? malformedRow(row)
      : scoredRow(row, defined(outcomes[next++], 'outcome of a row')),
  );
}

function imageBytesOf(batch: readonly ReadRow[]): number {
  let bytes = 0;
  for (const row of batch) {
    if (row.kind === 'malformed') continue;
    for (const image of row.item.sample.images) bytes += image.bytes.byteLength;
  }
  return bytes;
}

async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
