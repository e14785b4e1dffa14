/** What a response answers, without its thinking: as MediX reads it, and as the paper's evaluation cuts it. */
import { modalities } from '../../core/modality.ts';
import { withoutThinking } from '../../judge/read-reply.ts';
import { strip } from '../../reward/rules/python-text.ts';

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
  if (spoken === undefined) return { kind: 'none', message: 'the thinking does not end' };
  const rest = spoken.replace(leadingTag, '');
  const text = (answerBlocks(rest) ?? rest).trim();
  if (text === '') return { kind: 'none', message: 'nothing but thinking or tags' };
  return { kind: 'answer', text };
}

/**
 * As the paper's evaluation (arXiv 2602.23363) shows it to the judge: what follows the last `</think>`, else the
 * last `</thinking>`, else all of it, answer tags and unfinished thoughts included. May be empty.
 */
export function paperAnswerOf(response: string): FoundAnswer {
  return { kind: 'answer', text: afterThinking(response) };
}

/** The paper's cut of responses and of judges' replies alike. */
export function afterThinking(text: string): string {
  for (const mark of ['</think>', '</thinking>']) {
    const at = text.lastIndexOf(mark);
    if (at >= 0) return strip(text.slice(at + mark.length));
  }
  return text;
}

function answerBlocks(text: string): string | undefined {
  const [, ...blocks] = text.split(/<answer>/i);
  if (blocks.length === 0) return undefined;
  return blocks.map((block) => (block.split(/<\/answer>/i, 1)[0] ?? '').trim()).join('\n');
}
