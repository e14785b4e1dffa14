/**
 * Rows as the paper's script writes them (arXiv 2602.23363, `eval/utils.py`), from a results folder: first
 * answers to unchanged questions, in the order of the task.
 *
 * Deviations: `answer_idx` is the letter of the right option for multiple choice, where the script passes on
 * a column that few data sets have; questions and references are those that were asked here, without the
 * script's defects. An answer that failed has no row, and one without a verdict none in the evaluation.
 */
import { digestOfBytes } from '../../core/digest.ts';
import { resultsFile } from '../results/layout.ts';
import {
  type AnswerKey,
  responseRowSchema,
  type SampleRow,
  sampleRowSchema,
  verdictRowSchema,
} from '../results/records.ts';
import { type Row, RowFile, readRows } from '../results/rows.ts';

/** Where the parts of a row of the submission stand. */
type SubmittedAnswer = {
  readonly sample: Place;
  readonly response: Place;
  /** On the scale of the script: 0 or 1, and 0 to 5 for reports; undefined without a verdict. */
  readonly score: number | undefined;
};

export type SubmittedTask = {
  readonly taskId: string;
  readonly samples: number;
  readonly answers: readonly SubmittedAnswer[];
  /** Score of a perfect answer. */
  readonly bestScore: 1 | 5;
};

type Place = Pick<Row<unknown>, 'offset' | 'bytes'>;

/** Points that the rubric of reports goes up to. */
const rubricPoints = 5;

export async function findSubmittedAnswers(
  folder: string,
  judgingName: string,
  taskId: string,
): Promise<SubmittedTask> {
  const samples: {
    readonly place: Place;
    readonly row: Pick<SampleRow, 'id' | 'index' | 'kind'>;
  }[] = [];
  for await (const { value, ...place } of readRows(
    resultsFile.samples(folder, taskId),
    sampleRowSchema,
  )) {
    const { id, index, kind } = value;
    samples.push({ place, row: { id, index, kind } });
  }
  const responses = await findResponses(folder, taskId);
  const scores = await findScores(folder, judgingName, taskId, responses);
  const isReport = samples.some(({ row }) => row.kind === 'report');
  const bestScore = isReport ? rubricPoints : 1;
  const answers = samples
    .toSorted((a, b) => a.row.index - b.row.index)
    .flatMap(({ place, row }) => {
      const response = responses.get(row.id);
      if (response === undefined) return [];
      const score = scores.get(row.id);
      return [{ sample: place, response, score: score === undefined ? score : score * bestScore }];
    });
  return { taskId, samples: samples.length, answers, bestScore };
}

/** `{"id": …}` as Python's json module spaces it, a line each; with the evaluation, only judged answers. */
export async function* submissionLines(
  folder: string,
  { taskId, answers }: SubmittedTask,
  part: 'responses' | 'evaluation',
): AsyncGenerator<string> {
  if (answers.length === 0) return;
  const samples = await RowFile.open(resultsFile.samples(folder, taskId), sampleRowSchema);
  const responses = await RowFile.open(resultsFile.responses(folder, taskId), responseRowSchema);
  try {
    for (const answer of answers) {
      if (part === 'evaluation' && answer.score === undefined) continue;
      const sample = await samples.read(answer.sample);
      const { outcome } = await responses.read(answer.response);
      if (outcome.kind !== 'answered') continue;
      yield pythonLine({
        id: `${taskId}_${sample.index}`,
        question: sample.question,
        answer: sample.reference,
        response: outcome.text,
        answer_idx: letterOf(sample),
        ...(part === 'evaluation' ? { evaluation: { score: answer.score } } : {}),
      });
    }
  } finally {
    await samples.close();
    await responses.close();
  }
}

type Response = Place & { readonly digest: string };

async function findResponses(folder: string, taskId: string): Promise<Map<string, Response>> {
  const found = new Map<string, Response>();
  const path = resultsFile.responses(folder, taskId);
  for await (const { value, offset, bytes } of readRows(path, responseRowSchema)) {
    if (!isSubmitted(value)) continue;
    const { sampleId, outcome } = value;
    if (outcome.kind === 'failed') found.delete(sampleId);
    else found.set(sampleId, { offset, bytes, digest: digestOfBytes(outcome.text) });
  }
  return found;
}

async function findScores(
  folder: string,
  judgingName: string,
  taskId: string,
  responses: ReadonlyMap<string, Response>,
): Promise<Map<string, number>> {
  const scores = new Map<string, number>();
  const path = resultsFile.verdicts(folder, judgingName, taskId);
  for await (const { value } of readRows(path, verdictRowSchema)) {
    const { sampleId, responseDigest, outcome } = value;
    if (!isSubmitted(value) || responses.get(sampleId)?.digest !== responseDigest) continue;
    if (outcome.kind === 'scored') scores.set(sampleId, outcome.score);
    else scores.delete(sampleId);
  }
  return scores;
}

function isSubmitted({ variant, epoch }: AnswerKey): boolean {
  return variant === 'original' && epoch === 0;
}

function letterOf({ choices, reference }: SampleRow): string | null {
  return choices.find(({ text }) => text === reference)?.letter ?? null;
}

function pythonLine(row: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries(row).map(([name, value]) => `"${name}": ${pythonValue(value)}`);
  return `{${fields.join(', ')}}\n`;
}

function pythonValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, one]) => `"${name}": ${pythonValue(one)}`);
  return `{${fields.join(', ')}}`;
}
