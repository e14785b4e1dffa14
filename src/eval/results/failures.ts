/** What is missing in a results folder after a stage, and why, so that the user can mend the cause. */
import { digestOfBytes } from '../../core/digest.ts';
import type { Expected } from './joined-answers.ts';
import { resultsFile } from './layout.ts';
import { notApplicable, responseRowSchema, sampleRowSchema, verdictRowSchema } from './records.ts';
import { keysOf, readRows, textOfKey } from './rows.ts';

/** Failures of one kind: their messages differ in ids, numbers and quoted text alone. */
export type FailureKind = {
  readonly cause: string;
  /** That of the first of them. */
  readonly message: string;
  readonly count: number;
};

export type Missing = {
  /** Answers, or verdicts on answers, that should be there. */
  readonly expected: number;
  readonly missing: number;
  /** Of all that is missing, the most frequent first. */
  readonly kinds: readonly FailureKind[];
};

type Failure = { readonly cause: string; readonly message: string };

/** The last outcome of an answer; the digest is that of the response. */
type Answered = { readonly digest: string } | Failure;

const notAsked: Failure = { cause: 'not-asked', message: 'nobody was asked yet' };

/** Answers that the tasks lack. @param tasks ids of tasks in the folder */
export async function missingAnswers(
  folder: string,
  tasks: readonly string[],
  expected: Expected,
): Promise<Missing> {
  const found: (Failure | undefined)[] = [];
  for (const task of tasks) {
    const answers = await readAnswers(folder, task);
    for await (const { value } of readRows(resultsFile.samples(folder, task), sampleRowSchema)) {
      for (const key of keysOf(value.id, expected.variants, expected.epochs)) {
        const answer = answers.get(textOfKey(key)) ?? notAsked;
        if ('digest' in answer) found.push(undefined);
        else if (answer.cause !== notApplicable) found.push(answer);
      }
    }
  }
  return count(found);
}

/** Verdicts that answers of the tasks lack, by one judging. */
export async function missingVerdicts(
  folder: string,
  tasks: readonly string[],
  judging: string,
): Promise<Missing> {
  const found: (Failure | undefined)[] = [];
  for (const task of tasks) {
    const open = new Map<string, Failure | undefined>();
    const answers = await readAnswers(folder, task);
    for (const [key, answer] of answers) if ('digest' in answer) open.set(key, notAsked);
    const path = resultsFile.verdicts(folder, judging, task);
    for await (const { value } of readRows(path, verdictRowSchema)) {
      const key = textOfKey(value);
      const answer = answers.get(key);
      // A verdict on another response than the one that counts is none.
      if (!answer || !('digest' in answer) || answer.digest !== value.responseDigest) continue;
      const { outcome } = value;
      open.set(key, outcome.kind === 'failed' ? outcome : undefined);
    }
    found.push(...open.values());
  }
  return count(found);
}

async function readAnswers(folder: string, task: string): Promise<Map<string, Answered>> {
  const answers = new Map<string, Answered>();
  for await (const { value } of readRows(resultsFile.responses(folder, task), responseRowSchema)) {
    const { outcome } = value;
    answers.set(
      textOfKey(value),
      outcome.kind === 'failed' ? outcome : { digest: digestOfBytes(outcome.text) },
    );
  }
  return answers;
}

function count(found: readonly (Failure | undefined)[]): Missing {
  const kinds = new Map<string, FailureKind>();
  let missing = 0;
  for (const failure of found) {
    if (failure === undefined) continue;
    missing++;
    const { cause, message } = failure;
    const kind = `${cause} ${formOf(message)}`;
    kinds.set(kind, {
      cause,
      message,
      ...kinds.get(kind),
      count: (kinds.get(kind)?.count ?? 0) + 1,
    });
  }
  return {
    expected: found.length,
    missing,
    kinds: [...kinds.values()].sort((a, b) => b.count - a.count),
  };
}

/** A message without what differs from sample to sample. */
function formOf(message: string): string {
  return message
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\bsample \S+?(?=:|\s|$)/g, 'sample')
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/g, '#')
    .replace(/[−-]?\d+(?:[.,]\d+)*/g, '#');
}
