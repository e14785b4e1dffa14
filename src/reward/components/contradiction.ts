/**
 * Sentence encoders place opposites close together ("left lung" and "right lung": 0.86), so the
 * similarity reward needs a rule for them. The paper's code has none: there, the wrong side earns full
 * similarity. A judge needs no such rule.
 */
import { normalForm } from '../rules/normal-form.ts';

type Pair = readonly [string, string];

/** Leaving one of these out is as wrong as saying the other: "nodule" is not "left nodule". */
const places: readonly Pair[] = [
  ['left', 'right'],
  ['upper', 'lower'],
  ['anterior', 'posterior'],
  ['medial', 'lateral'],
  ['superior', 'inferior'],
  ['proximal', 'distal'],
];

const opposites: readonly Pair[] = [
  ...places,
  ['unilateral', 'bilateral'],
  ['normal', 'abnormal'],
  ['benign', 'malignant'],
  ['positive', 'negative'],
  ['present', 'absent'],
  ['acute', 'chronic'],
  ['increased', 'decreased'],
  ['small', 'large'],
  ['mild', 'severe'],
  ['yes', 'no'],
];

/** Each pair in both directions. */
const conflicts = opposites.flatMap(([one, other]): Pair[] => [
  [one, other],
  [other, one],
]);
const placeWords = new Set(places.flat());

const negations = new Set(['no', 'not', 'without', 'never', 'none', 'neither', 'nor', 'non']);

/**
 * Why an answer cannot mean the same as the reference, or undefined when no rule sees a conflict: the
 * opposite of what the reference says (alone, or beside it as a hedge), a negation on one side only, or a
 * place or number of the reference that the answer lacks. Each rule closes a way that policies find to be
 * near every reference at once: "nodules" for "three nodules", "left right lung" for either side.
 */
export function contradiction(answer: string, reference: string): string | undefined {
  const said = normalForm(answer).words;
  const meant = normalForm(reference).words;
  for (const [one, other] of conflicts) {
    if (said.has(one) && meant.has(other) && !meant.has(one)) {
      return said.has(other) ? `both ${one} and ${other}` : `${one} instead of ${other}`;
    }
  }
  if (negates(said) !== negates(meant)) return 'negation on one side only';
  for (const word of meant) {
    if ((placeWords.has(word) || isNumber(word)) && !said.has(word)) return `${word} is left out`;
  }
  return undefined;
}

function negates(words: ReadonlySet<string>): boolean {
  for (const word of negations) if (words.has(word)) return true;
  return false;
}

function isNumber(word: string): boolean {
  return /^\d/.test(word);
}
