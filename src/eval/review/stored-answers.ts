/** Answers and verdicts of an evaluation, as its results folder holds them. */
import type { ZodType } from 'zod';
import { digestOf, digestOfBytes } from '../../core/digest.ts';
import { defined } from '../../core/errors.ts';
import { answerOf } from '../judging/answer-of.ts';
import {
  judgingNames,
  readEvalManifest,
  readJudgingManifest,
  resultsFile,
} from '../results/layout.ts';
import {
  type AnswerKey,
  type EvalManifest,
  responseRowSchema,
  type SampleRow,
  sampleRowSchema,
  type VerdictRow,
  verdictRowSchema,
} from '../results/records.ts';
import { readRows } from '../results/rows.ts';
import type { ReviewKey } from './review-set.ts';

export type StoredEvaluation = {
  readonly folder: string;
  readonly manifest: EvalManifest;
  readonly judgings: ReviewKey['judgings'];
};

export type StoredAnswer = {
  /** Without the model's thinking. */
  readonly text: string;
  /** By digest of the judging; a judging without a score is absent. */
  readonly scores: ReadonlyMap<string, number>;
  /** Votes of a judging, or rule and judge, came to different verdicts. */
  readonly isContested: boolean;
};

/** @throws MedixError 'run' where the folder holds no evaluation. */
export async function openStoredEvaluation(folder: string): Promise<StoredEvaluation> {
  const manifest = await readEvalManifest(folder);
  const judgings: ReviewKey['judgings'] = [];
  for (const name of await judgingNames(folder)) {
    const { mode, votes, judges } = await readJudgingManifest(folder, name);
    const digest = digestOf([mode, votes, judges.map((judge) => judge.digest)]);
    judgings.push({ name, judges: judges.map(({ id }) => id), digest });
  }
  return { folder, manifest, judgings };
}

/** What was asked, by sample id; evaluations of the same samples have the same rows. */
export async function readSampleRows(
  [evaluation]: readonly StoredEvaluation[],
  taskId: string,
): Promise<Map<string, SampleRow>> {
  const rows = new Map<string, SampleRow>();
  const file = resultsFile.samples(defined(evaluation, 'evaluation').folder, taskId);
  for await (const { value } of readRows(file, sampleRowSchema)) rows.set(value.id, value);
  return rows;
}

/** The first answer to each unchanged question, by sample id; without those that say nothing. */
export async function readAnswers(
  evaluation: StoredEvaluation,
  taskId: string,
): Promise<Map<string, StoredAnswer>> {
  const verdictsOf = await readVerdicts(evaluation, taskId);
  const answers = new Map<string, StoredAnswer>();
  const responses = await lastRows(
    resultsFile.responses(evaluation.folder, taskId),
    responseRowSchema,
  );
  for (const [sampleId, { outcome }] of responses) {
    if (outcome.kind !== 'answered') continue;
    const found = answerOf(outcome.text);
    if (found.kind !== 'answer') continue;
    const verdicts = verdictsOf(sampleId, digestOfBytes(outcome.text));
    answers.set(sampleId, { text: found.text, ...judged(verdicts) });
  }
  return answers;
}

type JudgedRow = { readonly judgingDigest: string; readonly row: VerdictRow };

/** A verdict on another response than the last one is none. */
async function readVerdicts({ folder, judgings }: StoredEvaluation, taskId: string) {
  const read: { readonly judgingDigest: string; readonly rows: Map<string, VerdictRow> }[] = [];
  for (const { name, digest } of judgings) {
    const file = resultsFile.verdicts(folder, name, taskId);
    read.push({ judgingDigest: digest, rows: await lastRows(file, verdictRowSchema) });
  }
  return (sampleId: string, responseDigest: string): JudgedRow[] =>
    read.flatMap(({ judgingDigest, rows }) => {
      const row = rows.get(sampleId);
      return row?.responseDigest === responseDigest ? [{ judgingDigest, row }] : [];
    });
}

/** The rows that count, by sample id, of what is reviewed: first answers to unchanged questions. */
async function lastRows<T extends AnswerKey>(
  path: string,
  schema: ZodType<T>,
): Promise<Map<string, T>> {
  const rows = new Map<string, T>();
  for await (const { value } of readRows(path, schema)) {
    if (value.variant === 'original' && value.epoch === 0) rows.set(value.sampleId, value);
  }
  return rows;
}

/** Whether a score counts as a right answer; reports have fifths, everything else 0 and 1. */
export function isRight(score: number): boolean {
  return score >= 0.5;
}

function judged(verdicts: readonly JudgedRow[]): Pick<StoredAnswer, 'scores' | 'isContested'> {
  const scores = new Map<string, number>();
  let isContested = false;
  for (const { judgingDigest, row } of verdicts) {
    const said = row.votes.flatMap(({ outcome }) =>
      outcome.kind === 'judged' ? [isRight(outcome.score)] : [],
    );
    if (row.outcome.kind === 'scored') {
      scores.set(judgingDigest, row.outcome.score);
      said.push(isRight(row.outcome.score));
    }
    if (typeof row.ruleCorrect === 'boolean') said.push(row.ruleCorrect);
    isContested ||= new Set(said).size > 1;
  }
  return { scores, isContested };
}
