/**
 * Whether a response has seen what there is to see: its thinking against the reading of the images, as sets of
 * findings without order (see `findings.ts`). The reward of arXiv 2602.23363 looks at answers alone, so nothing
 * keeps the thinking before them true. A policy can answer right for a wrong reason; this is not what it is paid for.
 */
import { defined } from '../../core/errors.ts';
import type { Score } from '../../core/outcome.ts';
import type { Embedder } from '../../embed/embedder.ts';
import type { AnswerCheck } from '../rules/answer-check.ts';
import { blockContents } from '../rules/blocks.ts';
import { normalForm } from '../rules/normal-form.ts';
import { scoreByFindings } from './findings.ts';
import type { CheckedItem } from './judge.ts';
import type { FindConflict } from './similarity.ts';

/**
 * One score per item, in order; undefined where the sample has no reading. Thinking that equals the reading scores
 * 1, no thinking, or more than one block of it, 0.
 * @param settings.floor Cosine at and below which two findings have nothing in common; with 1 nobody is asked, and
 *   whatever is not equal scores 0.
 */
export async function scoreReading(
  items: readonly CheckedItem[],
  embedder: Embedder,
  settings: { readonly floor: number },
  findConflict: FindConflict,
  signal: AbortSignal,
): Promise<(Score | undefined)[]> {
  const isStrict = settings.floor >= 1;
  const checks = items.flatMap(({ response, sample: { reading } }) =>
    reading === undefined ? [] : [checkThinking(response, reading, isStrict)],
  );
  const scores = await scoreByFindings(checks, embedder, settings, findConflict, signal);
  let next = 0;
  return items.map(({ sample }) =>
    sample.reading === undefined ? undefined : defined(scores[next++], 'score of a reading'),
  );
}

/** Whether the thinking of a response says the same as the reading, in the same words. */
export function saysReading(response: string, reading: string): boolean {
  return checkThinking(response, reading, true).kind === 'exact';
}

function checkThinking(response: string, reading: string, isStrict: boolean): AnswerCheck {
  const [thinking, ...others] = blockContents(response, 'thinking');
  if (thinking === undefined || others.length > 0) {
    return { kind: 'wrong', reason: 'no single block of thinking' };
  }
  const answer = thinking.trim();
  if (normalForm(answer).exact === normalForm(reading).exact) return { kind: 'exact', answer };
  return isStrict
    ? { kind: 'wrong', answer, reason: 'thinking is not the reading' }
    : { kind: 'compare', answer, referenceAnswer: reading, accepted: [] };
}
