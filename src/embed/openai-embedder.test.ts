import { afterEach, describe, expect, it } from 'vitest';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { rngFromKey } from '../core/rng.ts';
import { createLedger } from '../http/ledger.ts';
import {
  type Behaviour,
  embeddings,
  type HealthyParts,
  json,
  type ServerCall,
  startMisbehavingServer,
  status,
} from '../http/misbehaving-server.fixture.ts';
import type { EmbedOutcome } from './embedder.ts';
import { createOpenAiEmbedder } from './openai-embedder.ts';

const never = new AbortController().signal;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function embedderOn(
  script?: (call: ServerCall) => Behaviour | undefined,
  parts: HealthyParts = {},
) {
  const server = await startMisbehavingServer(script, parts);
  const ledger = createLedger();
  const embedder = createOpenAiEmbedder(
    { url: server.url, model: 'embedder', concurrency: 2, deadlineMs: 200_000, attempts: 1 },
    { rng: rngFromKey('test'), clock: createTestClock(200_000), ledger, use: 'embedder' },
  );
  closing.push(server.stop, () => void embedder.close());
  return { embedder, server, ledger };
}

function vectorOf(outcome: EmbedOutcome | undefined): Float32Array {
  if (outcome?.kind !== 'embedded') throw new Error(`not embedded: ${JSON.stringify(outcome)}`);
  return outcome.vector;
}

describe('openai embedder', () => {
  it('batches, scales to unit length and goes by index, not by order', async () => {
    const reversed = embeddings((rows) => [...rows].reverse());
    const { embedder, server, ledger } = await embedderOn(() => reversed, {
      vector: (text) => [3, Number(text)],
    });
    const outcomes = await embedder.embed(
      Array.from({ length: 100 }, (_, i) => String(i)),
      never,
    );
    expect(vectorOf(outcomes[4])).toEqual(new Float32Array([0.6, 0.8]));
    const lengths = server.calls.map(({ body }) => (body['input'] as string[]).length);
    expect(lengths.sort()).toEqual([36, 64]);
    expect(ledger.summary()['embedder']).toMatchObject({ requests: 2, inputTokens: 180 });
  });

  it('asks for each blank text apart, so that no other fails with it', async () => {
    const { embedder, server } = await embedderOn(({ body }) =>
      (body['input'] as string[])[0] === ' ' ? status(400, 'empty input') : undefined,
    );
    expect(await embedder.embed([' ', 'mass', '', 'cyst'], never)).toMatchObject([
      { kind: 'unscored', cause: 'refused' },
      { kind: 'embedded' },
      { kind: 'embedded' },
      { kind: 'embedded' },
    ]);
    const inputs = server.calls.map(({ body }) => JSON.stringify(body['input']));
    expect(inputs.sort()).toEqual(['[" "]', '[""]', '["mass","cyst"]']);
  });

  it('leaves a text unscored when its vector is missing, doubled, without direction or of another length', async () => {
    const odd = embeddings((rows) => {
      const [fine, missing, doubled, zero, long] = rows;
      if (!fine || !missing || !doubled || !zero || !long) throw new Error('five rows expected');
      return [
        fine,
        doubled,
        { ...doubled, embedding: [0, 1] },
        { ...zero, embedding: [0, 0] },
        { ...long, embedding: [1, 2, 3] },
      ];
    });
    const { embedder } = await embedderOn(() => odd, { vector: () => [1, 0] });
    const unparsable = { kind: 'unscored', cause: 'unparsable' };
    expect(
      await embedder.embed(['fine', 'missing', 'doubled', 'zero', 'long'], never),
    ).toMatchObject([{ kind: 'embedded' }, unparsable, unparsable, unparsable, unparsable]);
  });

  it('fails only the text whose vector is bad, the first one too', async () => {
    const data = [
      { index: 0, embedding: [null, 0.2] },
      { index: 1, embedding: [0.3, 0.2] },
      { index: 2, embedding: 'AAAA' },
      null,
      { index: 4, embedding: [0.3, 0.2], object: 7 },
    ];
    const { embedder } = await embedderOn(() => json({ data }));
    const unparsable = { kind: 'unscored', cause: 'unparsable' };
    expect(await embedder.embed(['a', 'b', 'c', 'd', 'e'], never)).toMatchObject([
      unparsable,
      { kind: 'embedded' },
      unparsable,
      unparsable,
      { kind: 'embedded' },
    ]);
  });

  it('takes the length that most vectors have', async () => {
    const lengths = [3, 2, 2];
    const odd = embeddings((all) =>
      all.map((row, at) => ({ ...row, embedding: Array(lengths[at]).fill(1) })),
    );
    const { embedder } = await embedderOn(() => odd);
    const kinds = (await embedder.embed(['a', 'b', 'c'], never)).map(({ kind }) => kind);
    expect(kinds).toEqual(['unscored', 'embedded', 'embedded']);
  });

  it('goes by order where no row has an index, and needs no usage', async () => {
    const data = [{ embedding: [1, 0] }, { embedding: [0, 1] }];
    const { embedder, ledger } = await embedderOn(() => json({ data, usage: { total_tokens: 3 } }));
    const outcomes = await embedder.embed(['a', 'b'], never);
    expect(vectorOf(outcomes[1])).toEqual(new Float32Array([0, 1]));
    expect(ledger.summary()['embedder']).toMatchObject({ requests: 1, unmetered: 1 });
  });

  it('gives every text of a failed request its cause', async () => {
    const { embedder } = await embedderOn(() => status(401, 'expired'));
    const refused = { kind: 'unscored', cause: 'refused' };
    expect(await embedder.embed(['a', 'b'], never)).toMatchObject([refused, refused]);
    expect(await embedder.embed(['a'], AbortSignal.abort())).toMatchObject([
      { kind: 'unscored', cause: 'cancelled' },
    ]);
  });

  it('is probed by the list of models', async () => {
    const { embedder } = await embedderOn(undefined, { models: ['other'] });
    expect(await embedder.probe(never)).toMatchObject({
      cause: 'refused',
      message: 'model "embedder" is unknown; the server offers "other"',
    });
  });
});
