/** How the marks of a rubric are read from a judge's reply. What cannot be read is unscored, never a guess. */
import { z } from 'zod';
import type { ChatReply } from '../chat/chat-model.ts';
import type { Unscored } from '../core/outcome.ts';
import { quoted } from '../core/quoted.ts';
import { readObject } from './read-reply.ts';

/** Raised whenever the reading changes; part of the digest of every rubric question. */
export const marksVersion = 1;

const numbersOf = (criteria: number) => Array.from({ length: criteria }, (_, i) => String(i + 1));

/** Longest reply in tokens, of a model that does not think aloud. */
export function marksTokens(criteria: number): number {
  return 16 + 10 * criteria;
}

/** What the reply is held to where the model can be held to a schema. */
export function marksSchema(criteria: number) {
  const numbers = numbersOf(criteria);
  return {
    name: 'marks',
    json: {
      type: 'object',
      properties: Object.fromEntries(numbers.map((number) => [number, { type: 'boolean' }])),
      required: numbers,
      additionalProperties: false,
    },
  };
}

/** `{"1": true, …}` with one entry for each criterion, no more and no fewer. */
export function readMarks(
  reply: Pick<ChatReply, 'text' | 'stopReason'>,
  criteria: number,
): { readonly kind: 'marks'; readonly met: readonly boolean[] } | Unscored {
  const numbers = numbersOf(criteria);
  const shape = z.strictObject(Object.fromEntries(numbers.map((number) => [number, z.boolean()])));
  const marks = readObject(reply.text, shape);
  if (marks !== undefined) {
    return { kind: 'marks', met: numbers.map((number) => marks[number] === true) };
  }
  const cut = reply.stopReason === 'length' ? ', cut off at the length allowed' : '';
  const expected = `{"1": true or false, …} with an entry for each of ${criteria} criteria`;
  const message = `the judge replied ${quoted(reply.text, 200)}${cut}, expected ${expected}`;
  return { kind: 'unscored', cause: 'unparsable', message };
}
