/** How a verdict is read from a judge's reply. What cannot be read is unscored, never a guess. */
import { z } from 'zod';
import type { ChatReply } from '../chat/chat-model.ts';
import type { Unscored } from '../core/outcome.ts';
import type { VerdictForm } from './judge-prompt.ts';
import { readObject, unframed, withoutThinking } from './read-reply.ts';

/**
 * The forms a judge is asked for, and `any-yes`: the reading of the paper's code (arXiv 2602.23363), by
 * which YES anywhere in the reply counts, so that "NOT YES" is a yes and nothing is unreadable.
 */
export type VerdictReading = VerdictForm | 'any-yes';

export type Verdict = {
  readonly kind: 'verdict';
  readonly correct: boolean;
  /** ln P(YES) − ln P(NO), with the reading `logprobs` only. */
  readonly margin?: number;
};

/** Raised whenever a reading changes; part of every judge's digest. */
export const readingVersion = 3;

const verdictObject = z.strictObject({ correct: z.boolean() });

/** What the reply is held to where the model can be held to a schema. */
export const verdictSchema = {
  name: 'verdict',
  json: {
    type: 'object',
    properties: { correct: { type: 'boolean' } },
    required: ['correct'],
    additionalProperties: false,
  },
} as const;

/** Candidates of the first token to ask for: the most that OpenAI's interface offers. */
export const candidatesAsked = 20;

/** Longest replies, in tokens, by reading; 4 is the paper's. Models that think aloud need more. */
export const replyTokens: Readonly<Record<VerdictReading, number>> = {
  word: 8,
  json: 24,
  logprobs: 1,
  'any-yes': 4,
};

export function readVerdict(reply: ChatReply, reading: VerdictReading): Verdict | Unscored {
  if (reading === 'logprobs') return readFirstToken(reply);
  if (reading === 'any-yes') {
    return { kind: 'verdict', correct: reply.text.toUpperCase().includes('YES') };
  }
  const correct =
    reading === 'word' ? readWord(reply.text) : readObject(reply.text, verdictObject)?.correct;
  if (correct !== undefined) return { kind: 'verdict', correct };
  const expected = reading === 'word' ? 'YES or NO' : '{"correct": boolean}';
  const cut = reply.stopReason === 'length' ? ', cut off at the length allowed' : '';
  return unparsable(`the judge replied ${quoted(reply.text)}${cut}, expected ${expected} alone`);
}

/** One word, without the fence or emphasis that some models put around it. */
function readWord(reply: string): boolean | undefined {
  const text = unframed(withoutThinking(reply) ?? '')
    .replace(/^```\w*\s*\n|\n\s*```$/g, '')
    .replace(/^(\*\*|`)(.*)\1$/, '$2');
  const word = /^\s*(yes|no)\.?\s*$/i.exec(text)?.[1];
  return word === undefined ? undefined : word.toLowerCase() === 'yes';
}

/**
 * Sums the probabilities of all candidates that read YES, and of those that read NO (`Yes`, ` YES`, …).
 * A side without candidates is at most as likely as the least likely candidate, and as all that is not
 * listed: the margin takes the smaller of the two for its probability, which keeps it finite and never
 * overstates it.
 */
function readFirstToken({ text, firstToken }: ChatReply): Verdict | Unscored {
  if (firstToken === undefined || firstToken.length === 0) {
    return unparsable(
      'the model gives no probabilities of first tokens; set judge.verdict to word or json',
    );
  }
  const yes = probabilityOf('yes', firstToken);
  const no = probabilityOf('no', firstToken);
  if (yes === no) {
    return unparsable(`the judge began with ${quoted(text)}, neither YES nor NO`);
  }
  const probabilities = firstToken.map(({ logprob }) => Math.exp(logprob));
  const unlisted = 1 - probabilities.reduce((sum, probability) => sum + probability, 0);
  const bound = Math.max(Math.min(unlisted, ...probabilities), Number.MIN_VALUE);
  const margin = Math.log(yes || bound) - Math.log(no || bound);
  return { kind: 'verdict', correct: yes > no, margin };
}

function probabilityOf(word: string, candidates: NonNullable<ChatReply['firstToken']>): number {
  return candidates
    .filter(({ text }) => text.trim().toLowerCase() === word)
    .reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
}

function quoted(reply: string): string {
  return JSON.stringify(reply.length > 200 ? `${reply.slice(0, 200)}…` : reply);
}

function unparsable(message: string): Unscored {
  return { kind: 'unscored', cause: 'unparsable', message };
}
