/**
 * Asks an embedding model only for texts it has not seen, over all runs that share a store: references
 * recur in every iteration and answers within a group. Simultaneous callers share what is on its way.
 * Failures are not kept.
 */
import type { AnswerStore } from '../cache/answer-store.ts';
import { createMemory } from '../core/async/memory.ts';
import { digestOf } from '../core/digest.ts';
import { defined } from '../core/errors.ts';
import type { Ledger } from '../http/ledger.ts';
import type { Embedder, EmbedOutcome } from './embedder.ts';

/** Vectors kept in memory; 40 MB at 512 dimensions. */
const rememberedVectors = 20_000;

/**
 * The same embedder with a memory, called with distinct, unknown texts. Closes embedder and
 * store with itself.
 *
 * Only vectors of the length that the encoder gave last are remembered: a server may have another encoder
 * under the same name by now, and vectors of two encoders cannot be compared.
 */
export function rememberEmbeddings(
  embedder: Embedder,
  { store, ledger }: { readonly store?: AnswerStore; readonly ledger: Ledger },
): Embedder {
  let recent = createMemory<Float32Array>(rememberedVectors);
  const { digest, dimensions } = embedder.describe;
  const lengthKey = digestOf([digest, 'length']);
  let length = dimensions ?? readLength(store?.get('vector', lengthKey));
  const keyOf = (text: string) => digestOf([digest, length, text]);

  const recall = (text: string): Float32Array | undefined => {
    const known = recent.get(text);
    if (known !== undefined || store === undefined || length === undefined) return known;
    const stored = vectorOf(store.get('vector', keyOf(text)), length);
    if (stored !== undefined) recent.put(text, stored);
    return stored;
  };
  const keep = async (text: string, vector: Float32Array): Promise<void> => {
    if (vector.length !== length) {
      length = vector.length;
      recent = createMemory<Float32Array>(rememberedVectors);
      await store?.put('vector', lengthKey, Buffer.from(String(length)));
    }
    recent.put(text, vector);
    await store?.put('vector', keyOf(text), bytesOf(vector));
  };

  /** What other machines have stored, where the store is shared. */
  const fetchKnown = async (texts: readonly string[]): Promise<void> => {
    if (store?.fetch === undefined) return;
    if (length === undefined) {
      await store.fetch('vector', [lengthKey]);
      length ??= readLength(store.get('vector', lengthKey));
    }
    if (length === undefined) return;
    const wanted = [...new Set(texts)].filter((text) => recent.get(text) === undefined);
    await store.fetch('vector', wanted.map(keyOf));
  };

  /** Texts on their way: simultaneous callers share them. */
  const flights = new Map<string, Promise<EmbedOutcome>>();

  const askFor = (texts: readonly string[], signal: AbortSignal): void => {
    if (texts.length === 0) return;
    const answers = embedder.embed(texts, signal);
    for (const [index, text] of texts.entries()) {
      const land = async () => {
        const outcome = defined((await answers)[index], 'embedding');
        if (outcome.kind === 'embedded') await keep(text, outcome.vector);
        return outcome;
      };
      flights.set(
        text,
        land().finally(() => flights.delete(text)),
      );
    }
  };

  const embed = async (
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly EmbedOutcome[]> => {
    if (store?.fetch !== undefined) await fetchKnown(texts);
    const outcomes = new Map<string, EmbedOutcome>();
    const unknown: string[] = [];
    for (const text of new Set(texts)) {
      const vector = recall(text);
      if (vector !== undefined) {
        outcomes.set(text, { kind: 'embedded', vector });
        ledger.reused('embedder');
      } else unknown.push(text);
    }
    askFor(
      unknown.filter((text) => !flights.has(text)),
      signal,
    );
    const landed = unknown.map((text) => defined(flights.get(text), 'flight'));
    for (const [index, outcome] of (await Promise.all(landed)).entries()) {
      outcomes.set(defined(unknown[index], 'text'), outcome);
    }
    // Whoever asked first may have given up; that is no answer for the others.
    const dropped = unknown.filter((text) => isCancelled(outcomes.get(text)));
    if (dropped.length > 0 && !signal.aborted) {
      const again = await embed(dropped, signal);
      for (const [index, text] of dropped.entries()) {
        outcomes.set(text, defined(again[index], 'embedding'));
      }
    }
    return texts.map((text) => defined(outcomes.get(text), 'embedding'));
  };

  return {
    describe: embedder.describe,
    embed,
    probe: embedder.probe,
    close: async () => {
      await embedder.close();
      await store?.close();
    },
  };
}

function isCancelled(outcome: EmbedOutcome | undefined): boolean {
  return outcome?.kind === 'unscored' && outcome.cause === 'cancelled';
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Copied, because a Float32Array needs an aligned start. */
function vectorOf(bytes: Uint8Array | undefined, length: number): Float32Array | undefined {
  return bytes?.length === 4 * length ? new Float32Array(bytes.slice().buffer) : undefined;
}

function readLength(bytes: Uint8Array | undefined): number | undefined {
  const length = bytes === undefined ? Number.NaN : Number(Buffer.from(bytes).toString());
  return Number.isSafeInteger(length) && length > 0 ? length : undefined;
}
