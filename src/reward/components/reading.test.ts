import { describe, expect, it } from 'vitest';
import type { Embedder } from '../../embed/embedder.ts';
import { contradiction } from './contradiction.ts';
import { scoreReading } from './reading.ts';

const never = new AbortController().signal;

/** Every text has the vector of its length, so that only equal lengths are near. */
function embedderOf(calls: (readonly string[])[] = []): Embedder {
  return {
    describe: { id: 'scripted', kind: 'openai', digest: 'scripted' },
    embed: async (texts) => {
      calls.push(texts);
      return texts.map((text) => ({
        kind: 'embedded',
        vector: Float32Array.from(text.length > 20 ? [1, 0] : [0.6, 0.8]),
      }));
    },
    probe: async () => undefined,
    close: async () => undefined,
  };
}

const reading = 'two nodules in the left lung';
const thought = (thinking: string) => `<X_RAY><thinking>${thinking}</thinking><answer>2</answer>`;

async function scoreOf(
  response: string,
  floor: number,
  seen: string | null = reading,
  embedder = embedderOf(),
) {
  const sample = {
    problem: 'How many?',
    images: [],
    referenceAnswer: 'two',
    accepted: [],
    ...(seen === null ? {} : { reading: seen }),
  };
  const item = {
    sample,
    response,
    check: { kind: 'exact', answer: '2' },
    isDecided: false,
  } as const;
  const [score] = await scoreReading([item], embedder, { floor }, contradiction, never);
  return score;
}

describe('the component reading', () => {
  it('gives the whole score to thinking that says the same, with a capital and a full stop', async () => {
    for (const floor of [0, 1]) {
      expect(await scoreOf(thought(reading), floor)).toMatchObject({ kind: 'scored', value: 1 });
      expect(await scoreOf(thought(' Two nodules in the left lung. '), floor)).toMatchObject({
        value: 1,
      });
    }
  });

  it('gives nothing to thinking that contradicts the reading, however near its vector', async () => {
    expect(await scoreOf(thought('two nodules in the right lung'), 0.5)).toMatchObject({
      value: 0,
    });
    expect(await scoreOf(thought('three nodules in the left lung'), 0.5)).toMatchObject({
      value: 0,
    });
  });

  it('rises from the floor for other words', async () => {
    const score = await scoreOf(thought('a large heart'), 0.2, 'cardiomegaly and effusion');
    expect(score).toMatchObject({ kind: 'scored', value: expect.closeTo(0.5, 6) });
  });

  it('asks no embedder where only the same words count', async () => {
    const calls: (readonly string[])[] = [];
    const score = await scoreOf(thought('nodules on the left'), 1, reading, embedderOf(calls));
    expect(score).toMatchObject({
      kind: 'scored',
      value: 0,
      detail: 'thinking is not the reading',
    });
    expect(calls.flat()).toEqual([]);
  });

  it('gives nothing without a single block of thinking, whatever the answer', async () => {
    for (const response of ['<answer>2</answer>', `${thought(reading)}${thought(reading)}`]) {
      expect(await scoreOf(response, 0)).toMatchObject({ kind: 'scored', value: 0 });
    }
  });

  it('does not apply to a sample that does not say what can be read', async () => {
    expect(await scoreOf(thought(reading), 0, null)).toBeUndefined();
  });
});
