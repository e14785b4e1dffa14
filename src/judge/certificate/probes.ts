/**
 * Labelled answers that a judge is tried on: the pack that MediX ships, and files of users in the same
 * form. The shipped pack is text only and holds what judges are known to get wrong, among it the "master
 * keys" that pass with most of them (arXiv 2507.08794).
 */
import { z } from 'zod';
import { digestOf } from '../../core/digest.ts';
import { fail, MedixError, type Problem } from '../../core/errors.ts';
import { parseExactJson } from '../../core/exact-json.ts';
import { readBytes } from '../../core/files.ts';
import { modalities } from '../../core/modality.ts';
import { packageFile } from '../../core/package-file.ts';
import { nameOf } from '../../core/quoted.ts';
import { reading } from '../../core/reading.ts';
import { decodeUtf8 } from '../../core/utf8.ts';

const probeSchema = z.strictObject({
  id: z.string().min(1),
  /** What the pair tries; figures are given for each. */
  category: z.string().min(1),
  question: z.string(),
  reference: z.string().min(1),
  /** Further answers that count as right. */
  accepted: z.array(z.string()).optional(),
  answer: z.string(),
  /** The label: whether the answer is right. */
  correct: z.boolean(),
  modality: z.enum(modalities).optional(),
});
export type Probe = z.infer<typeof probeSchema>;

export type ProbePack = {
  readonly probes: readonly Probe[];
  /** Hexadecimal SHA-256 of the probes. */
  readonly digest: string;
};

const shippedPath = packageFile('assets/probes/judge-v1.jsonl');

/** Category of rows that name none. */
const ownCategory = 'own';

/** Problems shown of those found. */
const shownProblems = 20;

/** The pack `judge-v1`. Its rows never change: another pack gets another name. */
export async function readShippedProbes(): Promise<ProbePack> {
  return packOf(await readBytes(shippedPath), shippedPath.pathname);
}

/**
 * A user's labelled file: JSONL rows {question, reference, accepted?, answer, correct, id?, category?,
 * modality?}. A row without id is called by its line, one without category counts as "own".
 * @throws MedixError 'data' with every bad row, at most the first 20.
 */
export async function readLabelledFile(path: string): Promise<ProbePack> {
  const asked = {
    boundary: 'data',
    where: path,
    expected: 'a file of labelled answers that can be read',
    next: 'correct the path',
  } as const;
  return packOf(await reading(asked, () => readBytes(path)), path);
}

function packOf(bytes: Uint8Array, path: string): ProbePack {
  const probes: Probe[] = [];
  const problems: Problem[] = [];
  const lineOfId = new Map<string, number>();
  for (const [index, line] of linesOf(bytes).entries()) {
    if (line?.trim() === '') continue;
    const found = parseRow(line, index + 1);
    const where = `${path}: line ${index + 1}`;
    if (Array.isArray(found)) {
      problems.push(...found.map((problem) => ({ ...problem, where: `${where}${problem.where}` })));
      continue;
    }
    const earlier = lineOfId.get(found.id);
    if (earlier !== undefined) {
      problems.push({
        where: `${where}: id`,
        expected: 'an id of its own',
        got: `${JSON.stringify(found.id)}, as in line ${earlier}`,
        next: 'rename one of them',
      });
    }
    lineOfId.set(found.id, index + 1);
    probes.push(found);
  }
  if (problems.length > 0) throw new MedixError('data', shorten(problems, path));
  if (probes.length === 0) {
    fail('data', { where: path, expected: 'rows', got: 'none', next: 'give a file with rows' });
  }
  return { probes, digest: digestOf(probes) };
}

/** Lines without their ends; undefined for those that are not UTF-8. */
function linesOf(bytes: Uint8Array): (string | undefined)[] {
  const lines: (string | undefined)[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    const line = bytes.subarray(start, end < 0 ? bytes.length : end);
    lines.push(decodeUtf8(line, 'dropped'));
    start += line.length + 1;
  }
  return lines;
}

/** The row, or what is wrong with it; `where` is then the rest of the place, after the line. */
function parseRow(line: string | undefined, number: number): Probe | Problem[] {
  const expected =
    'a JSON object {question, reference, answer, correct} with optional accepted, id, category, modality';
  const next = 'correct the row';
  if (line === undefined) return [{ where: '', expected, got: 'bytes that are not UTF-8', next }];
  const read = parseExactJson(line);
  if (read.kind === 'problem') {
    return [{ where: '', expected, got: `a line that ${read.problem}`, next }];
  }
  const { value } = read;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ where: '', expected, got: nameOf(value), next }];
  }
  const row = { id: `line ${number}`, category: ownCategory, ...value };
  const parsed = probeSchema.safeParse(row);
  if (parsed.success) return parsed.data;
  return parsed.error.issues.map(({ path, message }) => ({
    where: path.length === 0 ? '' : `: ${path.join('.')}`,
    expected,
    got: message,
    next,
  }));
}

function shorten(problems: readonly Problem[], path: string): Problem[] {
  if (problems.length <= shownProblems) return [...problems];
  return [
    ...problems.slice(0, shownProblems),
    {
      where: path,
      expected: 'no problems',
      got: `${problems.length}, of which these are the first ${shownProblems}`,
      next: 'correct them and run the command again',
    },
  ];
}
