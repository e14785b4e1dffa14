/** Which rollouts meet the filters of a query, by the columns alone; texts are looked for in the file's bytes. */
import { openRegular, readInto } from '../../core/files.ts';
import type { LabelLine } from '../../run/labels.ts';
import { hashOf } from './columns.ts';
import { agreements, type RolloutFile } from './rollout-file.ts';
import type { RolloutFilters } from './wire.ts';

export type Labels = ReadonlyMap<string, LabelLine>;

/** Whether the file can hold anything that is asked for. */
export function fileMeets(file: RolloutFile, { part, iteration }: RolloutFilters): boolean {
  if (part !== undefined && part !== file.part) return false;
  if (iteration === undefined) return true;
  const [first = '0', last = first] = iteration.split('-');
  return file.iteration >= Number(first) && file.iteration <= Number(last);
}

/** The test of a row; what looks at no text. */
export function rowTest(
  file: RolloutFile,
  filters: RolloutFilters,
  labels: Labels,
): (row: number) => boolean {
  const { use, cause, verdict, similarity, rule, tag, source, label } = filters;
  const { minReward, maxReward, minTokens, maxTokens } = filters;
  const { causes, tags, sources } = file.codes;
  const tests: ((row: number) => boolean)[] = [];
  const equals = (column: { at(row: number): number }, code: number | undefined) =>
    tests.push((row) => column.at(row) === code);
  if (use !== undefined) tests.push((row) => file.useOf(row) === use);
  if (cause !== undefined) {
    const code = causes.find(cause) ?? -1;
    tests.push(
      (row) => file.cause.at(row) === code || file.groups[file.group.at(row)]?.cause === code,
    );
  }
  if (verdict !== undefined) equals(file.verdict, agreements.indexOf(verdict));
  if (similarity !== undefined) equals(file.similarity, agreements.indexOf(similarity));
  if (rule !== undefined) equals(file.rule, agreements.indexOf(rule));
  if (tag !== undefined) equals(file.tag, tags.find(tag) ?? -1);
  if (source !== undefined) equals(file.source, sources.find(source) ?? -1);
  if (minReward !== undefined) tests.push((row) => file.reward.at(row) >= minReward - 1e-6);
  if (maxReward !== undefined) tests.push((row) => file.reward.at(row) <= maxReward + 1e-6);
  if (minTokens !== undefined) tests.push((row) => file.tokens.at(row) >= minTokens);
  if (maxTokens !== undefined) tests.push((row) => file.tokens.at(row) <= maxTokens);
  if (label !== undefined) {
    const marked = [...labels.values()].filter((one) => one.label !== null);
    const meant = marked.filter((one) => ['any', 'none', one.label].includes(label));
    const hashes = new Set(meant.map(({ key }) => hashOf(key)));
    tests.push((row) => hashes.has(file.keyHash.at(row)) !== (label === 'none'));
  }
  return (row) => tests.every((test) => test(row));
}

/** Names of fields that stand between the texts of a line. */
const fieldNames =
  '"question":"","reference":"","accepted":[""],"modality":"","source":"","images":[""],"rubric":[{"criterion":"","points":}],"completion":"';

/**
 * Rows that hold a text in question, right answers, tag, source or completion, whatever the case. One pass over the
 * bytes of the file: a text stands there as JSON writes it.
 */
export async function rowsWithText(file: RolloutFile, text: string): Promise<Set<number>> {
  const rows = new Set<number>();
  const handle = await openRegular(file.path, 'refused').catch(() => undefined);
  if (handle === undefined) return rows;
  try {
    const needle = Buffer.from(JSON.stringify(text).slice(1, -1)).toString('latin1');
    const pattern = new RegExp(needle.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi');
    const find = { file, pattern, text, rows, isPlain: isPlain(text) };
    // Pieces of whole lines, so that nothing is cut in two.
    for (let start = 0; start < file.length; ) {
      let end = start + 1;
      const from = file.offset.at(start);
      while (end < file.length && file.offset.at(end) + file.bytes.at(end) - from <= pieceBytes) {
        end++;
      }
      const bytes = Buffer.allocUnsafe(file.offset.at(end - 1) + file.bytes.at(end - 1) - from);
      const read = await readInto(handle, bytes, from);
      findIn(bytes.subarray(0, read), { start, end, from }, find);
      start = end;
    }
    return rows;
  } finally {
    await handle.close();
  }
}

const pieceBytes = 2 ** 24;

type Find = {
  readonly file: RolloutFile;
  readonly pattern: RegExp;
  readonly text: string;
  readonly rows: Set<number>;
  readonly isPlain: boolean;
};

/** A text that a hit of its bytes proves: letters of ASCII that no name of a field and no digest holds. */
function isPlain(text: string): boolean {
  const lower = text.toLowerCase();
  return /^[\x20-\x7e]*$/.test(text) && !fieldNames.includes(lower) && !/^[0-9a-f.]+$/.test(lower);
}

function findIn(
  bytes: Buffer,
  { start, end, from }: { readonly start: number; readonly end: number; readonly from: number },
  { file, pattern, text, rows, isPlain: proves }: Find,
): void {
  const content = bytes.toString('latin1');
  let row = start;
  pattern.lastIndex = 0;
  for (let hit = pattern.exec(content); hit !== null; hit = pattern.exec(content)) {
    while (row + 1 < end && file.offset.at(row + 1) - from <= hit.index) row++;
    const lineStart = file.offset.at(row) - from;
    const lineEnd = lineStart + file.bytes.at(row);
    const first = content.indexOf('"question":"', lineStart);
    if (hit.index < first && first < lineEnd) {
      pattern.lastIndex = first;
      continue;
    }
    const isInText = hit.index < content.lastIndexOf('","completionTokens":', lineEnd);
    if (isInText && (proves || holds(bytes.toString('utf8', lineStart, lineEnd), text))) {
      rows.add(row);
    }
    // Found, or read as a whole, or past the texts: the rest of the line says no more.
    pattern.lastIndex = lineEnd;
  }
}

function holds(line: string, text: string): boolean {
  try {
    const { question, reference, accepted, modality, source, completion } = JSON.parse(line);
    const texts = [question, reference, ...(accepted ?? []), modality, source, completion];
    const wanted = text.toLowerCase();
    return texts.some((one) => typeof one === 'string' && one.toLowerCase().includes(wanted));
  } catch {
    return false;
  }
}
