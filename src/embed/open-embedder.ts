/** The embedder that a config names, with its memory. */
import { openAnswerStore } from '../cache/answer-store.ts';
import type { EmbedderConfig } from '../config/judge-config.ts';
import { rngFromKey } from '../core/rng.ts';
import type { ClientContext } from '../http/servers-options.ts';
import type { Embedder } from './embedder.ts';
import { rememberEmbeddings } from './embedding-cache.ts';
import { openLocalEmbedder } from './local-embedder.ts';
import { openOnnxEmbedder } from './onnx-embedder.ts';
import { createOpenAiEmbedder } from './openai-embedder.ts';

/**
 * Loads what runs in this process; no server is contacted yet.
 * @throws MedixError 'judge' when encoder or store cannot be opened.
 */
export async function openEmbedder(
  config: EmbedderConfig,
  context: ClientContext,
): Promise<Embedder> {
  const embedder = await openBare(config, context);
  try {
    const cache = config.kind === 'local' ? null : config.cache;
    const store = cache === null ? {} : { store: openAnswerStore(cache) };
    return rememberEmbeddings(embedder, { ...store, ledger: context.ledger });
  } catch (error) {
    await embedder.close();
    throw error;
  }
}

function openBare(
  config: EmbedderConfig,
  { apiKey, seed, clock, ledger }: ClientContext,
): Promise<Embedder> | Embedder {
  if (config.kind === 'local') return openLocalEmbedder();
  if (config.kind === 'onnx') return openOnnxEmbedder(config);
  return createOpenAiEmbedder(
    { ...config, ...(apiKey === undefined ? {} : { apiKey }) },
    { rng: rngFromKey(`embedder/${seed}`), clock, ledger, use: 'embedder' },
  );
}
