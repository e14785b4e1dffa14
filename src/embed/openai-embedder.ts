/**
 * An embedder behind OpenAI-compatible servers (`/embeddings`), e.g. vLLM with a medical encoder. It
 * remembers nothing.
 */
import { z } from 'zod';
import { digestOf } from '../core/digest.ts';
import { cancelled } from '../core/outcome.ts';
import { connectServers, type ServerReply, type ServersContext } from '../http/connect-servers.ts';
import { findModel } from '../http/find-model.ts';
import { sideField } from '../http/read-response.ts';
import type { ServersOptions } from '../http/servers-options.ts';
import { type Embedder, type EmbedOutcome, unitVector } from './embedder.ts';

export type OpenAiEmbedderOptions = ServersOptions & { readonly model: string };

/** Texts per request. */
const batchSize = 64;

/** A row that cannot be read fails the text it belongs to, and no other. */
const embeddingList = z.object({
  data: z
    .array(
      sideField(
        z.object({
          index: sideField(z.int().nonnegative()),
          embedding: sideField(z.array(z.number())),
        }),
      ),
    )
    .min(1),
  usage: sideField(z.object({ prompt_tokens: sideField(z.int().nonnegative()) })),
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
  // Vectors of two lengths cannot be compared, so most of the first answer fix the length of all.
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
    const prompt = answer.value.usage?.prompt_tokens;
    meter.answered(prompt === undefined ? undefined : { prompt, completion: 0 });
  };

  const embedBatch = async (texts: readonly string[], signal: AbortSignal) => {
    const answer = await servers.call(requestOf(texts), signal);
    count(answer);
    if (answer.kind === 'failed') return texts.map(() => answer.outcome);
    const rows = rowsByIndex(answer.value);
    dimensions ??= usualLength([...rows.values()]);
    return texts.map((_, index) => outcomeOf(rows.get(index), dimensions));
  };

  const embed = async (texts: readonly string[], signal: AbortSignal) => {
    const outcomes: EmbedOutcome[] = texts.map(() => cancelled);
    const isBlank = (index: number) => texts[index]?.trim() === '';
    const shown = [...texts.keys()].filter((index) => !isBlank(index));
    const batches = Array.from({ length: Math.ceil(shown.length / batchSize) }, (_, batch) =>
      shown.slice(batch * batchSize, (batch + 1) * batchSize),
    );
    // Some servers refuse a request for a blank text, and the others must not fail with it.
    batches.push(...[...texts.keys()].filter(isBlank).map((index) => [index]));
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

/**
 * Vectors by the index of their text; by their order where no row has one. An index that comes twice says that
 * the server mixed up its answers: neither row can be trusted.
 */
function rowsByIndex({ data }: EmbeddingList): ReadonlyMap<number, readonly number[]> {
  const isOrdered = data.every((row) => row?.index === undefined);
  const rows = new Map<number, readonly number[]>();
  const repeated = new Set<number>();
  for (const [place, row] of data.entries()) {
    const index = isOrdered ? place : row?.index;
    if (index === undefined) continue;
    if (rows.has(index)) repeated.add(index);
    rows.set(index, row?.embedding ?? []);
  }
  for (const index of repeated) rows.delete(index);
  return rows;
}

/** The commonest length, and the greater of two that are equally common. */
function usualLength(vectors: readonly (readonly number[])[]): number | undefined {
  const counts = new Map<number, number>();
  for (const { length } of vectors) {
    if (length > 0) counts.set(length, (counts.get(length) ?? 0) + 1);
  }
  return [...counts].sort(([a, n], [b, m]) => m - n || b - a)[0]?.[0];
}

function outcomeOf(
  row: readonly number[] | undefined,
  dimensions: number | undefined,
): EmbedOutcome {
  const vector = row && row.length === dimensions ? unitVector(row) : undefined;
  if (vector !== undefined) return { kind: 'embedded', vector };
  const isRead = row !== undefined && row.length > 0;
  const got = isRead ? `a vector of length ${row.length}` : 'no vector of numbers of its own';
  const message = `expected a vector of length ${dimensions ?? 'above 0'} with a direction, got ${got}`;
  return { kind: 'unscored', cause: 'unparsable', message };
}
