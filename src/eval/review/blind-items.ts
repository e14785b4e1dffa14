/** Drawn candidates as what raters see, and as what the key says of it. */
import { defined } from '../../core/errors.ts';
import { rngFromKey } from '../../core/rng.ts';
import type { Candidate } from './draw-items.ts';
import type { KeyItem, ReviewItem, ReviewKey } from './review-set.ts';
import { readAnswers, readSampleRows, type StoredEvaluation } from './stored-answers.ts';

export type DrawnItem = Candidate & {
  /** Says nothing of task or model. */
  readonly id: string;
};

type BlindItem = {
  readonly item: Omit<ReviewItem, 'images'>;
  readonly key: KeyItem;
  readonly hasImages: boolean;
};

type Blinding = {
  readonly seed: number;
  readonly judgings: ReviewKey['judgings'];
  readonly showReference: boolean;
};

/** @param drawn all of one task */
export async function blindItems(
  evaluations: readonly StoredEvaluation[],
  taskId: string,
  drawn: readonly DrawnItem[],
  { seed, judgings, showReference }: Blinding,
): Promise<BlindItem[]> {
  const samples = await readSampleRows(evaluations, taskId);
  const answers = await Promise.all(evaluations.map((each) => readAnswers(each, taskId)));
  return drawn.map(({ id, sampleId, models }) => {
    const row = defined(samples.get(sampleId), 'drawn sample');
    const shown = rngFromKey(`${seed}/review/${id}`)
      .shuffle(models)
      .map((model) => ({ model, answer: defined(answers[model]?.get(sampleId), 'drawn answer') }));
    return {
      item: {
        id,
        question: row.question,
        ...(showReference ? { reference: row.reference } : {}),
        answers: shown.map(({ answer }) => answer.text),
      },
      key: {
        id,
        task: taskId,
        sampleId,
        kind: row.kind,
        cluster: row.cluster,
        reference: row.reference,
        accepted: row.accepted,
        answers: shown.map(({ model, answer }) => ({
          model,
          scores: judgings.map(({ digest }) => answer.scores.get(digest) ?? null),
        })),
      },
      hasImages: row.images.length > 0,
    };
  });
}
