/** Evaluations as the page shows them: figures from `report.json`, samples and answers from the rows. */
import { basename, join } from 'node:path';
import type { z } from 'zod';
import { digestOfBytes } from '../../core/digest.ts';
import { messageOf } from '../../core/errors.ts';
import { foundAt } from '../../core/files.ts';
import { rngFromKey } from '../../core/rng.ts';
import { judgingNames, readEvalReport, resultsFile } from '../../eval/results/layout.ts';
import {
  type ResponseRow,
  responseRowSchema,
  type SampleRow,
  sampleRowSchema,
  type VerdictRow,
  verdictRowSchema,
} from '../../eval/results/records.ts';
import type { EvalReport, TaskReport } from '../../eval/results/report.ts';
import { readRows, textOfKey } from '../../eval/results/rows.ts';
import { readAttempts } from '../../run/attempt.ts';
import { pairedDifference } from '../../statistics/paired.ts';
import type { Labels } from './rollout-filters.ts';
import { statusOf } from './run-state.ts';
import { recordOf, shellWord, textOf } from './run-summary.ts';
import type { Source } from './sources.ts';
import type {
  CompareAnswer,
  CompareRow,
  compareQuery,
  EvaluationAnswer,
  EvaluationSummary,
  EvaluationTask,
  Outcome,
  SampleAnswer,
  SampleRowView,
  SamplesAnswer,
  samplesQuery,
} from './wire.ts';

export async function evaluationSummary(source: Source): Promise<EvaluationSummary> {
  const { folder, manifest } = source;
  const problems: string[] = [];
  const attempts = await readAttempts(folder).catch((error: unknown) => {
    problems.push(messageOf(error));
    return [];
  });
  const report = await reportOf(source);
  const overall = report?.overall.find(({ variant }) => variant === 'original')?.result;
  return {
    id: source.id,
    name: basename(folder),
    path: folder,
    status: await statusOf(attempts.at(-1)),
    model: textOf(recordOf(manifest['model'])['id']),
    tasks: Object.keys(recordOf(manifest['tasks'])),
    judgings: await judgingNames(folder).catch(() => []),
    score: overall?.kind === 'scored' ? overall.score : null,
    interval: overall?.kind === 'scored' ? overall.interval : null,
    createdAt: textOf(manifest['createdAt']),
    problems,
  };
}

async function reportOf({ folder }: Source): Promise<EvalReport | undefined> {
  return readEvalReport(folder).catch(() => undefined);
}

export async function evaluationAnswer(source: Source): Promise<EvaluationAnswer> {
  const { folder, manifest } = source;
  const report = await reportOf(source);
  const hasHtml = (await foundAt(join(folder, 'report.html')).catch(() => 'missing')) === 'file';
  const config = recordOf(manifest['config']);
  return {
    evaluation: await evaluationSummary(source),
    config,
    judging: report?.judging.name ?? null,
    tasks: report?.tasks.map(taskOf) ?? [],
    report: report === undefined ? null : { ...report },
    htmlReport: hasHtml ? 'report.html' : null,
    commands: [
      {
        what: 'resume',
        command: `medix eval run ${shellWord(`out=${folder}`)}`,
        note: 'asks and judges what is missing; give the same config file before it',
      },
      {
        what: 'certify',
        command: `medix judge labels ${shellWord(folder)} --out labels-for-judge.jsonl`,
        note: 'your labels as a file for `medix judge certify probes=labels-for-judge.jsonl`',
      },
    ],
  };
}

function taskOf(task: TaskReport): EvaluationTask {
  const { result, coverage, failures, truncated, access, rejected } = task;
  const isScored = result.kind === 'scored';
  return {
    task: task.task,
    variant: task.variant,
    access,
    score: isScored ? result.figure.score : null,
    interval: isScored ? result.figure.interval : null,
    method: isScored ? result.figure.method : null,
    coverage,
    failures: { ...failures, rejected },
    truncated,
    problem:
      result.kind === 'failed'
        ? result.message
        : result.kind === 'not-applicable'
          ? 'the variant changes none of the samples'
          : null,
  };
}

/** The rows of a task in one variant, each file read once; the last row of a key counts. */
type TaskAnswers = {
  readonly samples: readonly SampleRow[];
  readonly responses: ReadonlyMap<string, ResponseRow>;
  /** By judging, then key; verdicts on the responses that count. */
  readonly verdicts: ReadonlyMap<string, ReadonlyMap<string, VerdictRow>>;
};

const noAnswers: TaskAnswers = { samples: [], responses: new Map(), verdicts: new Map() };

async function readTask(
  { folder }: Source,
  taskId: string,
  judgings: readonly string[],
): Promise<TaskAnswers> {
  const samples: SampleRow[] = [];
  for await (const { value } of readRows(resultsFile.samples(folder, taskId), sampleRowSchema)) {
    samples.push(value);
  }
  const responses = new Map<string, ResponseRow>();
  const digests = new Map<string, string>();
  const path = resultsFile.responses(folder, taskId);
  for await (const { value } of readRows(path, responseRowSchema)) {
    const key = textOfKey(value);
    responses.set(key, value);
    const { outcome } = value;
    digests.set(key, outcome.kind === 'answered' ? digestOfBytes(outcome.text) : '');
  }
  const verdicts = new Map<string, Map<string, VerdictRow>>();
  for (const name of judgings) {
    const judged = new Map<string, VerdictRow>();
    verdicts.set(name, judged);
    const file = resultsFile.verdicts(folder, name, taskId);
    for await (const { value } of readRows(file, verdictRowSchema)) {
      const key = textOfKey(value);
      if (digests.get(key) === value.responseDigest) judged.set(key, value);
    }
  }
  return { samples: samples.sort((a, b) => a.index - b.index), responses, verdicts };
}

/** A task's id names files: only those of the manifest are read. */
function tasksOf(source: Source, task: string | undefined): string[] {
  const known = Object.keys(recordOf(source.manifest['tasks'])).filter((id) => /^[\w-]+$/.test(id));
  return task === undefined || task === '' ? known : known.filter((id) => id === task);
}

type Filters = Pick<
  z.output<typeof samplesQuery>,
  'task' | 'variant' | 'kind' | 'text' | 'subgroup'
>;

function sampleMeets(row: SampleRow, answer: string | null, filters: Filters): boolean {
  const { kind, text, subgroup } = filters;
  if (kind !== undefined && row.kind !== kind) return false;
  if (subgroup !== undefined) {
    const [, dimension = '', value] = /^([^=]*)=(.*)$/.exec(subgroup) ?? [];
    if (row.subgroups[dimension] !== value) return false;
  }
  if (text === undefined || text === '') return true;
  const wanted = text.toLowerCase();
  return [row.question, row.reference, ...row.accepted, answer ?? ''].some((one) =>
    one.toLowerCase().includes(wanted),
  );
}

async function judgingOf(source: Source, asked: string | undefined): Promise<string[]> {
  const names: readonly string[] = await judgingNames(source.folder).catch(() => []);
  if (asked !== undefined && names.includes(asked)) return [asked];
  const report = await reportOf(source);
  const first = report?.judging.name ?? names[0];
  return first === undefined ? [] : [first];
}

type Standing = {
  readonly outcome: Outcome;
  readonly score: number | null;
  readonly cause: string | null;
  readonly answer: string | null;
  readonly truncated: boolean;
};

function standingOf(response: ResponseRow | undefined, verdict: VerdictRow | undefined): Standing {
  const none = { score: null, answer: null, truncated: false };
  if (response === undefined) return { ...none, outcome: 'not-asked', cause: 'not-asked' };
  if (response.outcome.kind === 'failed') {
    return { ...none, outcome: 'failed', cause: response.outcome.cause };
  }
  const { text, stopReason } = response.outcome;
  const answered = { answer: verdict?.answer ?? text, truncated: stopReason === 'length' };
  if (verdict === undefined) {
    return { ...answered, outcome: 'failed', score: null, cause: 'not-judged' };
  }
  const { outcome } = verdict;
  if (outcome.kind === 'failed') {
    return { ...answered, outcome: 'failed', score: null, cause: outcome.cause };
  }
  return { ...answered, outcome: outcomeOf(outcome.score), score: outcome.score, cause: null };
}

function outcomeOf(score: number): Outcome {
  if (score >= 1 - 1e-9) return 'right';
  return score <= 1e-9 ? 'wrong' : 'partly';
}

function rowOf(sample: SampleRow, standing: Standing, labels: Labels): SampleRowView {
  const { task, id, index, kind, question, reference, images, subgroups } = sample;
  const label = labels.get(`${task}/${id}`);
  return {
    ...{ task, sampleId: id, index, kind, question, reference, images, subgroups, ...standing },
    isLabelled: label !== undefined && label.label !== null,
  };
}

type SamplesQuery = z.output<typeof samplesQuery>;

export async function samplesAnswer(
  source: Source,
  query: SamplesQuery,
  labels: Labels,
): Promise<SamplesAnswer> {
  const { sort, offset, limit } = query;
  const [judging] = await judgingOf(source, query.judging);
  const rows: SampleRowView[] = [];
  for (const task of tasksOf(source, query.task)) {
    const read = await readTask(source, task, judging === undefined ? [] : [judging]);
    const judged = read.verdicts.get(judging ?? '');
    for (const sample of read.samples) {
      const key = `${sample.id} ${query.variant} 0`;
      const standing = standingOf(read.responses.get(key), judged?.get(key));
      const label = labels.get(`${task}/${sample.id}`)?.label ?? 'none';
      if (standingMeets(standing, label, query) && sampleMeets(sample, standing.answer, query)) {
        rows.push(rowOf(sample, standing, labels));
      }
    }
  }
  if (sort === 'wrong-first') rows.sort((a, b) => (a.score ?? 2) - (b.score ?? 2));
  if (sort === 'longest') rows.sort((a, b) => (b.answer?.length ?? 0) - (a.answer?.length ?? 0));
  return { total: rows.length, offset, samples: rows.slice(offset, offset + limit) };
}

function standingMeets(
  standing: Standing,
  label: string,
  { outcome, cause, label: asked }: SamplesQuery,
): boolean {
  if (outcome !== undefined && standing.outcome !== outcome) return false;
  if (cause !== undefined && standing.cause !== cause) return false;
  if (asked === undefined) return true;
  return asked === 'any' ? label !== 'none' : label === asked;
}

export async function sampleAnswer(
  source: Source,
  task: string,
  sampleId: string,
  labels: Labels,
): Promise<SampleAnswer | undefined> {
  const [known] = tasksOf(source, task);
  if (known === undefined || task === '') return undefined;
  const judgings = await judgingNames(source.folder).catch(() => []);
  const read = await readTask(source, known, judgings);
  const sample = read.samples.find(({ id }) => id === sampleId);
  if (sample === undefined) return undefined;
  const [judging] = await judgingOf(source, undefined);
  const key = `${sampleId} original 0`;
  const standing = standingOf(read.responses.get(key), read.verdicts.get(judging ?? '')?.get(key));
  const answers = [...read.responses.values()].filter((one) => one.sampleId === sampleId);
  const label = labels.get(`${task}/${sampleId}`);
  return {
    row: rowOf(sample, standing, labels),
    accepted: sample.accepted,
    choices: sample.choices,
    answers: answers.map((response) => answerView(sample, response, read)),
    label: label ? { key: label.key, label: label.label, note: label.note, at: label.at } : null,
  };
}

function answerView(
  sample: SampleRow,
  response: ResponseRow,
  { verdicts }: TaskAnswers,
): SampleAnswer['answers'][number] {
  const { outcome, asked, variant, epoch } = response;
  const isAnswered = outcome.kind === 'answered';
  return {
    variant,
    epoch,
    askedQuestion: asked?.question ?? sample.question,
    choices: asked?.choices ?? sample.choices,
    response: isAnswered ? outcome.text : null,
    failure: isAnswered ? null : { cause: outcome.cause, message: outcome.message },
    stopReason: isAnswered ? outcome.stopReason : null,
    tokens: isAnswered ? (outcome.tokens ?? null) : null,
    judgings: [...verdicts].flatMap(([name, judged]) => {
      const verdict = judged.get(textOfKey(response));
      if (verdict === undefined) return [];
      const standing = standingOf(response, verdict);
      return [
        {
          name,
          answer: verdict.answer,
          outcome: standing.outcome,
          score: standing.score,
          cause: standing.cause,
          ruleCorrect: verdict.ruleCorrect ?? null,
          votes: verdict.votes.map(({ judge, outcome: vote }) =>
            vote.kind === 'judged'
              ? { judge, score: vote.score, words: vote.reply, cause: null }
              : { judge, score: null, words: vote.message, cause: vote.cause },
          ),
        },
      ];
    }),
  };
}

/** Resamples and seed of the comparison of a slice, fewer than a report's since it is asked for with every filter. */
const slice = { draws: 2000, seed: 'view/compare' } as const;

export async function compareAnswer(
  a: Source,
  b: Source,
  query: z.output<typeof compareQuery>,
): Promise<CompareAnswer> {
  const { variant, flipped, offset, limit } = query;
  const [[one], [other]] = [await judgingOf(a, undefined), await judgingOf(b, undefined)];
  const rows: (CompareRow & { readonly cluster: string })[] = [];
  const counts = { onlyA: 0, onlyB: 0 };
  const tasks = new Set([...tasksOf(a, query.task), ...tasksOf(b, query.task)]);
  for (const task of tasks) {
    const read = async (source: Source, judging: string | undefined) =>
      tasksOf(source, task).length === 0
        ? noAnswers
        : readTask(source, task, judging === undefined ? [] : [judging]);
    const [fromA, fromB]: TaskAnswers[] = [await read(a, one), await read(b, other)];
    if (fromA === undefined || fromB === undefined) continue;
    const inB = new Set(fromB.samples.map(({ id }) => id));
    const shared = fromA.samples.filter(({ id }) => inB.has(id));
    counts.onlyA += fromA.samples.length - shared.length;
    counts.onlyB += fromB.samples.length - shared.length;
    for (const sample of shared) {
      const key = `${sample.id} ${variant} 0`;
      const left = standingOf(fromA.responses.get(key), fromA.verdicts.get(one ?? '')?.get(key));
      const right = standingOf(fromB.responses.get(key), fromB.verdicts.get(other ?? '')?.get(key));
      const texts = `${left.answer ?? ''}\n${right.answer ?? ''}`;
      if (sampleMeets(sample, texts, query)) rows.push(pairOf(task, sample, left, right));
    }
  }
  const shown = flipped === undefined ? rows : rows.filter((row) => isFlipped(row, flipped));
  const order = (row: CompareRow) => -Math.abs(row.difference ?? 0);
  shown.sort((x, y) => order(x) - order(y));
  return {
    a: await evaluationSummary(a),
    b: await evaluationSummary(b),
    total: shown.length,
    offset,
    rows: shown.slice(offset, offset + limit).map(({ cluster: _, ...row }) => row),
    significance: significanceOf(rows),
    ...counts,
  };
}

function isFlipped({ flipped }: CompareRow, asked: 'better' | 'worse' | 'any'): boolean {
  return asked === 'any' ? flipped !== null : flipped === asked;
}

function pairOf(task: string, sample: SampleRow, a: Standing, b: Standing) {
  const difference = a.score === null || b.score === null ? null : b.score - a.score;
  return {
    task,
    sampleId: sample.id,
    question: sample.question,
    reference: sample.reference,
    images: sample.images,
    a: { answer: a.answer, score: a.score },
    b: { answer: b.answer, score: b.score },
    difference,
    flipped: flipOf(difference),
    cluster: sample.cluster,
  };
}

function flipOf(difference: number | null): CompareRow['flipped'] {
  if (difference === null || difference === 0) return null;
  return difference > 0 ? 'better' : 'worse';
}

/** Of all that the filters leave but `flipped`, which would choose by the result. */
function significanceOf(
  rows: readonly (CompareRow & { readonly cluster: string })[],
): CompareAnswer['significance'] {
  const scores = rows.flatMap(({ a, b, cluster }) =>
    a.score === null || b.score === null
      ? []
      : [{ cluster, baseline: a.score, candidate: b.score }],
  );
  if (scores.length === 0) return null;
  const found = pairedDifference(scores, rngFromKey(slice.seed), slice.draws);
  const better = rows.filter(({ flipped }) => flipped === 'better').length;
  const worse = rows.filter(({ flipped }) => flipped === 'worse').length;
  const points = (100 * found.difference).toFixed(1);
  const pValue = found.pValue;
  return {
    compared: found.questions,
    clusters: found.clusters,
    aMean: found.baselineMean,
    bMean: found.candidateMean,
    difference: found.difference,
    interval: found.interval ?? null,
    pValue,
    better,
    worse,
    inWords: `On these ${found.questions} questions the second is ${points} points ${found.difference < 0 ? 'lower' : 'higher'}; ${
      pValue < 0.05
        ? `chance alone gives so much in ${(100 * pValue).toFixed(1)} % of cases`
        : 'chance alone can explain that'
    }.`,
  };
}
