import { describe, expect, it } from 'vitest';
import { cosine, type EmbedOutcome } from './embedder.ts';
import { byTensorFlow, openLocalEmbedder } from './local-embedder.ts';

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

  it('gives the vectors of the package itself, to 1e-6, and another digest', async () => {
    const original = await openLocalEmbedder(byTensorFlow);
    const texts = [
      'mass',
      'a large left-sided pleural effusion is present',
      'Übergröße des Herzens 🫀',
      'no acute finding; '.repeat(40),
    ];
    const [ours, theirs] = await Promise.all(
      [embedder, original].map(async (one) => (await one.embed(texts, never)).map(vectorOf)),
    );
    texts.forEach((text, i) => {
      const differences = ours![i]!.map((x, j) => Math.abs(x - theirs![i]![j]!));
      expect(Math.max(...differences), text).toBeLessThan(1e-6);
    });
    expect(embedder.describe.digest).not.toBe(original.describe.digest);
  });

  it('answers simultaneous calls each in its order', async () => {
    const calls = [['mass', 'no finding'], ['no finding'], ['cyst', 'mass']];
    const answers = await Promise.all(calls.map((texts) => embedder.embed(texts, never)));
    for (const [i, texts] of calls.entries()) {
      expect(answers[i]).toEqual(await embedder.embed(texts, never));
    }
  });

  it('stops for who has cancelled once nobody else waits, and answers the others', async () => {
    const [gone, here] = await Promise.all([
      embedder.embed(['old fracture'], AbortSignal.abort()),
      embedder.embed(['new fracture'], never),
    ]);
    expect(gone).toHaveLength(1);
    expect(here).toMatchObject([{ kind: 'embedded' }]);
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
