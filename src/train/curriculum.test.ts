import { describe, expect, it } from 'vitest';
import type { PreparePrompt } from '../rollout/prepare-prompts.ts';
import { byPassRate, passRatesAfter, shareTaken } from './curriculum.ts';
import { toySamples } from './loop.fixture.ts';
import { createPromptSource } from './prompt-source.ts';
import { sampleSetOf } from './sample-order.ts';
import type { ScoredRollout } from './score-rollouts.ts';

const prepare: PreparePrompt = async (sample) => ({
  kind: 'prepared',
  sample,
  prompt: { tokens: Int32Array.of(1), images: [] },
});
const source = createPromptSource(sampleSetOf(toySamples), prepare, 1);
const even = { targetPassRate: 0.5 };

async function timesTaken(passRates: Readonly<Record<string, number>>, prompts: number) {
  const { prompts: taken, draws } = await byPassRate(source, passRates, even, 1).take(prompts, 0);
  const times = new Map<string, number>();
  for (const { sample } of taken) times.set(sample.id, (times.get(sample.id) ?? 0) + 1);
  return { times, taken, draws };
}

describe('a curriculum', () => {
  it('takes prompts at the target always, and others the less often the further they are', () => {
    const shares = [0, 0.25, 0.5, 0.75, 1].map((rate) => shareTaken(rate, even));
    expect(shares).toEqual([0.1, 0.5, 1, 0.5, 0.1]);
    // The nearer end of a target that is not in the middle is passed over less than the further one.
    expect(shareTaken(1, { targetPassRate: 0.75 })).toBeCloseTo(2 / 3, 12);
    expect(shareTaken(0, { targetPassRate: 0.75 })).toBe(0.1);
  });

  it('takes what was never measured as without a curriculum', async () => {
    const { taken, draws } = await timesTaken({}, 30);
    const { rejected: _, ...plain } = await source.take(30, 0);
    expect({ prompts: taken, draws }).toEqual(plain);
  });

  it('draws solved and hopeless prompts about a tenth as often, and forgets none', async () => {
    const rates = [0, 0.5, 1];
    const measured = Object.fromEntries(toySamples.map(({ id }, i) => [id, rates[i % 3] ?? 0]));
    const { times, draws } = await timesTaken(measured, 1200);
    const sums = [0, 0, 0];
    for (const [i, { id }] of toySamples.entries()) {
      expect(times.get(id)).toBeGreaterThan(0);
      sums[i % 3] = (sums[i % 3] ?? 0) + (times.get(id) ?? 0);
    }
    const [hopeless = 0, teaching = 0, solved = 0] = sums;
    expect(hopeless / teaching).toBeCloseTo(0.1, 1);
    expect(solved / teaching).toBeCloseTo(0.1, 1);
    // Every prompt comes once an epoch, whether or not it is taken.
    expect(Math.abs(teaching - draws / 3)).toBeLessThan(toySamples.length);
  });

  it('takes the same whether prompts are asked for at once or one after the other', async () => {
    const measured = Object.fromEntries(toySamples.map(({ id }) => [id, 0.1]));
    const { taken } = await timesTaken(measured, 20);
    const wanted = byPassRate(source, measured, even, 1);
    const singly = [];
    for (let draws = 0; singly.length < 20; ) {
      const one = await wanted.take(1, draws);
      singly.push(...one.prompts);
      draws = one.draws;
    }
    expect(singly.map(({ draw }) => draw)).toEqual(taken.map(({ draw }) => draw));
  });
});

it('pass rates are shares of right answers; a group without a score leaves what was known', () => {
  const answer = (id: string, right: boolean | undefined) => {
    const score = { kind: 'scored', value: right ? 1 : 0 } as const;
    const failure = { kind: 'unscored', cause: 'timeout', message: 'none' } as const;
    const components = { judge: right === undefined ? failure : score, format: score };
    const outcome =
      right === undefined
        ? { ...failure, components }
        : { kind: 'scored', reward: score.value, components };
    return { rollout: { sample: { id } }, outcome } as unknown as ScoredRollout;
  };
  const groups = [
    { rollouts: [answer('a', true), answer('a', false), answer('a', undefined)] },
    { rollouts: [answer('b', undefined)] },
    { rollouts: [answer('c', true)] },
  ];
  const before = { a: 0.1, b: 0.2 };
  expect(passRatesAfter(even, before, groups)).toEqual({ passRates: { a: 0.5, b: 0.2, c: 1 } });
  expect(passRatesAfter(null, before, groups)).toEqual({});
});
