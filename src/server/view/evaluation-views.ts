/** Evaluations as the page shows them: figures from `report.json`, samples and answers from the rows. */
import { basename, join } from 'node:path';
import type { z } from 'zod';
import { digestOfBytes } from '../../core/digest.ts';
import { messageOf } from '../../core/errors.ts';
import { foundAt } from '../../core/files.ts';
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
import type { Labels } from './rollout-filters.ts';
import { statusOf } from './run-state.ts';
import { recordOf, shellWord, textOf } from './run-summary.ts';
import { comparisonOf, pairName, samplesOf } from './sample-lists.ts';
import type { Source } from './sources.ts';
import type {
  CompareAnswer,
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

/** What every judging that has judged an answer says of it. */
function scoresOf({ verdicts }: TaskAnswers, key: string): Record<string, number | null> {
  const scores: Record<string, number | null> = {};
  for (const [name, judged] of verdicts) {
    const verdict = judged.get(key);
    if (verdict === undefined) continue;
    scores[name] = verdict.outcome.kind === 'scored' ? verdict.outcome.score : null;
  }
  return scores;
}

/** By sample: pairs of judgings that give another score to one of its answers, in whatever variant. */
function differingPairs(read: TaskAnswers): Map<string, Set<string>> {
  const differing = new Map<string, Set<string>>();
  const names = [...read.verdicts.keys()];
  const pairs = names.flatMap((one, place) =>
    names.slice(place + 1).map((other) => [one, other] as const),
  );
  for (const [key, { sampleId }] of pairs.length === 0 ? [] : read.responses) {
    const scores = scoresOf(read, key);
    const found = pairs.filter(([one, other]) => areOther(scores[one], scores[other]));
    const known = differing.get(sampleId) ?? new Set<string>();
    differing.set(sampleId, new Set([...known, ...found.map((pair) => pairName(...pair))]));
  }
  return differing;
}

function areOther(one: number | null | undefined, other: number | null | undefined): boolean {
  return typeof one === 'number' && typeof other === 'number' && one !== other;
}

/** @param judging whose verdict counts */
function rowsOf(
  read: TaskAnswers,
  variant: string,
  judging: string | undefined,
  labels: Labels,
): SampleRowView[] {
  const differing = differingPairs(read);
  return read.samples.map((sample) => {
    const { task, id, index, kind, question, reference, accepted, images, cluster, subgroups } =
      sample;
    const key = `${id} ${variant} 0`;
    const verdict = read.verdicts.get(judging ?? '')?.get(key);
    return {
      ...{ task, sampleId: id, index, kind, question, reference, accepted, images, cluster },
      ...{ subgroups, ...standingOf(read.responses.get(key), verdict) },
      scores: scoresOf(read, key),
      differing: [...(differing.get(id) ?? [])],
      label: labels.get(`${task}/${id}`)?.label ?? null,
    };
  });
}

/** All samples of the tasks in one variant. */
async function allRows(
  source: Source,
  { task, variant, judging }: Pick<z.output<typeof samplesQuery>, 'task' | 'variant' | 'judging'>,
  labels: Labels,
): Promise<SampleRowView[]> {
  const [shown] = await judgingOf(source, judging);
  const judgings = await judgingNames(source.folder).catch(() => []);
  const rows: SampleRowView[] = [];
  for (const one of tasksOf(source, task)) {
    rows.push(...rowsOf(await readTask(source, one, judgings), variant, shown, labels));
  }
  return rows;
}

export async function samplesAnswer(
  source: Source,
  query: z.output<typeof samplesQuery>,
  labels: Labels,
): Promise<SamplesAnswer> {
  return samplesOf(await allRows(source, query, labels), query);
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
  const [judging] = await judgingOf(source, undefined);
  const row = rowsOf(read, 'original', judging, labels).find((one) => one.sampleId === sampleId);
  if (sample === undefined || row === undefined) return undefined;
  const answers = [...read.responses.values()].filter((one) => one.sampleId === sampleId);
  const label = labels.get(`${task}/${sampleId}`);
  return {
    row,
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

export async function compareAnswer(
  a: Source,
  b: Source,
  query: z.output<typeof compareQuery>,
): Promise<CompareAnswer> {
  const rowsFrom = (source: Source) => allRows(source, { ...query, judging: undefined }, new Map());
  return {
    a: await evaluationSummary(a),
    b: await evaluationSummary(b),
    ...comparisonOf(await rowsFrom(a), await rowsFrom(b), query),
  };
}
