/**
 * The answer of a response, and whether rules alone decide it (profile `medix-r1`). Repairs of the
 * paper's code: one character and any punctuation may be an answer, whitespace is compared alike on both
 * sides, two answer blocks are no answer (the paper takes the first), and an unfinished thought is not
 * taken for one.
 */
import type { Sample } from '../core/sample.ts';
import { normaliseAnswer } from '../judge/normalise.ts';
import { matchingAnswer } from '../judge/reference-match.ts';
import type { AnswerCheck } from './answer-check.ts';

/**
 * The text of the only answer block; without any block, what remains of the response after the thinking
 * block and a leading tag, as a right answer in a wrong format is still right. Undefined when there are
 * several blocks, or nothing but thinking.
 */
export function extractAnswer(response: string): string | undefined {
  const blocks = [...response.matchAll(/<answer>(.*?)<\/answer>/gs)];
  if (blocks.length > 1) return undefined;
  if (blocks.length === 1) return blocks[0]?.[1]?.trim();
  const rest = response.replace(/<thinking>.*?<\/thinking>/gs, '');
  if (rest.includes('<thinking>')) return undefined;
  return rest
    .trim()
    .replace(/^<[A-Z_]+>/, '')
    .replace(/^\s*<answer>/, '')
    .trim();
}

/**
 * A match after normalisation with the reference or an accepted answer needs no judge. An answer without
 * a letter, digit or sign is wrong without one: judges have been seen to say yes to ":" (arXiv 2507.08794).
 */
export function checkAnswer(response: string, sample: Sample): AnswerCheck {
  const answer = extractAnswer(response);
  if (answer === undefined) return { kind: 'wrong', reason: 'no single answer' };
  const { reference, accepted } = sample;
  if (answer !== '' && [reference, ...accepted].includes(answer)) return { kind: 'exact' };
  if (normaliseAnswer(answer) === '') return { kind: 'wrong', reason: 'empty answer' };
  if (matchingAnswer({ answer, reference, accepted }) !== undefined) return { kind: 'exact' };
  return { kind: 'compare', answer, reference, accepted };
}
