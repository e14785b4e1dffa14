/**
 * Sentence encoders place opposites close together ("left lung" and "right lung": 0.86), so the
 * similarity reward needs a rule for them. The paper's code has none: there, the wrong side earns full
 * similarity. A judge needs no such rule.
 */
import { normaliseAnswer } from '../judge/normalise.ts';

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

const negations = new Set(['no', 'not', 'without', 'never', 'none', 'neither', 'nor', 'non']);

/**
 * Why an answer cannot mean the same as the reference, or undefined when no rule sees a conflict: the
 * opposite of what the reference says (alone, or beside it as a hedge), a negation on one side only, or a
 * place or number of the reference that the answer lacks. Each rule closes a way that policies find to be
 * near every reference at once: "nodules" for "three nodules", "left right lung" for either side.
 */
export function contradiction(answer: string, reference: string): string | undefined {
  const said = new Set(normaliseAnswer(answer).split(' '));
  const meant = new Set(normaliseAnswer(reference).split(' '));
  for (const pair of opposites) {
    for (const [one, other] of [pair, [pair[1], pair[0]] as const]) {
      if (said.has(one) && meant.has(other) && !meant.has(one)) {
        return said.has(other) ? `both ${one} and ${other}` : `${one} instead of ${other}`;
      }
    }
  }
  if (negates(said) !== negates(meant)) return 'negation on one side only';
  const needed = [...meant].filter((word) => isPlace(word) || isNumber(word));
  const missing = needed.find((word) => !said.has(word));
  return missing === undefined ? undefined : `${missing} is left out`;
}

function negates(words: ReadonlySet<string>): boolean {
  return [...words].some((word) => negations.has(word));
}

function isPlace(word: string): boolean {
  return places.some((pair) => pair.includes(word));
}

function isNumber(word: string): boolean {
  return /^\d/.test(word);
}
