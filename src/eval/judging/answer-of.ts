/**
 * What a response answers, without its thinking. The paper's evaluation (arXiv 2602.23363) shows the
 * judge a whole unfinished thought where the closing tag is missing; here that is no answer.
 */
import { modalities } from '../../core/modality.ts';

export type FoundAnswer =
  | { readonly kind: 'answer'; readonly text: string }
  /** `message` says why there is none, for people. */
  | { readonly kind: 'none'; readonly message: string };

/** The tag that names the modality, which MediX-R1 puts first. */
const leadingTag = new RegExp(`^<(?:${modalities.join('|')})>`, 'i');

/**
 * The content of the answer blocks; without any, all that remains beside thinking and a leading modality
 * tag. Several blocks are joined, as a model that gives several answers has not settled on one. A block
 * that is not closed runs to the end.
 */
export function answerOf(response: string): FoundAnswer {
  const spoken = withoutThinking(response);
  if (spoken === undefined) return unfinished;
  const rest = spoken.trim().replace(leadingTag, '');
  return found(answerBlocks(rest) ?? rest);
}

/** As the paper cuts it: what follows the thinking, answer tags and all. */
export function taggedAnswerOf(response: string): FoundAnswer {
  const spoken = withoutThinking(response);
  return spoken === undefined ? unfinished : found(spoken);
}

/**
 * The text outside of `<think>` and `<thinking>` blocks. Where a block was opened before the text began,
 * as some chat templates do, all before its end is thinking. Undefined where a thought does not end.
 */
export function withoutThinking(text: string): string | undefined {
  let spoken = '';
  let from = 0;
  let isThinking = false;
  for (const { index, 0: tag, 1: slash } of text.matchAll(/<(\/?)think(?:ing)?>/gi)) {
    if (slash === '/') {
      if (!isThinking) spoken = '';
      isThinking = false;
      from = index + tag.length;
    } else if (!isThinking) {
      spoken += text.slice(from, index);
      isThinking = true;
    }
  }
  return isThinking ? undefined : spoken + text.slice(from);
}

function answerBlocks(text: string): string | undefined {
  const [, ...blocks] = text.split(/<answer>/i);
  if (blocks.length === 0) return undefined;
  return blocks.map((block) => (block.split(/<\/answer>/i, 1)[0] ?? '').trim()).join('\n');
}

const unfinished: FoundAnswer = { kind: 'none', message: 'the thinking does not end' };

function found(text: string): FoundAnswer {
  const trimmed = text.trim();
  if (trimmed === '') return { kind: 'none', message: 'nothing but thinking or tags' };
  return { kind: 'answer', text: trimmed };
}
