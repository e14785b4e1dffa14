/**
 * The held-out questions of the quickstart, asked three times: with their images, with grey ones, and with those of
 * other studies. An answer that is right all the same was not read off the image.
 */
import { defined } from '../../core/errors.ts';
import { type PhantomKey, phantomStudy } from '../../data/phantoms/study.ts';
import { saysReading } from '../../reward/components/reading.ts';
import { isCorrect } from '../../train/before-after.ts';
import { imageVariants } from '../../train/image-variants.ts';
import type { SampleSet } from '../../train/sample-order.ts';
import type { ScoredRollout } from '../../train/score-rollouts.ts';

/** Answers to the same questions in the same order. */
export type HeldOutAnswers = Readonly<Record<'own' | 'blank' | 'other', readonly ScoredRollout[]>>;

/** Shares in [0, 1]. */
type BeforeAfter = { readonly before: number; readonly after: number };

export type Sight = {
  /** Right answers by kind of question, with their number. */
  readonly byKind: Readonly<Record<string, BeforeAfter & { readonly questions: number }>>;
  /** Answers whose thinking says what can be read off the image, in the same words. */
  readonly readingAccuracy: BeforeAfter;
  /** Right answers to grey images. */
  readonly blindAccuracy: BeforeAfter;
  /** Right answers less those that are right with the image of another study of the same modality. */
  readonly imageDependence: BeforeAfter;
};

/** @param ask answers to a set of samples, in its order */
export async function answerHeldOut(
  samples: SampleSet,
  ask: (samples: SampleSet) => Promise<readonly ScoredRollout[]>,
): Promise<HeldOutAnswers> {
  const variants = imageVariants(samples);
  const own = await ask(variants.own);
  const blank = await ask(variants.blank);
  const other = await ask(variants.other);
  return { own, blank, other };
}

/** @param kindOf the kind of a question, by the id of its sample */
export function sightOf(
  before: HeldOutAnswers,
  after: HeldOutAnswers,
  kindOf: (id: string) => string,
): Sight {
  const compared = (measured: (answers: HeldOutAnswers) => number): BeforeAfter => {
    return { before: measured(before), after: measured(after) };
  };
  const kinds = [...new Set(before.own.map(({ rollout }) => kindOf(rollout.sample.id)))].sort();
  const ofKind = (kind: string, { own }: HeldOutAnswers) =>
    own.filter(({ rollout }) => kindOf(rollout.sample.id) === kind);
  return {
    byKind: Object.fromEntries(
      kinds.map((kind) => [
        kind,
        {
          questions: ofKind(kind, before).length,
          ...compared((answers) => shareOf(ofKind(kind, answers), isCorrect)),
        },
      ]),
    ),
    readingAccuracy: compared(({ own }) => shareOf(own, hasReadAll)),
    blindAccuracy: compared(({ blank }) => shareOf(blank, isCorrect)),
    imageDependence: compared(
      ({ own, other }) => shareOf(own, isCorrect) - shareOf(other, isCorrect),
    ),
  };
}

/** The kind of each question of a set of phantoms, by the id of its sample. */
export function phantomKinds(key: Omit<PhantomKey, 'index'>, size: number): (id: string) => string {
  const studies = Array.from({ length: size }, (_, index) => phantomStudy({ ...key, index }));
  const kinds = new Map(studies.map(({ id, question }) => [id, question.kind]));
  return (id) => defined(kinds.get(id), `kind of the question of ${id}`);
}

function hasReadAll({ rollout: { sample, text } }: ScoredRollout): boolean {
  return saysReading(text, defined(sample.reading, `reading of ${sample.id}`));
}

/** Over the answers that have a score. */
function shareOf(
  answers: readonly ScoredRollout[],
  holds: (scored: ScoredRollout) => boolean,
): number {
  const scored = answers.filter(({ outcome }) => outcome.kind === 'scored');
  return scored.filter(holds).length / scored.length;
}
