import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAnswerStore } from '../cache/answer-store.ts';
import { createLedger } from '../http/ledger.ts';
import { type Embedder, type EmbedOutcome, nearestOf } from './embedder.ts';
import { rememberEmbeddings } from './embedding-cache.ts';

const never = new AbortController().signal;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-vectors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Counts its calls; `script` decides the outcome of a text. */
function scripted(
  script: (text: string, call: number) => EmbedOutcome = (text) => ({
    kind: 'embedded',
    vector: new Float32Array([text.length, 1 / 3]),
  }),
  digest = 'e',
) {
  const calls: (readonly string[])[] = [];
  const embedder: Embedder = {
    describe: { id: 'scripted', kind: 'onnx', digest },
    embed: async (texts) => {
      calls.push(texts);
      return texts.map((text) => script(text, calls.length));
    },
    probe: async () => undefined,
    close: async () => {},
  };
  return { embedder, calls };
}

describe('rememberEmbeddings', () => {
  it('asks for each new text once and forgets failures', async () => {
    const { embedder, calls } = scripted((text, call) =>
      text === 'bad' && call === 1
        ? { kind: 'unscored', cause: 'timeout', message: 'late' }
        : { kind: 'embedded', vector: new Float32Array([text.length]) },
    );
    const ledger = createLedger();
    const { embed } = rememberEmbeddings(embedder, { ledger });
    expect(await embed(['a', 'bad', 'a'], never)).toMatchObject([
      { kind: 'embedded' },
      { kind: 'unscored' },
      { kind: 'embedded' },
    ]);
    expect(await embed(['bad', 'a'], never)).toMatchObject([
      { kind: 'embedded' },
      { kind: 'embedded' },
    ]);
    expect(calls).toEqual([['a', 'bad'], ['bad']]);
    expect(ledger.summary()['embedder']).toMatchObject({ reused: 1 });
  });

  it('lets simultaneous callers share a text, and one who gives up harms nobody', async () => {
    const { embedder } = scripted();
    const calls: (readonly string[])[] = [];
    const slow: Embedder = {
      ...embedder,
      embed: (texts, signal) => {
        calls.push(texts);
        return new Promise((resolve) => {
          const cancelled = { kind: 'unscored', cause: 'cancelled', message: 'given up' } as const;
          signal.addEventListener('abort', () => resolve(texts.map(() => cancelled)));
          if (calls.length > 1) resolve(embedder.embed(texts, signal));
        });
      },
    };
    const { embed } = rememberEmbeddings(slow, { ledger: createLedger() });
    const impatient = new AbortController();
    const first = embed(['mass', 'cyst'], impatient.signal);
    const second = embed(['mass'], never);
    const third = embed(['cyst', 'mass'], never);
    expect(calls).toEqual([['mass', 'cyst']]);
    impatient.abort();
    expect(await first).toMatchObject([{ cause: 'cancelled' }, { cause: 'cancelled' }]);
    expect(await second).toMatchObject([{ kind: 'embedded' }]);
    expect(await third).toMatchObject([{ kind: 'embedded' }, { kind: 'embedded' }]);
    expect(calls.slice(1).flat().sort()).toEqual(['cyst', 'mass']);
  });

  it('takes a blank text for a text', async () => {
    const { embedder, calls } = scripted();
    const { embed } = rememberEmbeddings(embedder, { ledger: createLedger() });
    for (let round = 0; round < 2; round++) {
      expect(await embed([''], never)).toMatchObject([{ kind: 'embedded' }]);
    }
    expect(calls).toEqual([['']]);
  });

  it('finds the vectors of an earlier run to the last bit, those of its own encoder only', async () => {
    const path = join(folder, 'store');
    const first = scripted();
    const before = rememberEmbeddings(first.embedder, {
      store: openAnswerStore(path),
      ledger: createLedger(),
    });
    const [asked] = await before.embed(['mass'], never);
    await before.close();

    const [same, other] = [scripted(), scripted(undefined, 'another')];
    const after = rememberEmbeddings(same.embedder, {
      store: openAnswerStore(path),
      ledger: createLedger(),
    });
    expect(await after.embed(['mass'], never)).toEqual([asked]);
    expect(same.calls).toEqual([]);
    await after.close();

    const changed = rememberEmbeddings(other.embedder, {
      store: openAnswerStore(path),
      ledger: createLedger(),
    });
    await changed.embed(['mass'], never);
    expect(other.calls).toEqual([['mass']]);
    await changed.close();
  });

  it('compares no vector of an earlier encoder of the same name, and forgets neither', async () => {
    const path = join(folder, 'another length');
    const ofLength = (length: number) =>
      scripted(() => ({ kind: 'embedded', vector: new Float32Array(length).fill(1) }));
    const asked = async (length: number, texts: readonly string[]) => {
      const { embedder, calls } = ofLength(length);
      const memory = rememberEmbeddings(embedder, {
        store: openAnswerStore(path),
        ledger: createLedger(),
      });
      const outcomes = await memory.embed(texts, never);
      await memory.close();
      return { outcomes, calls: calls.flat() };
    };
    await asked(8, ['mass', 'cyst']);
    // Another encoder by now: what is kept cannot be compared with what it gives.
    const mixed = await asked(16, ['mass', 'node']);
    expect(mixed.calls).toEqual(['node']);
    const [kept, fresh] = mixed.outcomes as [EmbedOutcome, EmbedOutcome];
    expect(nearestOf(kept, [fresh])).toMatchObject({
      kind: 'unscored',
      cause: 'unparsable',
      message: 'vectors of length 8 and 16 cannot be compared',
    });
    expect((await asked(16, ['mass', 'node'])).calls).toEqual(['mass']);
    expect((await asked(16, ['mass', 'node'])).calls).toEqual([]);
    // And back again.
    expect((await asked(8, ['lung'])).calls).toEqual(['lung']);
    expect((await asked(8, ['mass', 'cyst', 'lung'])).calls).toEqual([]);
  });
});
