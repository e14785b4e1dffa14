/**
 * Joins samples, responses and verdicts of a task; scores, comparisons and reports are computed from these.
 */
import { digestOfBytes } from '../../core/digest.ts';
import { resultsFile } from './layout.ts';
import {
  type AnswerKey,
  notApplicable,
  type ResponseRow,
  responseRowSchema,
  type SampleRow,
  sampleRowSchema,
  type Variant,
  type VerdictRow,
  verdictRowSchema,
} from './records.ts';
import { keysOf, readRows, textOfKey } from './rows.ts';

/** What scoring needs of a sample. */
type SampleFacts = Pick<SampleRow, 'id' | 'index' | 'kind' | 'cluster' | 'subgroups'>;

type AnswerFacts =
  | {
      readonly kind: 'answered';
      readonly truncated: boolean;
      readonly latencyMs: number;
      readonly tokens?: { readonly prompt: number; readonly completion: number };
    }
  | { readonly kind: 'failed'; readonly cause: string };

type VerdictFacts = Pick<VerdictRow, 'ruleCorrect' | 'metrics'> & {
  readonly outcome:
    | { readonly kind: 'scored'; readonly score: number }
    | { readonly kind: 'failed'; readonly cause: string };
};

/** One expected answer. */
export type JoinedAnswer = {
  readonly taskId: string;
  readonly key: AnswerKey;
  readonly sample: SampleFacts;
  /** Undefined where nobody has asked. */
  readonly answer: AnswerFacts | undefined;
  /** Undefined where nobody has judged this very answer. */
  readonly verdict: VerdictFacts | undefined;
};

/** Whether the variant changes nothing in the sample, so that there is nothing to answer. */
export function isNotApplicable({ answer }: JoinedAnswer): boolean {
  return answer?.kind === 'failed' && answer.cause === notApplicable;
}

/** Which answers of a task are expected. */
export type Expected = { readonly variants: readonly Variant[]; readonly epochs: number };

/** Options of a multiple-choice question, where they are kept. */
type Options = Pick<SampleRow, 'choices' | 'reference'>;

/** What the files of a task hold, each read once; the last row of a key counts. */
export type TaskRows = {
  readonly taskId: string;
  readonly samples: readonly (SampleFacts & { readonly options?: Options })[];
  /** By the text of their key. */
  readonly answers: ReadonlyMap<string, KeptAnswer>;
  /** Verdicts on the answers that count, by judging and then by the text of their key. */
  readonly verdicts: ReadonlyMap<string, ReadonlyMap<string, KeptVerdict>>;
};

type KeptAnswer = {
  readonly facts: AnswerFacts;
  /** Of the response; undefined where there is none. */
  readonly digest: string | undefined;
  /** The options as the model was shown them, where they were changed and are kept. */
  readonly choices?: SampleRow['choices'];
};

type KeptVerdict = {
  readonly key: AnswerKey;
  readonly facts: VerdictFacts;
  /** What the judge saw of an answer to a multiple-choice question, where options are kept. */
  readonly answer?: string;
};

/**
 * Reads each file of a task once. Memory holds a few hundred bytes for each answer, and with `keepOptions` the
 * options and answers of multiple-choice questions, as they are and with their options permuted.
 */
export async function readTaskRows(
  folder: string,
  taskId: string,
  judgings: readonly string[],
  { keepOptions }: { readonly keepOptions: boolean },
): Promise<TaskRows> {
  const samples: TaskRows['samples'][number][] = [];
  const withOptions = new Set<string>();
  for await (const { value } of readRows(resultsFile.samples(folder, taskId), sampleRowSchema)) {
    const { id, index, kind, cluster, subgroups, choices, reference } = value;
    const hasOptions = keepOptions && choices.length > 1;
    if (hasOptions) withOptions.add(id);
    const facts = { id, index, kind, cluster, subgroups };
    samples.push(hasOptions ? { ...facts, options: { choices, reference } } : facts);
  }
  const answers = new Map<string, KeptAnswer>();
  const responses = resultsFile.responses(folder, taskId);
  for await (const { value } of readRows(responses, responseRowSchema)) {
    answers.set(textOfKey(value), keptAnswer(value, withOptions.has(value.sampleId)));
  }
  const verdicts = new Map<string, Map<string, KeptVerdict>>();
  for (const name of judgings) {
    const kept = new Map<string, KeptVerdict>();
    verdicts.set(name, kept);
    const path = resultsFile.verdicts(folder, name, taskId);
    for await (const { value } of readRows(path, verdictRowSchema)) {
      const text = textOfKey(value);
      // A verdict on another response than the one that counts is none.
      if (answers.get(text)?.digest !== value.responseDigest) continue;
      kept.set(text, keptVerdict(value, withOptions.has(value.sampleId)));
    }
  }
  return { taskId, samples: samples.sort((a, b) => a.index - b.index), answers, verdicts };
}

/** All answers that there should be, by sample, variant and epoch, whatever the order of rows in the files. */
export function joinAnswers(
  { taskId, samples, answers, verdicts }: TaskRows,
  judgingName: string,
  { variants, epochs }: Expected,
): JoinedAnswer[] {
  const judged = verdicts.get(judgingName);
  return samples.flatMap(({ options: _, ...sample }) =>
    keysOf(sample.id, variants, epochs).map((key) => {
      const text = textOfKey(key);
      const answer = answers.get(text)?.facts;
      return { taskId, key, sample, answer, verdict: judged?.get(text)?.facts };
    }),
  );
}

/** @param judgingName name of the judging whose verdicts are taken */
export async function readJoinedAnswers(
  folder: string,
  judgingName: string,
  taskId: string,
  expected: Expected,
): Promise<JoinedAnswer[]> {
  const rows = await readTaskRows(folder, taskId, [judgingName], { keepOptions: false });
  return joinAnswers(rows, judgingName, expected);
}

function keptAnswer({ outcome, asked }: ResponseRow, keepsOptions: boolean): KeptAnswer {
  if (outcome.kind === 'failed') {
    return { facts: { kind: 'failed', cause: outcome.cause }, digest: undefined };
  }
  const { text, stopReason, latencyMs, tokens } = outcome;
  const truncated = stopReason === 'length';
  return {
    facts: { kind: 'answered', truncated, latencyMs, ...(tokens ? { tokens } : {}) },
    digest: digestOfBytes(text),
    ...(keepsOptions && asked ? { choices: asked.choices } : {}),
  };
}

function keptVerdict(row: VerdictRow, keepsOptions: boolean): KeptVerdict {
  const { sampleId, variant, epoch, outcome, ruleCorrect, metrics } = row;
  const isKept = keepsOptions && (variant === 'original' || variant === 'permuted-options');
  return {
    key: { sampleId, variant, epoch },
    facts: {
      outcome: outcome.kind === 'scored' ? outcome : { kind: 'failed', cause: outcome.cause },
      ...(ruleCorrect === undefined ? {} : { ruleCorrect }),
      ...(metrics === undefined ? {} : { metrics }),
    },
    ...(isKept ? { answer: row.answer } : {}),
  };
}
