/** Which option each stored answer takes, read from a results folder. */
import { digestOfBytes } from '../../core/digest.ts';
import { readChoice } from '../judging/choice.ts';
import { resultsFile } from '../results/layout.ts';
import {
  type ResponseRow,
  responseRowSchema,
  type SampleRow,
  sampleRowSchema,
  type VerdictRow,
  verdictRowSchema,
} from '../results/records.ts';
import { readRows, textOfKey } from '../results/rows.ts';
import type { OptionAnswer } from './option-permutation.ts';

/**
 * Judged answers to the task's multiple-choice questions, original and permuted. Of each answer only the
 * chosen option is kept.
 */
export async function readOptionAnswers(
  folder: string,
  judgingName: string,
  taskId: string,
): Promise<OptionAnswer[]> {
  const samples = await readSamples(folder, taskId);
  if (samples.size === 0) return [];
  const asked = await readAsked(folder, taskId);
  const answers = new Map<string, OptionAnswer>();
  const path = resultsFile.verdicts(folder, judgingName, taskId);
  for await (const { value } of readRows(path, verdictRowSchema)) {
    const sample = samples.get(value.sampleId);
    const question = asked.get(textOfKey(value));
    const answer = sample && question && optionAnswerOf(value, sample, question);
    if (answer) answers.set(textOfKey(value), { taskId, ...answer });
  }
  return [...answers.values()];
}

type Sample = Pick<SampleRow, 'choices' | 'cluster' | 'reference'>;

async function readSamples(folder: string, taskId: string): Promise<Map<string, Sample>> {
  const samples = new Map<string, Sample>();
  for await (const { value } of readRows(resultsFile.samples(folder, taskId), sampleRowSchema)) {
    const { id, choices, cluster, reference } = value;
    if (choices.length > 1) samples.set(id, { choices, cluster, reference });
  }
  return samples;
}

/** Undefined for a verdict on another response than the last one, and in variants of the image. */
function optionAnswerOf(
  { sampleId, variant, epoch, answer, outcome, responseDigest }: VerdictRow,
  sample: Sample,
  asked: Asked,
): Omit<OptionAnswer, 'taskId'> | undefined {
  if (asked.digest !== responseDigest) return undefined;
  if (variant !== 'original' && variant !== 'permuted-options') return undefined;
  const choices = asked.choices ?? sample.choices;
  const right = choices.find(({ text }) => text === sample.reference);
  if (!right) return undefined;
  return {
    sampleId,
    variant,
    epoch,
    cluster: sample.cluster,
    score: outcome.kind === 'scored' ? outcome.score : null,
    offered: choices.map(({ letter }) => letter),
    right: right.letter,
    taken: readChoice(answer, choices) ?? null,
  };
}

type Asked = { readonly choices: SampleRow['choices'] | undefined; readonly digest: string };

async function readAsked(folder: string, taskId: string): Promise<Map<string, Asked>> {
  const asked = new Map<string, Asked>();
  for await (const { value } of readRows(
    resultsFile.responses(folder, taskId),
    responseRowSchema,
  )) {
    const found = askedOf(value);
    if (found) asked.set(textOfKey(value), found);
    else asked.delete(textOfKey(value));
  }
  return asked;
}

function askedOf({ outcome, asked }: ResponseRow): Asked | undefined {
  if (outcome.kind === 'failed') return undefined;
  return { choices: asked?.choices, digest: digestOfBytes(outcome.text) };
}
