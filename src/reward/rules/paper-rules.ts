/**
 * The rules of the paper's reward code (arXiv 2602.23363) with every quirk, for comparison with its
 * results; facts in its `medical.py`, written anew. `groundTruth` is the data set's solution,
 * `<TAG>answer`. Known faults that are kept on purpose: whitespace around `<`, `>` and `/` is deleted in
 * the response only; guards reject an answer even when it equals the truth; the first of several answers
 * counts; empty and repeated blocks pass as well formed.
 */
import type { Score } from '../../core/outcome.ts';
import type { RewardProfile } from '../profile.ts';
import type { RewardSample } from '../reward-item.ts';
import { binaryScore } from '../score.ts';
import type { AnswerCheck } from './answer-check.ts';
import { firstBlockContent } from './blocks.ts';
import { rejectedBy } from './guards.ts';
import { strip, withoutSpaceAroundBrackets } from './python-text.ts';

export function readAsPaper(
  rawResponse: string,
  sample: RewardSample,
  guards: RewardProfile['guards'],
): { readonly check: AnswerCheck; readonly modality: Score; readonly format: Score } {
  const response = withoutSpaceAroundBrackets(rawResponse);
  const groundTruth = groundTruthOf(sample);
  const thinkingAt = response.indexOf('<thinking>');
  const isThinking = thinkingAt >= 0;
  return {
    check: checkAnswer(response, groundTruth, guards),
    modality: isThinking
      ? scoreModality(response.slice(0, thinkingAt), groundTruth)
      : binaryScore(false, 'no <thinking>'),
    format: isThinking
      ? scoreFormat(response.slice(thinkingAt))
      : binaryScore(false, 'no <thinking>'),
  };
}

function checkAnswer(
  response: string,
  groundTruth: string,
  guards: RewardProfile['guards'],
): AnswerCheck {
  const answer = strip(strip(firstBlockContent(response, 'answer') ?? response), '.');
  const tagEnd = groundTruth.indexOf('>');
  if (tagEnd < 0) return { kind: 'wrong', answer, reason: 'the ground truth has no modality tag' };
  const referenceAnswer = strip(strip(groundTruth.slice(tagEnd + 1)), '.');
  const rejection = rejectedBy(guards, answer);
  if (rejection !== undefined) return { kind: 'wrong', answer, reason: rejection };
  if (answer === referenceAnswer) return { kind: 'exact', answer };
  return { kind: 'compare', answer, referenceAnswer, accepted: [] };
}

/** @param head all before the first `<thinking>`. */
function scoreModality(head: string, groundTruth: string): Score {
  const wanted = `${groundTruth.split('>', 1)[0]}>`;
  // Upper case as in the paper's code: "ı" is an "I", which lower case would keep apart.
  return binaryScore(strip(head).toUpperCase() === wanted.toUpperCase());
}

/**
 * `<thinking>.*?</thinking>\s*<answer>.*?</answer>` over the whole rest.
 * @param rest begins with `<thinking>`; no white space is left between its blocks.
 */
function scoreFormat(rest: string): Score {
  const blocks = strip(rest);
  const joint = '</thinking><answer>';
  const closing = '</answer>';
  // The earliest place to pass from one block to the other leaves the most room for the answer, so no
  // other needs a try.
  const jointAt = blocks.indexOf(joint, '<thinking>'.length);
  const hasRoom = jointAt >= 0 && jointAt + joint.length <= blocks.length - closing.length;
  return binaryScore(hasRoom && blocks.endsWith(closing));
}

function groundTruthOf({ groundTruth, modality, referenceAnswer }: RewardSample): string {
  return (
    groundTruth ?? (modality === undefined ? referenceAnswer : `<${modality}>${referenceAnswer}`)
  );
}
