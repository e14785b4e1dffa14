/**
 * The rules of the paper's reward code (arXiv 2602.23363) with every quirk, for comparison with its
 * results; facts in its `medical.py`, written anew. `groundTruth` is the data set's solution,
 * `<TAG>answer`. Known faults that are kept on purpose: whitespace around `<`, `>` and `/` is deleted in
 * the response only; answers of one character or with `:`, `?` or `__` are wrong even when they equal the
 * truth; the first of several answers counts; empty and repeated blocks pass as well formed.
 */
import type { Score } from '../core/outcome.ts';
import type { AnswerCheck } from './answer-check.ts';
import { binaryScore } from './score.ts';

export function checkReferenceAnswer(rawResponse: string, groundTruth: string): AnswerCheck {
  const end = groundTruth.indexOf('>');
  if (end < 0) return { kind: 'wrong', reason: 'the solution has no modality tag' };
  const reference = trimmed(groundTruth.slice(end + 1));
  const response = withoutSpacedBrackets(rawResponse);
  const answer = trimmed(/<answer>(.*?)<\/answer>/s.exec(response)?.[1] ?? response);
  if ([...answer].length <= 1 || /__|[:?]/.test(answer)) {
    return { kind: 'wrong', reason: 'an answer that the paper rejects unseen' };
  }
  if (answer === reference) return { kind: 'exact' };
  return { kind: 'compare', answer, reference, accepted: [] };
}

export function scoreReferenceModality(rawResponse: string, groundTruth: string): Score {
  const response = withoutSpacedBrackets(rawResponse);
  const start = response.indexOf('<thinking>');
  if (start < 0) return binaryScore(false, 'no <thinking>');
  const wanted = `${groundTruth.split('>', 1)[0]}>`;
  return binaryScore(response.slice(0, start).trim().toLowerCase() === wanted.toLowerCase());
}

export function scoreReferenceFormat(rawResponse: string): Score {
  const response = withoutSpacedBrackets(rawResponse);
  const start = response.indexOf('<thinking>');
  if (start < 0) return binaryScore(false, 'no <thinking>');
  const blocks = /^<thinking>.*?<\/thinking>\s*<answer>.*?<\/answer>$/s;
  return binaryScore(blocks.test(response.slice(start).trim()));
}

function withoutSpacedBrackets(response: string): string {
  return response.replace(/\s*([<>/])\s*/g, '$1');
}

function trimmed(text: string): string {
  return text.trim().replace(/^\.+|\.+$/g, '');
}
