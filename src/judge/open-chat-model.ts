/** The language model that a config names. Judges of training and of evaluation open it here. */
import type { JudgeConfig } from '../config/judge-config.ts';
import type { Clock } from '../core/async/clock.ts';
import { rngFromKey } from '../core/rng.ts';
import type { ChatModel } from './chat-model.ts';
import { openGgufChatModel } from './gguf-chat-model.ts';
import type { Ledger } from './ledger.ts';
import { createOpenAiChatModel } from './openai-chat-model.ts';

export type OpenContext = {
  readonly apiKey?: string;
  /** Of the pauses between attempts; it shapes no verdict and no vector. */
  readonly seed: number;
  readonly clock: Clock;
  /** Counts under `judge` or `embedder`. */
  readonly ledger: Ledger;
};

export type ChatJudgeConfig = Exclude<JudgeConfig, { readonly kind: 'reference-match' }>;

/**
 * Loads a GGUF file; no server is contacted yet.
 * @throws MedixError 'judge' when the model cannot be opened.
 */
export async function openChatModel(
  config: ChatJudgeConfig,
  { apiKey, seed, clock, ledger }: OpenContext,
): Promise<ChatModel> {
  if (config.kind === 'gguf') {
    return openGgufChatModel(config, { clock, meter: ledger.meter('judge') });
  }
  return createOpenAiChatModel(
    { ...config, ...(apiKey === undefined ? {} : { apiKey }) },
    { rng: rngFromKey(`judge/${seed}`), clock, ledger, use: 'judge' },
  );
}
