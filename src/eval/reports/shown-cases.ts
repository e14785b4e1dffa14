/** Contradicting answers with their texts, read from the results folder; nothing of tasks that are not public. */
import { resultsFile } from '../results/layout.ts';
import type {
  EvalManifest,
  ResponseRow,
  SampleRow,
  Variant,
  VerdictRow,
} from '../results/records.ts';
import { responseRowSchema, sampleRowSchema, verdictRowSchema } from '../results/records.ts';
import { RowFile, readRows } from '../results/rows.ts';
import type { AnswerTrace, Found } from './rate-disagreement.ts';

export type ShownVerdict = {
  readonly judgingName: string;
  readonly outcome: VerdictRow['outcome'];
  readonly votes: VerdictRow['votes'];
  readonly ruleCorrect: boolean | null;
};

export type ShownAnswer = {
  readonly epoch: number;
  /** The answer as the judge of the report saw it. */
  readonly text: string;
  readonly truncated: boolean;
  readonly verdicts: readonly ShownVerdict[];
};

export type ShownCase = {
  readonly taskId: string;
  readonly sampleId: string;
  /** Place in the task. */
  readonly index: number;
  readonly variant: Variant;
  readonly reasons: readonly string[];
  readonly content:
    | {
        readonly kind: 'shown';
        /** As the model was asked. */
        readonly question: string;
        readonly reference: string;
        /** Images of the unchanged question. */
        readonly images: number;
        readonly answers: readonly ShownAnswer[];
      }
    /** Data that must not be passed on with a report. */
    | { readonly kind: 'withheld'; readonly access: 'credentialed' | 'private' };
};

export async function readCases(
  folder: string,
  tasks: EvalManifest['tasks'],
  found: readonly Found[],
): Promise<ShownCase[]> {
  const samples = await readSamples(folder, tasks, found);
  return Promise.all(
    found.flatMap((one) => {
      const [first] = one.answers;
      if (first === undefined) return [];
      const { taskId, reasons } = one;
      const { sampleId, variant } = first.key;
      const start = { taskId, sampleId, index: first.index, variant, reasons };
      const access = tasks[taskId]?.access ?? 'private';
      if (access !== 'public') return { ...start, content: { kind: 'withheld' as const, access } };
      const sample = samples.get(sampleId);
      return sample
        ? readContent(folder, one, sample).then((content) => ({ ...start, content }))
        : [];
    }),
  );
}

async function readContent(folder: string, { taskId, answers }: Found, sample: SampleRow) {
  const shown: ShownAnswer[] = [];
  let question = sample.question;
  for (const answer of answers) {
    const { asked } = await readAt(
      resultsFile.responses(folder, taskId),
      responseRowSchema,
      answer.response,
    );
    question = asked?.question ?? question;
    shown.push(await readAnswer(folder, taskId, answer));
  }
  return {
    kind: 'shown' as const,
    question,
    reference: sample.reference,
    images: sample.images.length,
    answers: shown,
  };
}

async function readAnswer(
  folder: string,
  taskId: string,
  { key, judged }: AnswerTrace,
): Promise<ShownAnswer> {
  const rows: { readonly judgingName: string; readonly row: VerdictRow }[] = [];
  for (const { judgingName, verdict } of judged) {
    const path = resultsFile.verdicts(folder, judgingName, taskId);
    rows.push({ judgingName, row: await readAt(path, verdictRowSchema, verdict) });
  }
  return {
    epoch: key.epoch,
    text: rows[0]?.row.answer ?? '',
    truncated: rows[0]?.row.truncated ?? false,
    verdicts: rows.map(({ judgingName, row: { outcome, votes, ruleCorrect } }) => ({
      judgingName,
      outcome,
      votes,
      ruleCorrect: ruleCorrect ?? null,
    })),
  };
}

async function readSamples(
  folder: string,
  tasks: EvalManifest['tasks'],
  found: readonly Found[],
): Promise<Map<string, SampleRow>> {
  const samples = new Map<string, SampleRow>();
  const wanted = new Set(found.flatMap(({ answers }) => answers.map(({ key }) => key.sampleId)));
  for (const task of new Set(found.map((one) => one.taskId))) {
    if (tasks[task]?.access !== 'public') continue;
    for await (const { value } of readRows(resultsFile.samples(folder, task), sampleRowSchema)) {
      if (wanted.has(value.id)) samples.set(value.id, value);
    }
  }
  return samples;
}

async function readAt<T extends ResponseRow | VerdictRow>(
  path: string,
  schema: Parameters<typeof RowFile.open<T>>[1],
  place: AnswerTrace['response'],
): Promise<T> {
  const file = await RowFile.open(path, schema);
  try {
    return await file.read(place);
  } finally {
    await file.close();
  }
}
