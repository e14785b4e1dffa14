/** First stage: the model under test answers every sample in every variant, epoch by epoch. */
import type { Clock } from '../../core/async/clock.ts';
import { untilAborted } from '../../core/async/until-aborted.ts';
import type { Ledger } from '../../http/ledger.ts';
import type { Answerer, AnswerRequest } from '../answerers/answerer.ts';
import type { ResultsWriter } from '../results/folder.ts';
import { resultsFile } from '../results/layout.ts';
import {
  type AnswerKey,
  notApplicable,
  type ResponseRow,
  responseRowSchema,
  sampleRowSchema,
  type Variant,
} from '../results/records.ts';
import { keysOf, readRows, textOfKey } from '../results/rows.ts';
import type { EvalSample } from '../tasks/sample.ts';
import { applyVariant } from '../variants/apply-variant.ts';
import { isNotApplicable } from '../variants/not-applicable.ts';
import { type OpenedTask, readIllustratedSamples } from './asked-samples.ts';
import { indexSamples } from './index-samples.ts';
import { countProgress, type OnProgress, type StageEnd } from './progress.ts';
import { type Failures, inTwoPasses } from './second-pass.ts';

export type GenerateOptions = {
  readonly results: ResultsWriter;
  readonly tasks: readonly OpenedTask[];
  readonly answerer: Answerer;
  readonly variants: readonly Variant[];
  readonly epochs: number;
  /** Samples of each task; null takes all. */
  readonly limit: number | null;
  /** Answers of each task asked for by this call; absent asks for all. */
  readonly most?: number;
  /** Seed of the changes that variants make. */
  readonly seed: number;
  /** Ledger of the model under test; absent where it costs nothing. */
  readonly ledger?: Ledger;
  readonly clock: Clock;
  readonly onProgress: OnProgress;
};

/** Rows between two records of what was used: as many may be missing from the ledger after a crash. */
const usageInterval = 200;

/**
 * Asks what has no answer yet; failures of earlier runs are asked again. Every outcome is stored as it
 * comes. What fails because of the server is asked once more when all tasks are through, unless `most`
 * bounds this call. Ends by itself, or with the signal's reason when it aborts; what came before is kept.
 */
export function generate(options: GenerateOptions, signal: AbortSignal): Promise<StageEnd> {
  const { results, tasks, limit, most, onProgress, ledger } = options;
  return inTwoPasses(tasks, most !== undefined, async (task, failures, only) => {
    await indexSamples(results, task, limit, onProgress, signal);
    const end = await generateTask(task, options, failures, signal, only);
    if (ledger) await results.saveUsage(ledger.summary());
    return end;
  });
}

type Request = AnswerRequest & { readonly asked?: ResponseRow['asked'] };

/** @param only keys to ask again; left out, all that are not settled */
async function generateTask(
  opened: OpenedTask,
  options: GenerateOptions,
  failures: Failures,
  signal: AbortSignal,
  only?: ReadonlySet<string>,
): Promise<StageEnd> {
  const { results, variants, epochs, seed, answerer, ledger, clock, onProgress } = options;
  const { most = Number.POSITIVE_INFINITY } = options;
  const taskId = opened.task.id;
  const path = resultsFile.responses(results.folder, taskId);
  const wanted = await readSampleIds(resultsFile.samples(results.folder, taskId));
  const of = wanted.size * variants.length * epochs;
  const settled = only ? undefined : await readSettledKeys(path, { wanted, variants, epochs });
  const already = settled?.size ?? of - (only?.size ?? 0);
  const counter = countProgress({ stage: 'generate', taskId }, { already, of }, clock, onProgress);
  if (already === of) return { done: 0, failed: 0 };
  let stopped: string | undefined;

  await results.appending(path, async (append) => {
    const store = async (row: ResponseRow) => {
      await append(row);
      failures.add(textOfKey(row), row.outcome);
      counter.count(row.outcome.kind === 'failed' && row.outcome.cause !== notApplicable);
      if (ledger && counter.done % usageInterval === 0) await results.saveUsage(ledger.summary());
    };
    const open = {
      variants,
      epochs,
      isOpen: (key: string) => (settled ? !settled.has(key) : only?.has(key) === true),
      seed,
      most,
      isOver: () => stopped !== undefined,
    };
    const requests = requestsFor(opened, results.folder, open, store, signal);
    for await (const { request, outcome } of answerer.answer(
      untilAborted(requests, signal),
      signal,
    )) {
      const { key, asked } = request;
      // What is under way when a cap is reached still comes in; nothing more is taken.
      if (outcome.kind === 'failed' && outcome.cause === 'cap-reached') stopped = outcome.message;
      else if (outcome.kind === 'answered' || (outcome.kind === 'failed' && !signal.aborted)) {
        await store({ ...key, ...(asked ? { asked } : {}), outcome });
      }
    }
    signal.throwIfAborted();
  });
  return {
    done: counter.done,
    failed: counter.failed,
    ...(stopped === undefined ? {} : { stopped }),
  };
}

type Wanted = {
  /** Ids of samples. */
  readonly wanted: ReadonlySet<string>;
  readonly variants: readonly Variant[];
  readonly epochs: number;
};

type OpenSample = Pick<Wanted, 'variants' | 'epochs'> & {
  readonly isOpen: (key: string) => boolean;
  readonly seed: number;
  readonly most: number;
  readonly isOver: () => boolean;
};

async function* requestsFor(
  opened: OpenedTask,
  folder: string,
  open: OpenSample,
  store: (row: ResponseRow) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<Request> {
  const { choiceTemplate } = opened.task;
  for await (const question of openQuestions(opened, folder, open, signal)) {
    const { sample, otherImages, variant, keys } = question;
    const context = { seed: open.seed, choiceTemplate, otherImages };
    const asked = await applyVariant(sample, variant, context);
    if (isNotApplicable(asked)) {
      for (const key of keys) await store({ ...key, outcome: nothingToAsk(asked.reason) });
    } else yield* keys.map((key) => requestOf(key, sample, asked));
  }
}

/** A sample in one variant, with the epochs that have no answer yet; in the order of the task. */
async function* openQuestions(
  opened: OpenedTask,
  folder: string,
  { isOpen, variants, epochs, most, isOver }: OpenSample,
  signal: AbortSignal,
) {
  let left = most;
  const open = async () => opened;
  const needs = { otherImages: variants.includes('wrong-image') };
  const samples = readIllustratedSamples(folder, opened.task.id, open, needs, signal);
  for await (const { sample, otherImages } of samples) {
    for (const variant of variants) {
      const keys = keysOf(sample.id, [variant], epochs)
        .filter((key) => isOpen(textOfKey(key)))
        .slice(0, left);
      if (isOver() || left === 0) return;
      left -= keys.length;
      if (keys.length > 0) yield { sample, otherImages, variant, keys };
    }
  }
}

function nothingToAsk(message: string): ResponseRow['outcome'] {
  return { kind: 'failed', cause: notApplicable, message };
}

function requestOf(key: AnswerKey, original: EvalSample, asked: EvalSample): Request {
  const { problem, choices } = asked;
  const isChanged = problem !== original.problem;
  return {
    key,
    sample: asked,
    ...(isChanged ? { asked: { question: problem, choices: [...choices] } } : {}),
  };
}

async function readSampleIds(path: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { value } of readRows(path, sampleRowSchema)) ids.add(value.id);
  return ids;
}

/** Keys whose last row is an answer, or says that there is nothing to ask. */
async function readSettledKeys(
  path: string,
  { wanted, variants, epochs }: Wanted,
): Promise<Set<string>> {
  const settled = new Set<string>();
  for await (const { value } of readRows(path, responseRowSchema)) {
    const { sampleId, variant, epoch, outcome } = value;
    if (!wanted.has(sampleId) || !variants.includes(variant) || epoch >= epochs) continue;
    const isSettled = outcome.kind === 'answered' || outcome.cause === notApplicable;
    if (isSettled) settled.add(textOfKey(value));
    else settled.delete(textOfKey(value));
  }
  return settled;
}
