/** What judge, similarity and rule each say of an answer: three that can only be fooled in different ways. */
import { parseResponse } from '../../data/response.ts';
import { normaliseAnswer } from '../../judge/normalise.ts';
import type { RolloutLine } from '../../run/records.ts';

/** `none`: it was not asked, or failed. */
type Agreement = 'right' | 'wrong' | 'none';

export type Agreements = {
  readonly judge: Agreement;
  readonly similarity: Agreement;
  /** Whether the answer equals the reference, or another right answer, after normalisation. */
  readonly rule: Agreement;
};

type Answered = Pick<RolloutLine, 'completion' | 'reference' | 'accepted' | 'components'>;

export function agreementsOf(line: Answered): Agreements {
  const { components } = line;
  return {
    judge: agreementOf(components['judge'], 1 - 1e-9),
    similarity: agreementOf(components['similarity'], 0.5),
    rule: ruleOf(line),
  };
}

/** The value of a component's score; undefined where it has none. */
export function scoreIn(score: unknown): number | undefined {
  const { kind, value } = (score ?? {}) as { kind?: unknown; value?: unknown };
  return kind === 'scored' && typeof value === 'number' ? value : undefined;
}

/** The answer block of a response, else all of it. */
export function answerIn(completion: string): string {
  return parseResponse(completion).answer ?? completion.trim();
}

function agreementOf(score: unknown, right: number): Agreement {
  const value = scoreIn(score);
  if (value === undefined) return 'none';
  return value >= right ? 'right' : 'wrong';
}

function ruleOf({ completion, reference, accepted = [] }: Answered): Agreement {
  if (reference === undefined || reference === '') return 'none';
  const answer = form(answerIn(completion));
  if (answer === '') return 'wrong';
  return [reference, ...accepted].some((right) => form(right) === answer) ? 'right' : 'wrong';
}

const forms = new Map<string, string>();
const mostForms = 20_000;

/** {@link normaliseAnswer}, remembered: references and short answers come again and again. */
export function form(text: string): string {
  const known = forms.get(text);
  if (known !== undefined) return known;
  const found = normaliseAnswer(text);
  if (text.length > 200) return found;
  if (forms.size >= mostForms) forms.clear();
  forms.set(text, found);
  return found;
}
