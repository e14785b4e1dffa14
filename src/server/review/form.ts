/** What a rater's form sent. */
import { z } from 'zod';
import {
  grades,
  maxCommentCharacters,
  preferences,
  type Rating,
} from '../../eval/review/review-set.ts';
import type { FormValues } from './item-page.ts';

type ReadForm =
  | {
      readonly kind: 'complete';
      readonly rating: Pick<Rating, 'preference' | 'grades' | 'comment'>;
    }
  | {
      readonly kind: 'incomplete';
      /** To be shown again. */
      readonly values: FormValues;
      readonly problem: string;
    };

const gradeSchema = z.enum(grades);
const preferenceSchema = z.enum(preferences);

/** @param answers how many the page showed: with two, a preference is asked for. */
export function readForm(fields: Readonly<Record<string, unknown>>, answers: number): ReadForm {
  const given = Array.from(
    { length: answers },
    (_, side) => gradeSchema.safeParse(fields[`grade${side}`]).data,
  );
  const preference = preferenceSchema.safeParse(fields['preference']).data;
  const sent = fields['comment'];
  // Forms send line ends as CR LF and count each as two characters.
  const comment = typeof sent === 'string' ? sent.replaceAll('\r\n', '\n').trim() : '';
  const complete = given.filter((grade) => grade !== undefined);
  const isPair = answers > 1;
  const missing = complete.length < answers || (isPair && preference === undefined);
  if (missing || comment.length > maxCommentCharacters) {
    return {
      kind: 'incomplete',
      values: { ...(preference ? { preference } : {}), grades: given, comment },
      problem: missing
        ? `Not saved yet: please say how correct ${isPair ? 'each answer is, and which is better' : 'the answer is'}.`
        : `Not saved yet: a comment has at most ${maxCommentCharacters} characters.`,
    };
  }
  return {
    kind: 'complete',
    rating: { ...(isPair && preference ? { preference } : {}), grades: complete, comment },
  };
}
