/** Where completions end by a client's wish, beside the model's own end. */
import type { Completion } from '../../engine/engine.ts';
import type { Processor } from '../../model/prompt.ts';
import { Refusal } from './refusal.ts';

export type Stop = { readonly tokens: readonly number[]; readonly texts: readonly string[] };

export function stopTokensOf(stop: string | readonly (string | number)[] | null | undefined): Stop {
  if (Array.isArray(stop) && stop.length === 0) {
    throw new Refusal(
      400,
      'stop: [] would turn the end of the model off, which is not supported; leave stop out',
    );
  }
  const all = typeof stop === 'string' ? [stop] : (stop ?? []);
  const texts = all.filter((it) => typeof it === 'string');
  if (texts.includes('')) throw new Refusal(400, 'stop: expected text that is not empty');
  return { tokens: all.filter((it) => typeof it === 'number'), texts };
}

/** A completion to its first stop, which belongs to it. */
export function cutAtStop(
  { tokens, logprobs, stopReason }: Completion,
  stop: Stop,
  { decode }: Processor,
): Pick<Completion, 'tokens' | 'logprobs' | 'stopReason'> {
  let end = tokens.findIndex((token) => stop.tokens.includes(token)) + 1 || Infinity;
  if (stop.texts.length > 0) {
    const holds = (length: number) => {
      const text = decode(tokens.subarray(0, length));
      return stop.texts.some((one) => text.includes(one));
    };
    if (holds(tokens.length)) {
      // A longer beginning holds whatever a shorter one does.
      let [low, high] = [1, tokens.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (holds(middle)) high = middle;
        else low = middle + 1;
      }
      end = Math.min(end, low);
    }
  }
  if (end === Infinity) return { tokens, logprobs, stopReason };
  return { tokens: tokens.slice(0, end), logprobs: logprobs.slice(0, end), stopReason: 'stop' };
}
