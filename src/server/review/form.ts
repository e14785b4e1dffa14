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

/**
 * The fields of a form as the page sends it, each once: of several the last one counts.
 * @returns undefined where it is another form, or no text that can be read
 */
export function readFormFields(
  contentType: string | undefined,
  body: string,
): Readonly<Record<string, string>> | undefined {
  const [type = ''] = (contentType ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/x-www-form-urlencoded') return undefined;
  const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
  try {
    const pairs = body.split('&').map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return [decode(name), decode(value.join('='))] as const;
    });
    return Object.fromEntries(pairs);
  } catch {
    // Escapes that are no UTF-8.
    return undefined;
  }
}

/** @param answers how many the page showed: with two, a preference is asked for. */
export function readForm(fields: Readonly<Record<string, string>>, answers: number): ReadForm {
  const given = Array.from(
    { length: answers },
    (_, side) => gradeSchema.safeParse(fields[`grade${side}`]).data,
  );
  const preference = preferenceSchema.safeParse(fields['preference']).data;
  // Forms send line ends as CR LF and count each as two characters.
  const comment = (fields['comment'] ?? '').replaceAll('\r\n', '\n').trim();
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
