import { createMemory } from '../../core/async/memory.ts';
import { exactForm, normaliseAnswer } from '../../judge/normalise.ts';

type NormalForm = {
  /** Equal where nothing that can change the meaning differs. */
  readonly exact: string;
  /** The form by which rules compare; empty when the text holds nothing to compare. */
  readonly text: string;
  readonly words: ReadonlySet<string>;
};

/** Longer texts are not worth their place: nobody says them twice. */
const longestRemembered = 400;

const remembered = createMemory<NormalForm>(20_000);

/**
 * A text's forms (judge/normalise.ts). Recent ones are remembered, as the references of a group are
 * compared with each of its answers, and answers repeat.
 */
export function normalForm(text: string): NormalForm {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const normalised = normaliseAnswer(text);
  const form = { exact: exactForm(text), text: normalised, words: new Set(normalised.split(' ')) };
  if (text.length <= longestRemembered) remembered.put(text, form);
  return form;
}
