/** Second stage: every answer gets a verdict. */
import type { Clock } from '../../core/async/clock.ts';
import { inWindow } from '../../core/async/in-window.ts';
import { untilAborted } from '../../core/async/until-aborted.ts';
import { digestOfBytes } from '../../core/digest.ts';
import type { Judging, JudgingItem } from '../judging/judging.ts';
import type { ResultsWriter } from '../results/folder.ts';
import { resultsFile } from '../results/layout.ts';
import {
  type AnswerKey,
  type ResponseRow,
  responseRowSchema,
  storedVerdict,
  type VerdictRow,
  variants,
  verdictRowSchema,
} from '../results/records.ts';
import { keysOf, RowFile, readRows, textOfKey } from '../results/rows.ts';
import type { EvalSample } from '../tasks/sample.ts';
import { type OpenedTask, readAskedSamples, readIllustratedSamples } from './asked-samples.ts';
import { countProgress, type OnProgress, type StageEnd } from './progress.ts';
import { type Failures, inTwoPasses } from './second-pass.ts';

export type JudgeStageOptions = {
  readonly results: ResultsWriter;
  /** Ids of the tasks whose answers are judged. */
  readonly tasks: readonly string[];
  /** Where images are read from again, for judges that see them. */
  readonly openTask: (id: string) => Promise<OpenedTask>;
  /** Names the judging in the folder. */
  readonly name: string;
  readonly judging: Judging;
  /** Answers held at once: somewhat more than the judges work on side by side. */
  readonly window: number;
  /** Answers of each task judged by this call; absent judges all. */
  readonly most?: number;
  readonly clock: Clock;
  readonly onProgress: OnProgress;
};

/** Verdicts between two records of what was used: as many may be missing from the ledger after a crash. */
const usageInterval = 200;

/**
 * Judges what has no verdict yet, or one on another response; failed verdicts of earlier runs are asked
 * again. Every verdict is stored as it comes. What fails because of a judge's server is asked once more when
 * all tasks are through, unless `most` bounds this call.
 *
 * @throws MedixError 'run' where the folder's judging of this name is by others
 */
export async function judgeResponses(
  options: JudgeStageOptions,
  signal: AbortSignal,
): Promise<StageEnd> {
  const { results, tasks, name, judging, most } = options;
  const manifest = await results.openJudging(name, judging.describe);
  const saveUsage = () => results.saveJudging(name, { ...manifest, ledger: judging.usage() });
  return inTwoPasses(tasks, most !== undefined, async (task, failures, only) => {
    const end = await judgeTask(task, options, saveUsage, failures, signal, only);
    await saveUsage();
    return end;
  });
}

type StoredResponse = {
  readonly key: AnswerKey;
  readonly offset: number;
  readonly bytes: number;
  readonly digest: string;
};

/** @param only keys to judge again; left out, all that have no verdict */
async function judgeTask(
  taskId: string,
  options: JudgeStageOptions,
  saveUsage: () => Promise<void>,
  failures: Failures,
  signal: AbortSignal,
  only?: ReadonlySet<string>,
): Promise<StageEnd> {
  const { results, name, judging, window, clock, onProgress } = options;
  const responsesPath = resultsFile.responses(results.folder, taskId);
  const path = resultsFile.verdicts(results.folder, name, taskId);
  const answered = await findAnswers(responsesPath);
  const open = only
    ? new Map([...answered].filter(([key]) => only.has(key)))
    : await withoutVerdict(answered, path);
  const position = { already: answered.size - open.size, of: answered.size };
  const counter = countProgress({ stage: 'judge', taskId }, position, clock, onProgress);
  if (open.size === 0) return { done: 0, failed: 0 };
  const responses = await RowFile.open(responsesPath, responseRowSchema);
  let stopped: string | undefined;

  const judgeOne = async ({ stored, sample }: OpenAnswer) => {
    const response = await responses.read(stored);
    const verdict = await judging.judge(itemOf(response, sample), signal);
    return { ...stored.key, responseDigest: stored.digest, ...verdict } satisfies VerdictRow;
  };
  try {
    await results.appending(path, async (append) => {
      const items = openItems(taskId, open, options, () => stopped !== undefined, signal);
      for await (const verdict of inWindow(untilAborted(items, signal), window, judgeOne)) {
        // What was judged before the signal is kept; what failed since may have failed by it.
        if (signal.aborted && verdict.outcome.kind === 'failed') continue;
        const isFailed = verdict.outcome.kind === 'failed';
        const cap = isFailed ? judging.capReached() : undefined;
        // What is under way when a cap is reached still comes in; what found it reached stays open.
        stopped ??= cap;
        if (cap !== undefined) continue;
        await append(storedVerdict(verdict));
        const votes = verdict.votes.map(({ outcome }) => outcome);
        failures.add(textOfKey(verdict), verdict.outcome, votes);
        counter.count(isFailed);
        if (counter.done % usageInterval === 0) await saveUsage();
      }
      signal.throwIfAborted();
    });
  } finally {
    await responses.close();
  }
  const { done, failed } = counter;
  return { done, failed, ...(stopped === undefined ? {} : { stopped }) };
}

type OpenAnswer = { readonly stored: StoredResponse; readonly sample: EvalSample };

async function* openItems(
  taskId: string,
  open: ReadonlyMap<string, StoredResponse>,
  options: JudgeStageOptions,
  isOver: () => boolean,
  signal: AbortSignal,
): AsyncGenerator<OpenAnswer> {
  const epochs = 1 + [...open.values()].reduce((most, { key }) => Math.max(most, key.epoch), 0);
  let { most: left = Number.POSITIVE_INFINITY } = options;
  for await (const sample of samplesOf(taskId, options, signal)) {
    for (const key of keysOf(sample.id, variants, epochs)) {
      const stored = open.get(textOfKey(key));
      if (isOver() || left === 0) return;
      if (!stored) continue;
      left--;
      yield { stored, sample };
    }
  }
}

/** With images where a judge looks at them. */
async function* samplesOf(
  taskId: string,
  { results: { folder }, judging, openTask }: JudgeStageOptions,
  signal: AbortSignal,
): AsyncGenerator<EvalSample> {
  if (!judging.seesImages) {
    yield* readAskedSamples(folder, taskId, signal);
    return;
  }
  const open = () => openTask(taskId);
  const needs = { otherImages: false };
  for await (const { sample } of readIllustratedSamples(folder, taskId, open, needs, signal)) {
    yield sample;
  }
}

/** With question and choices as the model was shown them. */
function itemOf({ outcome, asked }: ResponseRow, sample: EvalSample): JudgingItem {
  const { text, truncated } =
    outcome.kind === 'answered'
      ? { text: outcome.text, truncated: outcome.stopReason === 'length' }
      : { text: '', truncated: false };
  const shown = asked ? { problem: asked.question, choices: asked.choices } : {};
  return { sample: { ...sample, ...shown }, response: text, truncated };
}

/** Where the last row of each key stands, of those that are answers. */
async function findAnswers(path: string): Promise<Map<string, StoredResponse>> {
  const answers = new Map<string, StoredResponse>();
  for await (const { value, offset, bytes } of readRows(path, responseRowSchema)) {
    const { sampleId, variant, epoch, outcome } = value;
    const text = textOfKey(value);
    if (outcome.kind === 'failed') answers.delete(text);
    else {
      const digest = digestOfBytes(outcome.text);
      answers.set(text, { key: { sampleId, variant, epoch }, offset, bytes, digest });
    }
  }
  return answers;
}

async function withoutVerdict(
  answers: ReadonlyMap<string, StoredResponse>,
  path: string,
): Promise<ReadonlyMap<string, StoredResponse>> {
  const open = new Map(answers);
  for await (const { value } of readRows(path, verdictRowSchema)) {
    const key = textOfKey(value);
    const stored = answers.get(key);
    if (stored === undefined || stored.digest !== value.responseDigest) continue;
    if (value.outcome.kind === 'scored') open.delete(key);
    else open.set(key, stored);
  }
  return open;
}
