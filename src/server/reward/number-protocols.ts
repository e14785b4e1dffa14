/**
 * Trainers whose protocol knows only numbers. For them an item without a reward fails the call: HTTP 503
 * and Retry-After, which they repeat or report, or 422 where the item itself is at fault. What was scored
 * beside it is remembered by the caches of judge and embedder, so the repeated call costs nothing twice.
 */
import type { Context, TypedResponse } from 'hono';
import { refuse } from './refusal.ts';
import type { ScoringOutcome } from './scoring.ts';
import type { RewardResult } from './wire.ts';

type ScoredResult = Extract<RewardResult, { readonly kind: 'scored' }>;

/** The results where all items have a reward, else the answer that says why not. */
export function requireNumbers(c: Context, outcome: ScoringOutcome) {
  if (outcome.kind !== 'answered') return refuseCall(c, outcome);
  const scored: ScoredResult[] = [];
  for (const result of outcome.results) {
    if (result.kind === 'scored') {
      scored.push(result);
      continue;
    }
    const message = `item ${result.id}: ${result.message}`;
    if (result.cause === 'malformed') return refuse(c, 422, result.cause, message);
    return refuse(c, 503, result.cause, message);
  }
  return scored;
}

/** Values of the components that were scored. */
export function componentValues({ components }: ScoredResult): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [name, score] of Object.entries(components)) {
    if (score?.kind === 'scored') values[name] = score.value;
  }
  return values;
}

/**
 * Whole numbers as `1.0`: Python reads `1` as an integer, and a trainer whose batch happens to be all ones
 * and zeros would build an integer tensor, of which torch takes no mean.
 */
export function replyInFloats<Reply>(c: Context, reply: Reply) {
  const text = JSON.stringify(reply).replace(/(?<=^|[[:,])-?\d+(?=$|[,\]}])/g, '$&.0');
  const response: Response = c.body(text, 200, { 'Content-Type': 'application/json' });
  return response as Response & TypedResponse<Reply, 200, 'json'>;
}

export function refuseCall(c: Context, outcome: Exclude<ScoringOutcome, { kind: 'answered' }>) {
  switch (outcome.kind) {
    case 'full':
      return refuse(c, 429, 'busy', 'as many items as the service takes are in work');
    case 'draining':
      return refuse(c, 503, 'draining', 'the service is stopping');
    case 'unrecorded':
      return refuse(c, 503, 'unrecorded', outcome.message);
  }
}

const endToken = /(?:<\|[^<>|]{1,64}\|>|<\/s>|<eos>|<pad>|<end_of_turn>)$/;
const longestEndToken = 68;

/**
 * Trainers that decode a completion with its special tokens send them along; at its end they are no part
 * of the answer, and the format would not hold with them.
 */
export function withoutEndTokens(response: string): string {
  let rest = response.trimEnd();
  for (;;) {
    // Only the end is searched, since a completion may be padded with thousands of them.
    const [token] = endToken.exec(rest.slice(-longestEndToken)) ?? [];
    if (token === undefined) return rest;
    rest = rest.slice(0, -token.length).trimEnd();
  }
}
