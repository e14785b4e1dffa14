/**
 * An embedder behind OpenAI-compatible servers (`/embeddings`), e.g. vLLM with a medical encoder. It
 * remembers nothing. Only the vectors themselves have to be readable, each for itself.
 */
import { z } from 'zod';
import { digestOf } from '../core/digest.ts';
import { cancelled } from '../core/outcome.ts';
import { connectServers, type ServerReply, type ServersContext } from '../http/connect-servers.ts';
import { findModel } from '../http/find-model.ts';
import type { ServersOptions } from '../http/servers-options.ts';
import { type Embedder, type EmbedOutcome, unitVector } from './embedder.ts';

export type OpenAiEmbedderOptions = ServersOptions & { readonly model: string };

/** Texts per request. */
const batchSize = 64;

/** Statuses of a request that one of its texts may have spoilt, by its length say. */
const spoiltBy: ReadonlySet<number> = new Set([400, 413, 422]);

const count = z.int().nonnegative().optional().catch(undefined);
const rowSchema = z.object({ index: count, embedding: z.unknown() });
const embeddingList = z.object({
  data: z.array(rowSchema.nullable().catch(null)),
  usage: z.object({ prompt_tokens: count, total_tokens: count }).nullish().catch(null),
});
type EmbeddingList = z.output<typeof embeddingList>;

type Asked = {
  /** One per text. */
  readonly outcomes: readonly EmbedOutcome[];
  /** Whether the request was refused in a way that one of its texts may have caused. */
  readonly isSpoilt: boolean;
};

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

  const meterAnswer = (answer: ServerReply<EmbeddingList>) => {
    if (answer.kind === 'failed') return;
    isAdmitted = true;
    const { usage } = answer.value;
    // All tokens are those of the texts.
    const prompt = usage?.prompt_tokens ?? usage?.total_tokens;
    meter.answered(prompt === undefined ? undefined : { prompt, completion: 0 });
  };

  const askFor = async (texts: readonly string[], signal: AbortSignal): Promise<Asked> => {
    const answer = await servers.call(requestOf(texts), signal);
    meterAnswer(answer);
    if (answer.kind === 'failed') {
      const { outcome, status = 0 } = answer;
      return { outcomes: texts.map(() => outcome), isSpoilt: spoiltBy.has(status) };
    }
    const vectors = vectorsOf(answer.value, texts.length);
    dimensions ??= commonestLength(vectors);
    return { outcomes: vectors.map((vector) => outcomeOf(vector, dimensions)), isSpoilt: false };
  };

  /** A request that is refused for some of its texts is halved until they are found. */
  const halve = async (
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly EmbedOutcome[]> => {
    const half = Math.ceil(texts.length / 2);
    const halves = [texts.slice(0, half), texts.slice(half)].map(async (some) => {
      const asked = await askFor(some, signal);
      return asked.isSpoilt && some.length > 1 ? halve(some, signal) : asked.outcomes;
    });
    return (await Promise.all(halves)).flat();
  };

  const embedBatch = async (texts: readonly string[], signal: AbortSignal) => {
    const whole = await askFor(texts, signal);
    if (!whole.isSpoilt || texts.length === 1) return whole.outcomes;
    // Where the shortest text is refused as well, it is not for its texts that the request was.
    const shortest = texts.reduce((least, text) => (text.length < least.length ? text : least));
    const alone = await askFor([shortest], signal);
    return alone.isSpoilt ? whole.outcomes : halve(texts, signal);
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
    for (const answer of answers) meterAnswer(answer);
    return answers;
  };

  return {
    describe: { id: model, kind: 'openai', digest: digestOf(['openai', model]) },
    embed,
    probe: (signal) => findModel(servers, model, isAdmitted, askEach, signal),
    close: async () => servers.close(),
  };
}

/** In the order of the texts: numbers, or what came in their place. */
type Found = Float64Array | 'no vector of its own' | 'a vector with entries that are no numbers';

/**
 * An index that comes twice says that the server mixed up its answers: neither row can be trusted. Rows
 * without any index are in the order of the texts.
 */
function vectorsOf({ data }: EmbeddingList, texts: number): Found[] {
  const isOrdered = data.length === texts && data.every((row) => row?.index === undefined);
  const rows = new Map<number, unknown>();
  const repeated = new Set<number>();
  for (const [place, row] of data.entries()) {
    const index = isOrdered ? place : row?.index;
    if (index === undefined) continue;
    if (rows.has(index)) repeated.add(index);
    rows.set(index, row?.embedding);
  }
  return Array.from({ length: texts }, (_, index) => {
    const values = repeated.has(index) ? undefined : rows.get(index);
    if (!Array.isArray(values)) return 'no vector of its own';
    const isWhole = values.every((value) => typeof value === 'number');
    return isWhole ? Float64Array.from(values) : 'a vector with entries that are no numbers';
  });
}

/** The first of several. */
function commonestLength(vectors: readonly Found[]): number | undefined {
  const counts = new Map<number, number>();
  for (const vector of vectors) {
    if (typeof vector === 'string' || vector.length === 0) continue;
    counts.set(vector.length, (counts.get(vector.length) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  return [...counts].find(([, times]) => times === most)?.[0];
}

function outcomeOf(found: Found, dimensions: number | undefined): EmbedOutcome {
  const isFit = typeof found !== 'string' && found.length === dimensions;
  const vector = isFit ? unitVector(found) : undefined;
  if (vector !== undefined) return { kind: 'embedded', vector };
  const got = typeof found === 'string' ? found : `a vector of length ${found.length}`;
  const message = `expected a vector of length ${dimensions ?? 'above 0'} with a direction, got ${got}`;
  return { kind: 'unscored', cause: 'unparsable', message };
}
