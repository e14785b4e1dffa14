/** An embedder behind any OpenAI-compatible `/v1/embeddings`, e.g. vLLM with a medical encoder. */
import { setMaxListeners } from 'node:events';
import { z } from 'zod';
import { digestOf } from './digest.ts';
import { type Embedder, type EmbedOutcome, unitVector } from './embedder.ts';
import { cacheEmbeddings } from './embedding-cache.ts';
import { connectServer, type ServerContext, type ServerOptions } from './openai-server.ts';

/** Texts per request. */
const batchSize = 64;

const embeddingList = z.object({
  data: z.array(z.object({ index: z.number().int(), embedding: z.array(z.number()) })),
});

/** @throws MedixError (judge) when the options are unusable. */
export function createOpenAiEmbedder(options: ServerOptions, context: ServerContext): Embedder {
  const { model } = options;
  // Vectors of two lengths cannot be compared, so the first answer fixes the length of all.
  let dimensions: number | undefined;
  const callServer = connectServer(options, context);

  const embedBatch = async (texts: string[], signal: AbortSignal): Promise<EmbedOutcome[]> => {
    const answer = await callServer(async (client, inner) => {
      const response = await client.embeddings.create(
        { model, input: texts, encoding_format: 'float' },
        { signal: inner },
      );
      return embeddingList.parse(response).data;
    }, signal);
    if (answer.kind === 'unscored') return texts.map(() => answer);
    const rows = new Map(answer.value.map(({ index, embedding }) => [index, embedding]));
    dimensions ??= answer.value[0]?.embedding.length;
    return texts.map((_, index) => outcomeOf(rows.get(index), dimensions));
  };

  return {
    describe: { id: model, kind: 'openai', digest: digestOf(['openai', model]) },
    embed: cacheEmbeddings(async (texts, signal) => {
      // Every request in flight listens to the caller's signal; Node takes more than ten for a leak.
      setMaxListeners(0, signal);
      const batches = Array.from({ length: Math.ceil(texts.length / batchSize) }, (_, batch) =>
        embedBatch(texts.slice(batch * batchSize, (batch + 1) * batchSize), signal),
      );
      return (await Promise.all(batches)).flat();
    }),
  };
}

function outcomeOf(
  row: readonly number[] | undefined,
  dimensions: number | undefined,
): EmbedOutcome {
  const vector = row && row.length === dimensions ? unitVector(row) : undefined;
  if (vector !== undefined) return { kind: 'embedded', vector };
  const got = row === undefined ? 'no vector' : `a vector of length ${row.length}`;
  const message = `expected a vector of length ${dimensions ?? 'above 0'} with a direction, got ${got}`;
  return { kind: 'unscored', cause: 'unparsable', message };
}
