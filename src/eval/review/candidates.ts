/** Which answers of a task could be shown to raters. */
import type { Candidate } from './draw-items.ts';
import type { Review } from './review-set.ts';
import {
  isRight,
  readAnswers,
  readSampleRows,
  type StoredAnswer,
  type StoredEvaluation,
} from './stored-answers.ts';

export type TaskCandidates = {
  readonly taskId: string;
  readonly candidates: readonly Candidate[];
  /** Samples that a model gave no answer to. */
  readonly unanswered: number;
  /** Pairs of identical answers. */
  readonly identical: number;
};

export async function findCandidates(
  evaluations: readonly StoredEvaluation[],
  taskId: string,
  kind: Review['kind'],
): Promise<TaskCandidates> {
  const samples = await readSampleRows(evaluations, taskId);
  const answers = await Promise.all(evaluations.map((each) => readAnswers(each, taskId)));
  const places = evaluations.map((_, place) => place);
  const shownTogether = kind === 'pairs' ? [places] : places.map((place) => [place]);
  const candidates: Candidate[] = [];
  let unanswered = 0;
  let identical = 0;
  for (const sampleId of samples.keys()) {
    for (const models of shownTogether) {
      const shown = models.flatMap((place) => answers[place]?.get(sampleId) ?? []);
      if (shown.length < models.length) unanswered++;
      else if (isSameTwice(shown)) identical++;
      else candidates.push({ taskId, sampleId, models, isDisputed: isDisputed(shown) });
    }
  }
  return { taskId, candidates, unanswered, identical };
}

function isSameTwice([one, other]: readonly StoredAnswer[]): boolean {
  return other !== undefined && one?.text === other.text;
}

function isDisputed(answers: readonly StoredAnswer[]): boolean {
  const verdicts = answers.flatMap(({ scores }) => [...scores.values()].map(isRight));
  return new Set(verdicts).size > 1 || answers.some(({ isContested }) => isContested);
}
