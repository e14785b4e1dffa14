import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { rngFromKey } from '../core/rng.ts';
import { systemClock } from './clock.ts';
import { cosine, type EmbedOutcome } from './embedder.ts';
import { cacheEmbeddings } from './embedding-cache.ts';
import { openLocalEmbedder } from './local-embedder.ts';
import { createOpenAiEmbedder } from './openai-embedder.ts';

const never = new AbortController().signal;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

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

  it('gives a text the same vector alone and in a batch of many', async () => {
    const many = Array.from({ length: 20 }, (_, i) => `finding ${'of note '.repeat(i % 4)}${i}`);
    const batch = (await embedder.embed(many, never)).map(vectorOf);
    const fresh = await openLocalEmbedder();
    const [alone] = (await fresh.embed(['finding of note 1'], never)).map(vectorOf);
    expect(cosine(alone ?? new Float32Array(), batch[1] ?? new Float32Array())).toBeCloseTo(1, 4);
  });

  it('that cannot be loaded is one clear error, before any text is embedded', async () => {
    const missing = () => Promise.reject(new Error('Cannot find package'));
    await expect(openLocalEmbedder(missing)).rejects.toThrow(
      /^@energetic-ai\/model-embeddings-en: expected the installed package, got Cannot find package; run npm install/,
    );
  });

  it('refuses blank texts and leaves the others alone', async () => {
    const outcomes = await embedder.embed([' ', 'mass'], never);
    expect(outcomes).toMatchObject([{ kind: 'unscored', cause: 'refused' }, { kind: 'embedded' }]);
  });

  it('stops when cancelled', async () => {
    const outcomes = await embedder.embed(['never seen before'], AbortSignal.abort());
    expect(outcomes).toMatchObject([{ kind: 'unscored', cause: 'cancelled' }]);
  });
});

describe('cacheEmbeddings', () => {
  it('asks for each new text once and forgets failures', async () => {
    const asked: (readonly string[])[] = [];
    const embed = cacheEmbeddings(async (texts) => {
      asked.push(texts);
      return texts.map((text) =>
        text === 'bad' && asked.length === 1
          ? { kind: 'unscored', cause: 'timeout', message: 'late' }
          : { kind: 'embedded', vector: new Float32Array([text.length]) },
      );
    });
    expect(await embed(['a', 'bad', 'a'], never)).toMatchObject([
      { kind: 'embedded' },
      { kind: 'unscored' },
      { kind: 'embedded' },
    ]);
    expect(await embed(['bad', 'a'], never)).toMatchObject([
      { kind: 'embedded' },
      { kind: 'embedded' },
    ]);
    expect(asked).toEqual([['a', 'bad'], ['bad']]);
  });
});

describe('openai embedder', () => {
  async function embedderServing(vectorFor: (text: string) => number[] | undefined) {
    const batches: string[][] = [];
    const server = createServer(async (incoming, outgoing) => {
      let text = '';
      for await (const chunk of incoming) text += chunk;
      const { input } = JSON.parse(text) as { input: string[] };
      batches.push(input);
      const data = input.flatMap((one, index) => {
        const embedding = vectorFor(one);
        return embedding ? [{ index, embedding }] : [];
      });
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.end(JSON.stringify({ data: data.length > 3 ? data.reverse() : data }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const options = {
      baseUrl,
      model: 'e',
      concurrency: 2,
      deadlineMs: 5000,
      attempts: 1,
    };
    const context = { rng: rngFromKey('test'), clock: systemClock };
    return { embedder: createOpenAiEmbedder(options, context), batches };
  }

  it('batches, scales to unit length and goes by index, not by order', async () => {
    const { embedder, batches } = await embedderServing((text) => [3, Number(text)]);
    const outcomes = await embedder.embed(
      Array.from({ length: 100 }, (_, i) => String(i)),
      never,
    );
    expect(vectorOf(outcomes[4])).toEqual(new Float32Array([0.6, 0.8]));
    expect(batches.map(({ length }) => length).sort()).toEqual([36, 64]);
  });

  it('leaves a text unscored when its vector is missing or of the wrong length', async () => {
    const { embedder } = await embedderServing((text) =>
      text === 'missing' ? undefined : text === 'long' ? [1, 2, 3] : [1, 0],
    );
    expect(await embedder.embed(['fine', 'long', 'missing'], never)).toMatchObject([
      { kind: 'embedded' },
      { kind: 'unscored', cause: 'unparsable' },
      { kind: 'unscored', cause: 'unparsable' },
    ]);
  });
});
