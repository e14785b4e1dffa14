/** What most raters say of an answer, as labels for `medix judge certify`. */
import type { GradedAnswer } from './observations.ts';
import type { Grade, KeyItem, Review } from './review-set.ts';

export type RatedAnswer = {
  readonly item: KeyItem;
  readonly place: number;
  /**
   * The grade of more than half of those who could tell; undefined where there is none. No grade wins by
   * being a little more frequent than each other one.
   */
  readonly majority: Exclude<Grade, 'unclear'> | undefined;
};

/** A row of the file that `medix judge certify` takes as `probes`. */
export type Label = {
  readonly id: string;
  readonly category: string;
  readonly question: string;
  readonly reference: string;
  readonly accepted?: readonly string[];
  readonly answer: string;
  readonly correct: boolean;
};

/** Each rated answer once, in the order of items. */
export function majorities(graded: readonly GradedAnswer[]): RatedAnswer[] {
  const byAnswer = new Map<string, GradedAnswer[]>();
  for (const one of graded) {
    const key = labelId(one);
    const others = byAnswer.get(key);
    if (others) others.push(one);
    else byAnswer.set(key, [one]);
  }
  return [...byAnswer]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, [first, ...others]]) => {
      if (first === undefined) return [];
      const said = [first, ...others].flatMap(({ grade }) => (grade === 'unclear' ? [] : [grade]));
      const majority = said.find(
        (grade) => said.filter((other) => other === grade).length > said.length / 2,
      );
      return [{ item: first.item, place: first.place, majority }];
    });
}

/**
 * Labels of answers that most raters call correct, or wrong; partly correct ones are neither. Reports have
 * none, since a judge gives them a degree.
 */
export function labelsOf({ items }: Review, rated: readonly RatedAnswer[]): Label[] {
  const itemOf = new Map(items.map((item) => [item.id, item]));
  return rated.flatMap(({ item, place, majority }): Label[] => {
    const shown = itemOf.get(item.id);
    const answer = shown?.answers[place];
    if (shown === undefined || answer === undefined || item.kind === 'report') return [];
    if (majority !== 'correct' && majority !== 'wrong') return [];
    return [
      {
        id: labelId({ item, place }),
        category: item.task,
        question: shown.question,
        reference: item.reference,
        ...(item.accepted.length > 0 ? { accepted: item.accepted } : {}),
        answer,
        correct: majority === 'correct',
      },
    ];
  });
}

function labelId({ item, place }: Pick<GradedAnswer, 'item' | 'place'>): string {
  return `${item.id}-${place + 1}`;
}
