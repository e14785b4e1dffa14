/**
 * The answer of a response, and whether rules alone decide it (rules `medix-r1`). Repairs of the paper's
 * code (arXiv 2602.23363): one character and any punctuation may be an answer, whitespace is compared alike
 * on both sides, two answer blocks are no answer (the paper takes the first), and an unfinished thought is
 * not taken for one.
 */
import type { RewardProfile } from '../profile.ts';
import type { RewardSample } from '../reward-item.ts';
import type { AnswerCheck } from './answer-check.ts';
import { blockContents, withoutBlocks } from './blocks.ts';
import { rejectedBy } from './guards.ts';
import { normalForm } from './normal-form.ts';

/**
 * The text of the only answer block; without any block, what remains of the response after the thinking
 * block and a leading tag, as a right answer in a wrong format is still right. Undefined when there are
 * several blocks, or nothing but thinking.
 */
export function extractAnswer(response: string): string | undefined {
  const answers = blockContents(response, 'answer');
  if (answers.length > 1) return undefined;
  if (answers[0] !== undefined) return answers[0].trim();
  const rest = withoutBlocks(response, 'thinking');
  if (rest.includes('<thinking>')) return undefined;
  return rest
    .trim()
    .replace(/^<[A-Z_]+>/, '')
    .trimStart()
    .replace(/^<answer>/, '')
    .trim();
}

/**
 * An answer that differs from the reference, or an accepted answer, in nothing that can change its meaning
 * (`exactForm` of judge/normalise.ts) needs no judge. An answer without
 * a letter, digit or sign is wrong without one: judges have been seen to say yes to ":" (arXiv 2507.08794).
 * No guard rejects the words of the reference itself.
 */
export function checkAnswer(
  response: string,
  { referenceAnswer, accepted }: RewardSample,
  guards: RewardProfile['guards'],
): AnswerCheck {
  const answer = extractAnswer(response);
  if (answer === undefined) return { kind: 'wrong', reason: 'no single answer' };
  const right = [referenceAnswer, ...accepted];
  if (answer !== '' && right.includes(answer)) return { kind: 'exact', answer };
  if (normalForm(answer).text === '') return { kind: 'wrong', answer, reason: 'empty answer' };
  const rejection = rejectedBy(guards, answer);
  if (rejection !== undefined) return { kind: 'wrong', answer, reason: rejection };
  const { exact } = normalForm(answer);
  if (right.some((text) => normalForm(text).exact === exact)) return { kind: 'exact', answer };
  return { kind: 'compare', answer, referenceAnswer, accepted };
}
