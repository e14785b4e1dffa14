import { describe, expect, it } from 'vitest';
import { cosine, type EmbedOutcome } from './embedder.ts';
import { openLocalEmbedder } from './local-embedder.ts';

const never = new AbortController().signal;

function vectorOf(outcome: EmbedOutcome | undefined): Float32Array {
  if (outcome?.kind !== 'embedded') throw new Error(`not embedded: ${JSON.stringify(outcome)}`);
  return outcome.vector;
}

describe('local embedder', async () => {
  const embedder = await openLocalEmbedder();

  it('gives unit vectors that place paraphrases nearer than other findings', async () => {
    const texts = ['enlarged heart', 'the heart is enlarged', 'fracture of the left wrist'];
    const [a, b, c] = (await embedder.embed(texts, never)).map(vectorOf);
    if (!a || !b || !c) throw new Error('three vectors expected');
    expect(a).toHaveLength(embedder.describe.dimensions ?? 0);
    expect(cosine(a, a)).toBeCloseTo(1, 5);
    expect(cosine(a, b)).toBeGreaterThan(cosine(a, c) + 0.2);
  });

  it('gives a text the same vector, to the bit, alone and in a batch of many', async () => {
    const many = Array.from({ length: 20 }, (_, i) => `finding ${'of note '.repeat(i % 4)}${i}`);
    const batch = (await embedder.embed(many, never)).map(vectorOf);
    const fresh = await openLocalEmbedder();
    const [alone] = (await fresh.embed(['finding of note 1'], never)).map(vectorOf);
    expect(alone).toEqual(batch[1]);
  });

  it('that cannot be loaded is one clear error, before any text is embedded', async () => {
    const missing = () => Promise.reject(new Error('Cannot find package'));
    await expect(openLocalEmbedder(missing)).rejects.toThrow(
      /^@energetic-ai\/model-embeddings-en: expected the installed package, got Cannot find package; run npm install/,
    );
  });

  it('refuses what it finds no token in and leaves the others alone', async () => {
    const outcomes = await embedder.embed(['', 'mass'], never);
    expect(outcomes).toMatchObject([{ kind: 'unscored', cause: 'refused' }, { kind: 'embedded' }]);
  });

  it('stops when cancelled', async () => {
    const outcomes = await embedder.embed(['never seen before'], AbortSignal.abort());
    expect(outcomes).toMatchObject([{ kind: 'unscored', cause: 'cancelled' }]);
  });
});
