/**
 * Asks an embedding model only for texts it has not seen: references recur in every iteration and
 * answers within a group. Failures are not remembered.
 */
import { defined } from '../core/errors.ts';
import type { EmbedOutcome } from './embedder.ts';
import { createMemory } from './memory.ts';

type EmbedTexts = (
  texts: readonly string[],
  signal: AbortSignal,
) => Promise<readonly EmbedOutcome[]>;

/** Vectors kept; 40 MB at 512 dimensions. */
const rememberedVectors = 20_000;

/** @param embedNew Called with distinct, non-blank, unknown texts; answers them in order. */
export function cacheEmbeddings(embedNew: EmbedTexts): EmbedTexts {
  const vectors = createMemory<Float32Array>(rememberedVectors);

  return async (texts, signal) => {
    const outcomes = new Map<string, EmbedOutcome>();
    const unknown: string[] = [];
    for (const text of new Set(texts)) {
      const vector = vectors.get(text);
      if (vector !== undefined) outcomes.set(text, { kind: 'embedded', vector });
      else if (text.trim() === '') outcomes.set(text, blank);
      else unknown.push(text);
    }
    const answers = unknown.length > 0 ? await embedNew(unknown, signal) : [];
    for (const [index, text] of unknown.entries()) {
      const outcome = defined(answers[index], 'embedding');
      if (outcome.kind === 'embedded') vectors.put(text, outcome.vector);
      outcomes.set(text, outcome);
    }
    return texts.map((text) => defined(outcomes.get(text), 'embedding'));
  };
}

const blank: EmbedOutcome = {
  kind: 'unscored',
  cause: 'refused',
  message: 'a blank text has no embedding',
};
