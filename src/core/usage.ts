/** What models behind servers were asked and what it cost, as it is counted and stored. */
import { z } from 'zod';

export type TokenUsage = { readonly prompt: number; readonly completion: number };

const count = z.int().nonnegative();

const useSummarySchema = z.object({
  /** Requests sent, retries and second requests included. */
  requests: count,
  /** Requests that brought no usable answer; what they cost is unknown and not counted. */
  failed: count,
  inputTokens: count,
  outputTokens: count,
  /** Answers whose server did not say how many tokens they took. */
  unmetered: count,
  /** What the tokens cost; null without prices. */
  money: z.number().nonnegative().nullable(),
  /** Answers taken from memory or disk instead of being asked for. */
  reused: count,
  /** Input and output tokens that the reused answers had taken. */
  tokensSaved: count,
});
export type UseSummary = z.infer<typeof useSummarySchema>;

/** By kind of use (`judge`, `embedder`, `model`, …). Plain JSON, for manifests and reports. */
export const ledgerSummarySchema = z.record(z.string(), useSummarySchema);
export type LedgerSummary = z.infer<typeof ledgerSummarySchema>;
