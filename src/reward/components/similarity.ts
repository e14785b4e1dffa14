import { defined } from '../../core/errors.ts';
import type { Score } from '../../core/outcome.ts';
import { cosine, type Embedder, type EmbedOutcome } from '../../embed/embedder.ts';
import type { RewardProfile } from '../profile.ts';
import type { AnswerCheck } from '../rules/answer-check.ts';
import { binaryScore } from '../score.ts';

/** Why an answer cannot mean the same as a reference, however near their vectors. */
export type FindConflict = (answer: string, reference: string) => string | undefined;

type Compared = Extract<AnswerCheck, { readonly kind: 'compare' }>;

/** What becomes of a blank reference: it has no meaning to compare, but the paper's code embeds it. */
export type BlankTexts = 'refused' | 'embedded';

const blank: EmbedOutcome = {
  kind: 'unscored',
  cause: 'refused',
  message: 'a blank text has no embedding',
};

/**
 * One score per checked answer, in order: the largest over the reference and every accepted answer that
 * does not conflict with it. All texts that are needed are embedded in one call.
 */
export async function scoreBySimilarity(
  checks: readonly AnswerCheck[],
  embedder: Embedder,
  rule: RewardProfile['similarity'],
  { findConflict, blanks }: { readonly findConflict: FindConflict; readonly blanks: BlankTexts },
  signal: AbortSignal,
): Promise<Score[]> {
  const candidates = checks.map((check) =>
    check.kind === 'compare' ? compatibleReferences(check, findConflict) : [],
  );
  const texts = new Set<string>();
  for (const [index, check] of checks.entries()) {
    const references = candidates[index] ?? [];
    if (check.kind !== 'compare' || references.length === 0) continue;
    for (const text of [check.answer, ...references]) texts.add(text);
  }
  const isRefused = (text: string) => blanks === 'refused' && text.trim() === '';
  const distinct = [...texts].filter((text) => !isRefused(text));
  const outcomes = distinct.length > 0 ? await embedder.embed(distinct, signal) : [];
  const vectors = new Map([...texts].map((text) => [text, blank]));
  for (const [index, text] of distinct.entries()) {
    vectors.set(text, defined(outcomes[index], 'vector'));
  }
  return checks.map((check, index) => {
    if (check.kind === 'wrong') return binaryScore(false, check.reason);
    if (check.kind === 'exact') return binaryScore(true, 'exact match');
    const references = candidates[index] ?? [];
    if (references.length === 0) {
      return binaryScore(false, findConflict(check.answer, check.referenceAnswer));
    }
    return scoreNearest(check.answer, references, vectors, rule);
  });
}

function compatibleReferences(check: Compared, findConflict: FindConflict): string[] {
  return [check.referenceAnswer, ...check.accepted].filter(
    (reference) => findConflict(check.answer, reference) === undefined,
  );
}

function scoreNearest(
  answer: string,
  references: readonly string[],
  vectors: ReadonlyMap<string, EmbedOutcome>,
  rule: RewardProfile['similarity'],
): Score {
  const answered = defined(vectors.get(answer), 'vector');
  if (answered.kind === 'unscored') return answered;
  let nearest = -1;
  for (const reference of references) {
    const meant = defined(vectors.get(reference), 'vector');
    // The maximum over only some of the references could be too low, so one failure fails the score.
    if (meant.kind === 'unscored') return meant;
    nearest = Math.max(nearest, cosine(answered.vector, meant.vector));
  }
  const detail = `cosine ${nearest.toFixed(3)}`;
  if (Number.isNaN(nearest)) {
    return { kind: 'unscored', cause: 'unparsable', message: 'the embedder gave no finite vector' };
  }
  if (rule.kind === 'threshold') return binaryScore(nearest >= rule.at, detail);
  const value = (nearest - rule.floor) / (1 - rule.floor);
  return { kind: 'scored', value: Math.min(1, Math.max(0, value)), detail };
}
