/**
 * Sentence encoders place opposites close together ("left lung" and "right lung": 0.86), so the
 * similarity reward needs a rule for them. The paper's code has none: there, the wrong side earns full
 * similarity. A judge needs no such rule.
 */
import { normaliseAnswer } from '../judge/normalise.ts';

const opposites: readonly (readonly [string, string])[] = [
  ['left', 'right'],
  ['upper', 'lower'],
  ['anterior', 'posterior'],
  ['medial', 'lateral'],
  ['superior', 'inferior'],
  ['proximal', 'distal'],
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
 * Why two answers cannot mean the same, or undefined when no rule sees a conflict: one of two opposites
 * on each side, a negation on one side only, or a number of the reference that the answer, which names
 * other numbers, lacks.
 */
export function contradiction(answer: string, reference: string): string | undefined {
  const said = new Set(normaliseAnswer(answer).split(' '));
  const meant = new Set(normaliseAnswer(reference).split(' '));
  for (const pair of opposites) {
    for (const [one, other] of [pair, [pair[1], pair[0]] as const]) {
      if (said.has(one) && !said.has(other) && meant.has(other) && !meant.has(one)) {
        return `${one} instead of ${other}`;
      }
    }
  }
  if (negates(said) !== negates(meant)) return 'negation on one side only';
  const missing = numbersOf(meant).find((number) => !said.has(number));
  if (missing !== undefined && numbersOf(said).length > 0)
    return `${missing} is not among its numbers`;
  return undefined;
}

function negates(words: ReadonlySet<string>): boolean {
  return [...words].some((word) => negations.has(word));
}

function numbersOf(words: ReadonlySet<string>): string[] {
  return [...words].filter((word) => /^\d/.test(word));
}
