/** Answers that another program has written, as rows {id, response}; ids are those of `medix eval samples`. */
import { z } from 'zod';
import { digestOfFile } from '../../core/digest.ts';
import { fail, MedixError, type Problem } from '../../core/errors.ts';
import { parseExactJson } from '../../core/exact-json.ts';
import { streamFile } from '../../core/files.ts';
import { linesIn, longestLine } from '../../core/lines.ts';
import { nameOf, oneLine, quoted } from '../../core/quoted.ts';
import { reading } from '../../core/reading.ts';
import { decodeUtf8 } from '../../core/utf8.ts';
import { type Row, RowFile } from '../results/rows.ts';
import type { Answerer, AnswerOutcome, AnswerRequest } from './answerer.ts';

const wrong = {
  error: ({ input }: { readonly input?: unknown }) =>
    input === undefined ? 'is missing' : `is ${nameOf(input)}, not text`,
};
const fileRowSchema = z.object({
  id: z.string(wrong).min(1, 'is empty'),
  response: z.string(wrong),
});
type FileRow = z.infer<typeof fileRowSchema>;
type Place = Pick<Row<FileRow>, 'offset' | 'bytes'>;

/** Problems shown of those found. */
const shownProblems = 20;

/**
 * The n-th row of an id answers its n-th epoch. Such answers are to the original questions, so other
 * variants have none. A row that cannot be read is no answer that is missing: it is told by its line, and
 * the file is refused.
 *
 * @param name of the model that wrote them
 * @param epochs rows of one id at most
 * @throws MedixError 'data' where the file holds no row, with the first problems of its rows
 */
export async function openFileAnswerer(
  path: string,
  name: string,
  epochs: number,
): Promise<Answerer> {
  const asked = { boundary: 'data', where: path, ...answerRows } as const;
  const places = await reading(asked, () => findAnswers(path, epochs));
  const file = await RowFile.open(path, fileRowSchema);

  const find = async ({ key }: AnswerRequest): Promise<AnswerOutcome> => {
    const place = key.variant === 'original' ? places.get(key.sampleId)?.[key.epoch] : undefined;
    if (place === undefined) {
      const message = `${path} has no answer to ${key.sampleId}, ${key.variant}, epoch ${key.epoch}`;
      return { kind: 'failed', cause: 'missing', message };
    }
    const { response } = await file.read(place);
    return { kind: 'answered', text: response, stopReason: 'stop', latencyMs: 0 };
  };

  return {
    describe: { id: name, kind: 'file', digest: await digestOfFile(path) },
    answer: async function* (requests, signal) {
      for await (const request of requests) {
        signal.throwIfAborted();
        yield { request, outcome: await find(request) };
      }
    },
    close: () => file.close(),
  };
}

/** Where each id's answers stand. */
async function findAnswers(
  path: string,
  epochs: number,
): Promise<ReadonlyMap<string, readonly Place[]>> {
  const places = new Map<string, Place[]>();
  const problems: Problem[] = [];
  for await (const { number, bytes, offset, length } of placedLines(path)) {
    const read = readRow(bytes);
    if (read === undefined) continue;
    const problem = read.kind === 'problem' ? read.problem : place(read.id, offset, length);
    if (problem !== undefined) problems.push(problemOf(`${path}: line ${number}`, problem));
  }
  if (problems.length > shownProblems) {
    const all = problemOf(path, `${problems.length} such lines; these are the first`);
    throw new MedixError('data', [...problems.slice(0, shownProblems), all]);
  }
  if (problems.length > 0) throw new MedixError('data', problems);
  if (places.size === 0) failEmpty(path);
  return places;

  /** Says what is wrong where an id has enough answers. */
  function place(id: string, offset: number, bytes: number): string | undefined {
    const known = places.get(id) ?? [];
    if (known.length === epochs) {
      return `answer ${epochs + 1} to ${quoted(id, 60)}, where sampling.epochs is ${epochs}`;
    }
    places.set(id, [...known, { offset, bytes }]);
    return undefined;
  }
}

/** Lines from 1 and where they stand, without the byte order mark that editors put before the first. */
async function* placedLines(path: string) {
  let number = 0;
  for await (const { bytes, offset, length } of linesIn(streamFile(path))) {
    const mark = ++number === 1 && bytes !== undefined ? lengthOfMark(bytes) : 0;
    yield { number, offset: offset + mark, length: length - mark, bytes: bytes?.subarray(mark) };
  }
}

function lengthOfMark(line: Uint8Array): number {
  return line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? 3 : 0;
}

type ReadRow =
  | { readonly kind: 'row'; readonly id: string }
  | { readonly kind: 'problem'; readonly problem: string };

/** Undefined for a blank line. */
function readRow(line: Uint8Array | undefined): ReadRow | undefined {
  const problem = (text: string): ReadRow => ({ kind: 'problem', problem: text });
  if (line === undefined) return problem(`a line of more than ${longestLine} bytes`);
  const text = decodeUtf8(line);
  if (text === undefined) return problem('a line that is not UTF-8 text');
  if (text.trim() === '') return undefined;
  const read = parseExactJson(text);
  if (read.kind === 'problem') return problem(`a line that ${read.problem}`);
  const { value } = read;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return problem(`a line that is no JSON object but ${nameOf(value)}`);
  }
  const parsed = fileRowSchema.safeParse(value);
  if (parsed.success) return { kind: 'row', id: parsed.data.id };
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  const columns = Object.keys(value)
    .slice(0, 5)
    .map((key) => oneLine(key, 30));
  const isMissing = issues.some((issue) => issue.endsWith('is missing'));
  return problem(`${issues.join(', ')}${isMissing ? ` (it has ${columns.join(', ')})` : ''}`);
}

function problemOf(where: string, got: string): Problem {
  const expected = 'a row {"id": …, "response": …}';
  return { where, expected, got, next: 'correct the file; `medix eval samples` lists the ids' };
}

const answerRows = {
  expected: 'JSONL rows {"id": …, "response": …}',
  next: 'correct model.path; `medix eval samples` lists the ids',
};

function failEmpty(path: string): never {
  fail('data', { where: path, ...answerRows, got: 'a file without rows' });
}
