/**
 * An embedder behind OpenAI-compatible servers (`/embeddings`), e.g. vLLM with a medical encoder. It
 * remembers nothing.
 */
import { z } from 'zod';
import { digestOf } from '../core/digest.ts';
import type { Unscored } from '../core/outcome.ts';
import { connectServers, type ServerReply, type ServersContext } from '../http/connect-servers.ts';
import { findModel } from '../http/find-model.ts';
import type { ServersOptions } from '../http/servers-options.ts';
import { type Embedder, type EmbedOutcome, unitVector } from './embedder.ts';

export type OpenAiEmbedderOptions = ServersOptions & { readonly model: string };

/** Texts per request. */
const batchSize = 64;

const embeddingList = z.object({
  data: z.array(z.object({ index: z.int().nonnegative(), embedding: z.array(z.number()) })),
  usage: z.object({ prompt_tokens: z.int().nonnegative() }).nullish(),
});
type EmbeddingList = z.output<typeof embeddingList>;

/** @throws MedixError (judge) when the options are unusable. */
export function createOpenAiEmbedder(
  options: OpenAiEmbedderOptions,
  context: ServersContext,
): Embedder {
  const { model } = options;
  const servers = connectServers(options, context);
  const meter = context.ledger.meter(context.use);
  // Vectors of two lengths cannot be compared, so the first answer fixes the length of all.
  let dimensions: number | undefined;
  // Lists of models are often open to all; only an answered request proves the key.
  let isAdmitted = options.apiKey === undefined;

  const requestOf = (texts: readonly string[]) => ({
    method: 'POST' as const,
    path: 'embeddings',
    body: () => JSON.stringify({ model, input: texts, encoding_format: 'float' }),
    response: embeddingList,
  });

  const count = (answer: ServerReply<EmbeddingList>) => {
    if (answer.kind === 'failed') return;
    isAdmitted = true;
    const { usage } = answer.value;
    meter.answered(usage ? { prompt: usage.prompt_tokens, completion: 0 } : undefined);
  };

  const embedBatch = async (texts: readonly string[], signal: AbortSignal) => {
    const answer = await servers.call(requestOf(texts), signal);
    count(answer);
    if (answer.kind === 'failed') return texts.map(() => answer.outcome);
    const rows = rowsByIndex(answer.value);
    dimensions ??= rows.get(0)?.length;
    return texts.map((_, index) => outcomeOf(rows.get(index), dimensions));
  };

  const embed = async (texts: readonly string[], signal: AbortSignal) => {
    const outcomes: EmbedOutcome[] = texts.map(() => blank);
    const shown = [...texts.keys()].filter((index) => texts[index]?.trim() !== '');
    const batches = Array.from({ length: Math.ceil(shown.length / batchSize) }, (_, batch) =>
      shown.slice(batch * batchSize, (batch + 1) * batchSize),
    );
    await Promise.all(
      batches.map(async (batch) => {
        const answers = await embedBatch(
          batch.map((index) => texts[index] ?? ''),
          signal,
        );
        for (const [at, answer] of answers.entries()) outcomes[batch[at] ?? 0] = answer;
      }),
    );
    return outcomes;
  };

  const askEach = async (signal: AbortSignal) => {
    const answers = await servers.callEach(requestOf(['Hi']), signal);
    for (const answer of answers) count(answer);
    return answers;
  };

  return {
    describe: { id: model, kind: 'openai', digest: digestOf(['openai', model]) },
    embed,
    probe: (signal) => findModel(servers, model, isAdmitted, askEach, signal),
    close: async () => servers.close(),
  };
}

const blank: Unscored = {
  kind: 'unscored',
  cause: 'refused',
  message: 'a blank text has no embedding',
};

/** An index that comes twice says that the server mixed up its answers: neither row can be trusted. */
function rowsByIndex({ data }: EmbeddingList): ReadonlyMap<number, readonly number[]> {
  const rows = new Map<number, readonly number[]>();
  const repeated = new Set<number>();
  for (const { index, embedding } of data) {
    if (rows.has(index)) repeated.add(index);
    rows.set(index, embedding);
  }
  for (const index of repeated) rows.delete(index);
  return rows;
}

function outcomeOf(
  row: readonly number[] | undefined,
  dimensions: number | undefined,
): EmbedOutcome {
  const vector = row && row.length === dimensions ? unitVector(row) : undefined;
  if (vector !== undefined) return { kind: 'embedded', vector };
  const got = row === undefined ? 'no vector of its own' : `a vector of length ${row.length}`;
  const message = `expected a vector of length ${dimensions ?? 'above 0'} with a direction, got ${got}`;
  return { kind: 'unscored', cause: 'unparsable', message };
}
