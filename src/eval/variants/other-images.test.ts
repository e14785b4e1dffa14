import { describe, expect, it } from 'vitest';
import type { EvalSample } from '../tasks/sample.ts';
import { withOtherImages } from './other-images.ts';

function sampleOf(index: number, cluster: string, bytes = 1): EvalSample {
  return {
    id: `t-${index}`,
    source: 't',
    index,
    kind: 'open',
    stem: '?',
    problem: '?',
    choices: [],
    referenceAnswer: '!',
    accepted: [],
    images: [{ bytes: new Uint8Array(bytes), name: cluster }],
    imageDigests: [cluster],
    cluster,
    subgroups: {},
  };
}

async function* stream(count: number, clusterOf: (index: number) => string, bytes?: number) {
  for (let index = 0; index < count; index++) yield sampleOf(index, clusterOf(index), bytes);
}

async function collect(samples: AsyncIterable<EvalSample>) {
  const pairs = [];
  for await (const { sample, otherImages } of withOtherImages(samples)) {
    pairs.push({ index: sample.index, clusters: otherImages.map(({ cluster }) => cluster) });
  }
  return pairs;
}

describe('withOtherImages', () => {
  it('keeps the order and gives the first sample clusters that come after it', async () => {
    const pairs = await collect(stream(300, (index) => `c${Math.floor(index / 3)}`));
    expect(pairs.map(({ index }) => index)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(pairs[0]?.clusters).toHaveLength(64);
    expect(pairs[299]?.clusters).toContain('c98');
    expect(pairs[299]?.clusters).toHaveLength(64);
  });

  it('gives a short stream all of its clusters, and the same ones every time', async () => {
    const pairs = await collect(stream(5, (index) => `c${index}`));
    expect(pairs.every(({ clusters }) => clusters.length === 5)).toBe(true);
    expect(await collect(stream(5, (index) => `c${index}`))).toEqual(pairs);
  });

  it('does not wait for the end of a stream that has a single cluster', async () => {
    let read = 0;
    async function* endless() {
      for (;;) yield sampleOf(read++, 'only');
    }
    for await (const { otherImages } of withOtherImages(endless())) {
      expect(otherImages.map(({ cluster }) => cluster)).toEqual(['only']);
      break;
    }
    expect(read).toBeLessThanOrEqual(2048);
  });

  it('keeps fewer clusters of large images', async () => {
    const pairs = await collect(stream(20, (index) => `c${index}`, 2 ** 25));
    expect(pairs[19]?.clusters).toHaveLength(8);
  });

  it('gives none to samples without images', async () => {
    async function* texts() {
      yield { ...sampleOf(0, 'a'), images: [], imageDigests: [] };
      yield sampleOf(1, 'b');
    }
    expect(await collect(texts())).toEqual([
      { index: 0, clusters: [] },
      { index: 1, clusters: ['b'] },
    ]);
  });
});
