/**
 * `npx tsx recipes/text-mini/prepare.ts TEXT_FOLDER OUT_FOLDER`: questions of text benchmarks with short answers, as
 * `train.jsonl` and `test.jsonl` in the columns that `medix train` reads: id, source, problem, solution.
 *
 * Multiple choice of MMLU's medical subjects and MedMCQA (answer: a letter), and PubMedQA without its abstracts (yes, no or
 * maybe). The split follows a digest of the question, so that a question that comes twice is on one side.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

type Row = Readonly<Record<string, unknown>>;
type Question = { readonly problem: string; readonly answer: string };

/** Longer ones are left out: the recipe is for two cores. */
const longestProblem = 500;
/** Share of the questions that is held out. */
const heldOut = 0.2;

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) {
  process.stderr.write('npx tsx recipes/text-mini/prepare.ts TEXT_FOLDER OUT_FOLDER\n');
  process.exit(2);
}

function choice(question: unknown, choices: readonly unknown[], right: number): Question {
  const lines = choices.map((text, i) => `${letter(i)}. ${text}`);
  const problem = [question, ...lines, 'Answer with the letter of the right choice only.'];
  return { problem: problem.join('\n'), answer: letter(right) };
}

function letter(index: number): string {
  return 'ABCD'[index] ?? '?';
}

const sources: Readonly<Record<string, (row: Row) => Question>> = {
  medmcqa: ({ question, opa, opb, opc, opd, cop }) =>
    choice(question, [opa, opb, opc, opd], Number(cop) - 1),
  ...Object.fromEntries(
    ['anatomy', 'clinical_knowledge', 'college_biology', 'medical_genetics'].map((subject) => [
      `mmlu_${subject}`,
      ({ question, choices, answer }: Row) =>
        choice(question, choices as readonly unknown[], Number(answer)),
    ]),
  ),
  pubmedqa: (row) => ({
    problem: `${row['QUESTION']}\nAnswer with yes, no or maybe only.`,
    answer: String(row['final_decision']),
  }),
};

const parts: Record<'train' | 'test', string[]> = { train: [], test: [] };
for (const [source, read] of Object.entries(sources)) {
  const text = await readFile(join(from, `${source}.jsonl`), 'utf8');
  for (const [line, row] of text.trimEnd().split('\n').entries()) {
    const { problem, answer } = read(JSON.parse(row) as Row);
    if (problem.length > longestProblem) continue;
    const digest = createHash('sha256').update(problem).digest().readUInt32BE() / 2 ** 32;
    const record = { id: `${source}-${line + 1}`, source, problem, solution: answer };
    parts[digest < heldOut ? 'test' : 'train'].push(JSON.stringify(record));
  }
}
await mkdir(to, { recursive: true });
for (const [part, lines] of Object.entries(parts)) {
  await writeFile(join(to, `${part}.jsonl`), `${lines.join('\n')}\n`);
  process.stdout.write(`${part}.jsonl: ${lines.length} questions\n`);
}
