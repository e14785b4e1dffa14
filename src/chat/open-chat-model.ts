/** The language model that a config names. Judges of training and of evaluation open it here. */
import type { ChatJudgeConfig } from '../config/judge-config.ts';
import { rngFromKey } from '../core/rng.ts';
import type { ClientContext } from '../http/servers-options.ts';
import type { ChatModel } from './chat-model.ts';
import { openGgufChatModel } from './gguf-chat-model.ts';
import { createOpenAiChatModel } from './openai-chat-model.ts';

/**
 * Loads a GGUF file; no server is contacted yet.
 * @throws MedixError 'judge' when the model cannot be opened.
 */
export async function openChatModel(
  config: ChatJudgeConfig,
  { apiKey, seed, clock, ledger }: ClientContext,
): Promise<ChatModel> {
  if (config.kind === 'gguf') {
    return openGgufChatModel(config, { clock, meter: ledger.meter('judge') });
  }
  return createOpenAiChatModel(
    { ...config, ...(apiKey === undefined ? {} : { apiKey }) },
    { rng: rngFromKey(`judge/${seed}`), clock, ledger, use: 'judge' },
  );
}
