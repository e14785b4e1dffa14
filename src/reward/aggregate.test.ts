import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JudgeOutcome } from '../judge/judge.ts';
import { aggregate } from './aggregate.ts';
import { createReward } from './composite.ts';
import { openRewardProfile, type RewardProfile } from './profile.ts';
import type { RewardItem } from './reward-item.ts';
import { type ComponentName, type Components, componentNames } from './score.ts';
import { dead, no, scriptedEmbedder, scriptedJudge, yes } from './scripted.fixture.ts';

const never = new AbortController().signal;
const shipped = await openRewardProfile('medix-r1');

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const weights = fc
  .tuple(unit, unit, unit, unit)
  .filter(([judge, similarity]) => judge + similarity > 0.01)
  .map((parts) => {
    const [judge, similarity, modality, format] = parts.map(
      (part) => part / parts.reduce((a, b) => a + b, 0),
    ) as [number, number, number, number];
    return { judge, similarity, modality, format };
  });
const profiles: fc.Arbitrary<RewardProfile> = fc.record({
  ...Object.fromEntries(Object.entries(shipped).map(([key, value]) => [key, fc.constant(value)])),
  weights,
  aggregation: fc.constantFrom('sum', 'gated', 'per-component'),
  gates: fc.constantFrom<ComponentName[][]>(['format'], ['modality', 'format']),
}) as fc.Arbitrary<object> as fc.Arbitrary<RewardProfile>;

const items = fc.record({ hasImage: fc.boolean(), hasTag: fc.boolean() }).map(
  ({ hasImage, hasTag }): RewardItem => ({
    sample: {
      problem: '',
      images: hasImage ? [{ bytes: new Uint8Array(), name: '' }] : [],
      referenceAnswer: 'a',
      accepted: [],
      ...(hasTag ? { modality: 'OTHER' } : {}),
    },
    response: '',
  }),
);
const valueSets = fc.record({
  judge: unit,
  similarity: unit,
  modality: unit,
  format: unit,
  rubric: unit,
  findings: unit,
  reading: unit,
});

function componentsOf(
  values: Readonly<Record<string, number>>,
  { sample }: RewardItem,
): Components {
  const score = (name: string) => ({ kind: 'scored', value: values[name] ?? 0 }) as const;
  const { judge, similarity, format } = {
    judge: score('judge'),
    similarity: score('similarity'),
    format: score('format'),
  };
  return {
    judge,
    similarity,
    format,
    ...(sample.modality === undefined ? {} : { modality: score('modality') }),
  };
}

function rewardOf(profile: RewardProfile, item: RewardItem, values: Record<string, number>) {
  const outcome = aggregate(profile, item, componentsOf(values, item));
  if (outcome.kind !== 'scored') throw new Error(outcome.message);
  return outcome.reward;
}

describe('a reward', () => {
  it('lies in [0, 1], at its ends where every component does', () => {
    fc.assert(
      fc.property(profiles, items, valueSets, (profile, item, values) => {
        const reward = rewardOf(profile, item, values);
        expect(reward).toBeGreaterThanOrEqual(0);
        expect(reward).toBeLessThanOrEqual(1);
        const all = (value: number) =>
          Object.fromEntries(componentNames.map((name) => [name, value]));
        expect(rewardOf(profile, item, all(1))).toBeCloseTo(1, 9);
        expect(rewardOf(profile, item, all(0))).toBe(0);
      }),
    );
  });

  it('never falls when a component rises', () => {
    const name = fc.constantFrom(...componentNames);
    fc.assert(
      fc.property(profiles, items, valueSets, name, unit, (profile, item, values, raised, by) => {
        const more = { ...values, [raised]: Math.min(1, values[raised] + by) };
        const gain = rewardOf(profile, item, more) - rewardOf(profile, item, values);
        expect(gain).toBeGreaterThanOrEqual(-1e-12);
      }),
    );
  });
});

describe('a gate', () => {
  it('multiplies what its reward is without it, in whatever order gates are named', () => {
    fc.assert(
      fc.property(profiles, items, valueSets, (profile, item, values) => {
        const gated = (...gates: ComponentName[]) =>
          rewardOf({ ...profile, aggregation: 'gated', gates }, item, values);
        expect(gated('modality', 'format')).toBe(gated('format', 'modality'));
        const open = { ...values, format: 1 };
        const opened = rewardOf(
          { ...profile, aggregation: 'gated', gates: ['format'] },
          item,
          open,
        );
        expect(gated('format')).toBeCloseTo(values.format * opened, 12);
      }),
    );
  });
});

describe('a batch', () => {
  const answers = ['heart attack', 'gout', 'lupus', 'broken', '...', 'lost'];
  const cosines = { 'heart attack': 0, gout: 0.1, lupus: 0.2, broken: 0.3 };
  const verdicts: Readonly<Record<string, JudgeOutcome>> = { gout: yes, broken: dead };
  const reward = createReward({
    profile: shipped,
    judge: scriptedJudge(({ answer }) => verdicts[answer] ?? no).judge,
    embedder: scriptedEmbedder(cosines).embedder,
  });
  const itemOf = (answer: string): RewardItem => ({
    sample: { problem: 'What?', images: [], referenceAnswer: 'heart attack', accepted: [] },
    response: `<OTHER><thinking>a</thinking><answer>${answer}</answer>`,
  });
  const batches = fc.array(fc.constantFrom(...answers), { minLength: 1, maxLength: 12 });

  it('gives each item what it would get alone, in whatever company and order', async () => {
    const alone = new Map(
      await Promise.all(
        answers.map(
          async (answer) => [answer, (await reward.score([itemOf(answer)], never))[0]] as const,
        ),
      ),
    );
    expect(alone.get('broken')).toMatchObject({ kind: 'unscored', cause: 'transport' });
    expect(alone.get('lost')).toMatchObject({ kind: 'unscored', cause: 'timeout' });
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        const outcomes = await reward.score(batch.map(itemOf), never);
        expect(outcomes).toEqual(batch.map((answer) => alone.get(answer)));
      }),
    );
  });

  it('takes time in proportion to its length, whatever a response repeats', async () => {
    const hostile = ['<answer>', '<thinking>', '</answer>', ' ', '<', '\n/'].map((piece) =>
      piece.repeat(100_000),
    );
    const reference = createReward({
      profile: await openRewardProfile('medix-r1-reference'),
      judge: scriptedJudge(no).judge,
      embedder: scriptedEmbedder({}).embedder,
    });
    for (const one of [reward, reference]) {
      const outcomes = await one.score(
        hostile.map((response) => ({ ...itemOf(''), response })),
        never,
      );
      expect(outcomes).toHaveLength(hostile.length);
    }
  });
});
