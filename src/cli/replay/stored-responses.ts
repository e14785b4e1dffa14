/** Responses that were scored before: in a run, in the journal of a reward service, or in a file of rows. */
import { dirname } from 'node:path';
import { z } from 'zod';
import { readHubAccess } from '../../config/environment.ts';
import { fail } from '../../core/errors.ts';
import { exactJson } from '../../core/exact-json.ts';
import { foundAt, foundNames } from '../../core/files.ts';
import { reading as readingOf } from '../../core/reading.ts';
import { localFile } from '../../data/data-file.ts';
import { readJsonLines } from '../../data/jsonl.ts';
import { type ReadRow, type RowReading, readScoreRow } from '../../reward/offline/read-rows.ts';
import { type Components, componentsSchema } from '../../reward/score.ts';
import type { RolloutLine } from '../../run/records.ts';
import { readManifest, readRolloutIterations, readRollouts } from '../../run/run-reader.ts';
import { findSamples } from '../reward/run-samples.ts';

export type StoredResponse = {
  /** Names the response in its source. */
  readonly key: string;
  /** Responses of one batch with the same group answer the same prompt. */
  readonly group: string;
  readonly row: ReadRow;
  /** Length of the completion; 1 where the source is no run, and nothing depends on it. */
  readonly tokens: number;
  /** Null, or absent where nobody gave one: not scored. */
  readonly reward: number | null;
  /** Its recorded components; absent where the source has none that can be read. */
  readonly components?: Components;
  /** As recorded; absent where the source has none. Null: it did not train. */
  readonly advantage?: number | null;
};

/** Groups whose advantages belong together: an iteration, a call of the service, some rows. */
export type StoredBatch = readonly StoredResponse[];

/** Rows of a file that are taken together; a group that is longer stays whole. */
const batchRows = 512;

/**
 * Batches in the order of the source. Memory holds one batch, and of a run all of its samples.
 * @param source run directory, or a JSONL file of journal entries or rows.
 * @throws MedixError 'run' or 'data' where the source cannot be read.
 */
export async function* readStored(
  source: string,
  reading: RowReading,
  signal: AbortSignal,
): AsyncGenerator<StoredBatch> {
  if (await isDirectory(source)) {
    yield* readRun(source, signal);
    return;
  }
  let batch: StoredResponse[] = [];
  for await (const { responses, isCall } of readLines(source, reading, signal)) {
    const isNewGroup = responses[0]?.group !== batch.at(-1)?.group;
    if (batch.length > 0 && (isCall || (isNewGroup && batch.length >= batchRows))) {
      yield batch;
      batch = [];
    }
    batch.push(...responses);
    if (isCall && batch.length > 0) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** @throws MedixError 'data' where there is neither. */
export async function isDirectory(source: string): Promise<boolean> {
  const asked = {
    where: source,
    expected: 'a run directory, a journal of the reward service or a JSONL file of rows',
    next: 'correct the path',
  };
  const found = await readingOf({ boundary: 'data', ...asked }, () => foundAt(source));
  if (found === 'folder') return true;
  if (found === 'file') return false;
  return fail('data', { ...asked, got: foundNames[found] });
}

async function* readRun(run: string, signal: AbortSignal): AsyncGenerator<StoredBatch> {
  const manifest = await readManifest(run);
  const iterations = await readRolloutIterations(run);
  const wanted = new Set<string>();
  for (const iteration of iterations) {
    for (const { sampleId } of await readRollouts(run, iteration, 'training')) wanted.add(sampleId);
  }
  if (wanted.size === 0) {
    const next = 'give a run of medix train that has finished an iteration';
    fail('run', { where: run, expected: 'stored rollouts', got: 'none', next });
  }
  const samples = await findSamples(manifest, wanted, readHubAccess(), signal);
  for (const iteration of iterations) {
    const lines = await readRollouts(run, iteration, 'training');
    yield lines.map((line, index) => storedRollout(line, index, samples));
  }
}

function storedRollout(
  line: RolloutLine,
  index: number,
  samples: Awaited<ReturnType<typeof findSamples>>,
): StoredResponse {
  const { key, sampleId, completion, completionTokens, reward, advantage } = line;
  const components = componentsSchema.safeParse(line.components).data;
  const sample = samples.get(sampleId);
  const place = { line: index + 1, id: key };
  return {
    key,
    group: key.slice(0, key.lastIndexOf('/')),
    row:
      sample === undefined
        ? { kind: 'malformed', ...place, message: `no sample ${sampleId} in the run's data` }
        : { kind: 'readable', ...place, item: { sample, response: completion } },
    tokens: completionTokens,
    reward,
    advantage,
    ...(components === undefined ? {} : { components }),
  };
}

type Line = { readonly responses: StoredBatch; readonly isCall: boolean };

const rewardField = z.object({ reward: z.number().nullish(), group: z.coerce.string().nullish() });

const journalEntry = z.object({
  at: z.string(),
  items: z.array(
    z.looseObject({
      id: z.string(),
      images: z.array(z.string()),
      outcome: z.looseObject({ reward: z.number().optional() }),
    }),
  ),
});

async function* readLines(
  path: string,
  reading: RowReading,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  const file = await localFile(path, 'jsonl');
  for await (const raw of readJsonLines(file, signal)) {
    const entry = raw.kind === 'fields' ? journalEntry.safeParse(raw.fields).data : undefined;
    if (entry !== undefined) {
      const items = entry.items.map((item, index) => journalled(entry.at, item, index, reading));
      yield { responses: await Promise.all(items), isCall: true };
      continue;
    }
    const row = await readScoreRow(raw, dirname(path), reading);
    const before = rewardField.safeParse(raw.kind === 'fields' ? raw.fields : {}).data;
    const key = row.id === null ? `line ${row.line}` : String(row.id);
    const stored = { key, group: before?.group ?? `line ${row.line}`, row, tokens: 1 };
    yield { responses: [{ ...stored, reward: before?.reward ?? null }], isCall: false };
  }
}

/** Items of one call about the same question form a group. */
async function journalled(
  at: string,
  item: z.output<typeof journalEntry>['items'][number],
  index: number,
  reading: RowReading,
): Promise<StoredResponse> {
  const { outcome, ...fields } = item;
  const raw = { kind: 'fields' as const, row: index, fields };
  const row = await readScoreRow(raw, '.', { ...reading, showImages: false });
  const isBlind = reading.showImages && item.images.length > 0;
  return {
    key: `${at}/${item.id}`,
    group: exactJson([at, fields['question'], fields['ground_truth'], item.images]),
    row: isBlind
      ? {
          kind: 'malformed',
          line: row.line,
          id: item.id,
          message: 'images are looked at, and a journal keeps their digests only',
        }
      : row,
    tokens: 1,
    reward: outcome.reward ?? null,
  };
}
