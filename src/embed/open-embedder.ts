/** The embedder that a config names, with its memory. */
import { openAnswers } from '../cache/open-answers.ts';
import { readRedisPassword } from '../config/environment.ts';
import type { EmbedderConfig } from '../config/judge-config.ts';
import { loadModule } from '../config/load-module.ts';
import { rngFromKey } from '../core/rng.ts';
import type { ClientContext } from '../http/servers-options.ts';
import type { Embedder } from './embedder.ts';
import { rememberEmbeddings } from './embedding-cache.ts';
import { openLocalEmbedder } from './local-embedder.ts';
import { openOnnxEmbedder } from './onnx-embedder.ts';
import { createOpenAiEmbedder } from './openai-embedder.ts';
import { ownEmbedderOf } from './own-embedder.ts';

/**
 * Loads what runs in this process; no server is contacted yet.
 * @throws MedixError 'judge' when encoder or store cannot be opened, 'config' when an embedder of the user's
 *   own cannot be loaded.
 */
export async function openEmbedder(
  config: EmbedderConfig,
  context: ClientContext,
): Promise<Embedder> {
  const embedder = await openBare(config, context);
  try {
    const cache = 'cache' in config ? config.cache : null;
    const store = cache === null ? {} : { store: openAnswers(cache, readRedisPassword()) };
    return rememberEmbeddings(embedder, { ...store, ledger: context.ledger });
  } catch (error) {
    await embedder.close();
    throw error;
  }
}

async function openBare(
  config: EmbedderConfig,
  { apiKey, seed, clock, ledger, load = loadModule }: ClientContext,
): Promise<Embedder> {
  if (config.kind === 'local') return openLocalEmbedder();
  if (config.kind === 'onnx') return openOnnxEmbedder(config);
  if (config.kind === 'module') {
    const where = 'embedder.module';
    return ownEmbedderOf(await load(config.module, where), where);
  }
  return createOpenAiEmbedder(
    { ...config, ...(apiKey === undefined ? {} : { apiKey }) },
    { rng: rngFromKey(`embedder/${seed}`), clock, ledger, use: 'embedder' },
  );
}
