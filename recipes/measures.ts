/** What the recipes' studies share: files that are there, means, and what sampled answers come to. */
import { access } from 'node:fs/promises';
import { isCorrect } from '../src/train/before-after.ts';
import type { ScoredRollout } from '../src/train/score-rollouts.ts';

export async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

export const percent = (value: number) => (100 * value).toFixed(1);

/** Shares of the questions: right answers, and those with a right one among all k. */
export type Passes = { readonly pass1: number; readonly passK: number };

/** @param answers k to each question, question by question */
export function passesOf(answers: readonly ScoredRollout[], k: number): Passes {
  const right = rightByQuestion(answers, k);
  return { pass1: mean(right.map(mean)), passK: mean(right.map((one) => Math.max(...one))) };
}

/** Right (1) or wrong (0), for each question its k answers. */
export function rightByQuestion(answers: readonly ScoredRollout[], k: number): number[][] {
  const right = answers.map((answer) => Number(isCorrect(answer)));
  return Array.from({ length: right.length / k }, (_, question) =>
    right.slice(question * k, (question + 1) * k),
  );
}
