import { defined } from '../../core/errors.ts';
import type { Score } from '../../core/outcome.ts';
import {
  type Comparison,
  type Embedder,
  type EmbedOutcome,
  nearestOf,
} from '../../embed/embedder.ts';
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
  const vectorOf = (text: string) => defined(vectors.get(text), 'vector');
  return checks.map((check, index) => {
    if (check.kind === 'wrong') return binaryScore(false, check.reason);
    if (check.kind === 'exact') return binaryScore(true, 'exact match');
    const references = candidates[index] ?? [];
    if (references.length === 0) {
      return binaryScore(false, findConflict(check.answer, check.referenceAnswer));
    }
    return scoreNearest(nearestOf(vectorOf(check.answer), references.map(vectorOf)), rule);
  });
}

function compatibleReferences(check: Compared, findConflict: FindConflict): string[] {
  return [check.referenceAnswer, ...check.accepted].filter(
    (reference) => findConflict(check.answer, reference) === undefined,
  );
}

function scoreNearest(nearest: Comparison, rule: RewardProfile['similarity']): Score {
  if (nearest.kind === 'unscored') return nearest;
  const { cosine } = nearest;
  const detail = `cosine ${cosine.toFixed(3)}`;
  if (rule.kind === 'threshold') return binaryScore(cosine >= rule.at, detail);
  const value = (cosine - rule.floor) / (1 - rule.floor);
  return { kind: 'scored', value: Math.min(1, Math.max(0, value)), detail };
}
