/** What asking by votes and asking in rounds have in common. */
import type { Message } from '../../core/message.ts';
import type { ImageFile } from '../../core/sample.ts';
import type { Vote } from '../results/records.ts';
import type { Outcome } from './combine.ts';

/** Images come first, as in the paper. */
export function userMessage(text: string, images: readonly ImageFile[] = []): Message {
  const shown = images.map((image) => ({ type: 'image', image }) as const);
  return { role: 'user', content: [...shown, { type: 'text', text }] };
}

export function outcomeOf({ outcome }: Vote): Outcome {
  return outcome.kind === 'failed' ? outcome : { kind: 'scored', score: outcome.score };
}
