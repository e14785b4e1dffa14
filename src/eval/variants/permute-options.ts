/** Options in another order: the letters stay, the texts under them change. */
import { rngFromKey } from '../../core/rng.ts';
import type { Choice, EvalSample } from '../tasks/sample.ts';
import { renderQuestion } from '../tasks/template.ts';
import type { NotApplicable } from './not-applicable.ts';

/**
 * Moves all options on by the same number of places, at least one, so that every option changes its
 * letter and neighbours stay neighbours (cf. arXiv 2309.03882, cyclic permutation).
 */
export function permuteOptions(
  sample: EvalSample,
  { seed, choiceTemplate }: { readonly seed: number; readonly choiceTemplate: string },
): EvalSample | NotApplicable {
  const { choices, referenceLetter } = sample;
  if (choices.length < 2) return { kind: 'not-applicable', reason: 'no-options' };
  if (refersToPlaces(sample.stem, choices)) {
    return { kind: 'not-applicable', reason: 'options-refer-to-each-other' };
  }
  const rng = rngFromKey(`${seed}/${sample.id}/permuted-options`);
  const places = 1 + rng.integer(choices.length - 1);
  const permuted = choices.map(({ letter }, place) => {
    const from = choices[(place + choices.length - places) % choices.length] as Choice;
    return { letter, text: from.text };
  });
  const rightPlace = choices.findIndex(({ letter }) => letter === referenceLetter);
  const letter = permuted[(rightPlace + places) % choices.length]?.letter;
  return {
    ...sample,
    choices: permuted,
    problem: renderQuestion({ choiceTemplate }, sample.stem, permuted),
    ...(rightPlace >= 0 && letter !== undefined ? { referenceLetter: letter } : {}),
  };
}

const lettersOnly =
  /^(?:[Bb]oth |[Ee]ither |[Nn]either |[Oo]nly )?\(?[A-Z]\)?(?:(?:,? (?:and|or|nor) |, ?| ?[&+/] ?)\(?[A-Z]\)?)+(?: only| both)?\.?$/;
const placeOfAnother =
  /\b(?:of the|the|mentioned|listed) (?:above|below)\b|^(?:all|none|any|both|neither)\b.* (?:above|below)\.?$/i;
const letteredOption = /\b(?:[Oo]ptions?|[Cc]hoices?) \(?[A-Z]\b/;

/** "All of the above", "Both A and B": under other letters they would say something else. */
function refersToPlaces(stem: string, choices: readonly Choice[]): boolean {
  return (
    letteredOption.test(stem) ||
    choices.some(({ text }) =>
      [lettersOnly, placeOfAnother, letteredOption].some((pattern) => pattern.test(text)),
    )
  );
}
