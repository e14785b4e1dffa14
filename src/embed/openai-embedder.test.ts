import { afterEach, describe, expect, it } from 'vitest';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { rngFromKey } from '../core/rng.ts';
import { createLedger } from '../http/ledger.ts';
import {
  type Behaviour,
  type EmbeddingRow,
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

  it.each<[string, (row: EmbeddingRow) => unknown]>([
    ['a null among its numbers', (row) => ({ ...row, embedding: [null, 0.2] })],
    ['text among its numbers', (row) => ({ ...row, embedding: ['1', 0.2] })],
    ['an object for a vector', (row) => ({ ...row, embedding: { 0: 1 } })],
    ['no vector', ({ index }) => ({ index })],
    ['null for a row', () => null],
    ['an index of its own kind', (row) => ({ ...row, index: 'first' })],
    ['an index below 0', (row) => ({ ...row, index: -1 })],
  ])('one text of 64 fails for %s, and no other', async (_, change) => {
    for (const bad of [0, 7, 63]) {
      const odd = embeddings((rows) => rows.map((row) => (row.index === bad ? change(row) : row)));
      const { embedder } = await embedderOn(() => odd, { vector: () => [3, 4] });
      const texts = Array.from({ length: 64 }, (_, i) => `text ${i}`);
      const outcomes = await embedder.embed(texts, never);
      const failed = outcomes.flatMap(({ kind }, place) => (kind === 'embedded' ? [] : [place]));
      expect(failed).toEqual([bad]);
      expect(outcomes[bad]).toMatchObject({ cause: 'unparsable' });
    }
  });

  it('takes the length that most vectors of its first answer have, whichever comes first', async () => {
    const odd = embeddings((rows) =>
      rows.map((row) => (row.index === 0 ? { ...row, embedding: [1] } : row)),
    );
    const { embedder } = await embedderOn(({ count }) => (count === 1 ? odd : undefined));
    const first = await embedder.embed(['a', 'b', 'c'], never);
    expect(first.map(({ kind }) => kind)).toEqual(['unscored', 'embedded', 'embedded']);
    expect(await embedder.embed(['d'], never)).toMatchObject([{ kind: 'embedded' }]);
  });

  it.each(['NaN', '-Infinity', 'Infinity'])(
    'one text fails for a %s as Python writes it',
    async (token) => {
      const spoilt: Behaviour = ({ response, healthy }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ note: '"NaN"', ...(healthy as object) }).replace('[7,', `[${token},`),
        );
      };
      const { embedder } = await embedderOn(() => spoilt, { vector: (text) => [Number(text), 4] });
      const outcomes = await embedder.embed(['6', '7', '8'], never);
      expect(outcomes.map(({ kind }) => kind)).toEqual(['embedded', 'unscored', 'embedded']);
    },
  );

  it('takes rows without any index in the order of the texts', async () => {
    const bare = embeddings((rows) => rows.map(({ embedding }) => ({ embedding })));
    const { embedder } = await embedderOn(() => bare, { vector: (text) => [3, Number(text)] });
    const outcomes = await embedder.embed(['4', '0'], never);
    expect(outcomes.map(vectorOf)).toEqual([
      new Float32Array([0.6, 0.8]),
      new Float32Array([1, 0]),
    ]);
  });

  it.each<[string, unknown, object]>([
    ['of total tokens alone', { total_tokens: 3 }, { inputTokens: 3, unmetered: 0 }],
    ['in words', 'unknown', { inputTokens: 0, unmetered: 1 }],
    ['that is null', { prompt_tokens: null }, { inputTokens: 0, unmetered: 1 }],
    ['without any', undefined, { inputTokens: 0, unmetered: 1 }],
  ])('takes vectors beside usage %s', async (_, usage, counted) => {
    const { embedder, ledger } = await embedderOn((call) =>
      json({ ...(call.healthy as object), usage }),
    );
    expect(await embedder.embed(['mass'], never)).toMatchObject([{ kind: 'embedded' }]);
    expect(ledger.summary()['embedder']).toMatchObject(counted);
  });

  it('finds the one text that a server refuses', async () => {
    const { embedder, server } = await embedderOn(({ body }) =>
      (body['input'] as string[]).includes('text 40') ? status(400, 'too long') : undefined,
    );
    const texts = Array.from({ length: 64 }, (_, i) => `text ${i}`);
    const outcomes = await embedder.embed(texts, never);
    expect(outcomes.flatMap(({ kind }, place) => (kind === 'embedded' ? [] : [place]))).toEqual([
      40,
    ]);
    expect(outcomes[40]).toMatchObject({
      cause: 'refused',
      message: expect.stringMatching(/long/),
    });
    expect(server.calls.length).toBeLessThanOrEqual(14);
  });

  it('does not look for a text where the server refuses everything', async () => {
    const { embedder, server } = await embedderOn(() => status(400, 'no such encoding'));
    const texts = Array.from({ length: 64 }, (_, i) => `text ${i}`);
    const outcomes = await embedder.embed(texts, never);
    expect(outcomes.every((outcome) => outcome.kind === 'unscored')).toBe(true);
    expect(server.calls).toHaveLength(2);
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
