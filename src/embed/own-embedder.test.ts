import { describe, expect, it } from 'vitest';
import { systemClock } from '../core/async/clock.ts';
import { createLedger } from '../http/ledger.ts';
import { openEmbedder } from './open-embedder.ts';
import type { OwnEmbedder } from './own-embedder.ts';

const never = new AbortController().signal;

function open(value: OwnEmbedder) {
  const load = async (reference: string) => ({ reference, value, digest: 'd' });
  return openEmbedder(
    { kind: 'module', module: './mine.ts#embedder' },
    { seed: 1, clock: systemClock, ledger: createLedger(), load },
  );
}

/** Vectors by text; other texts are not known. */
function scripted(vectors: Readonly<Record<string, readonly number[]>>) {
  const calls: (readonly string[])[] = [];
  const embedder: OwnEmbedder = {
    describe: { id: 'mine' },
    embed: (texts) => {
      calls.push(texts);
      return texts.map((text) => ({ kind: 'embedded', vector: vectors[text] ?? [] }));
    },
  };
  return { embedder, calls };
}

describe('an embedder of the user', () => {
  it('gives vectors that are scaled to unit length', async () => {
    const opened = await open(scripted({ liver: [3, 4] }).embedder);
    expect(opened.describe).toMatchObject({ id: 'mine', kind: 'module' });
    expect(await opened.embed(['liver'], never)).toEqual([
      { kind: 'embedded', vector: new Float32Array([0.6, 0.8]) },
    ]);
  });

  it('is asked once for a text', async () => {
    const { embedder, calls } = scripted({ liver: [1, 0], lung: [0, 1] });
    const opened = await open(embedder);
    await opened.embed(['liver', 'liver'], never);
    await opened.embed(['lung', 'liver'], never);
    expect(calls).toEqual([['liver'], ['lung']]);
  });

  it.each([
    ['has no direction', [0, 0]],
    ['is not finite', [Number.NaN, 1]],
    ['is longer than the others', [1, 0, 0]],
  ])('leaves a text unscored whose vector %s', async (_, vector) => {
    const opened = await open(scripted({ liver: [1, 0], lung: vector }).embedder);
    expect(await opened.embed(['liver', 'lung'], never)).toMatchObject([
      { kind: 'embedded' },
      { kind: 'unscored', cause: 'unparsable', message: expect.stringContaining('embedder mine') },
    ]);
  });
});
