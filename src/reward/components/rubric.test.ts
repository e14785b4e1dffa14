import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RubricItem, Sample } from '../../core/sample.ts';
import type { Judge, RubricOutcome, RubricQuestion } from '../../judge/judge.ts';
import { createReward, type RewardOutcome } from '../composite.ts';
import { openRewardProfile, type RewardProfile } from '../profile.ts';
import { dead, no, scriptedEmbedder, scriptedJudge } from '../scripted.fixture.ts';
import { shareOfPoints } from './rubric.ts';

const never = new AbortController().signal;
const shipped = await openRewardProfile('medix-r1');
const rubricOnly: RewardProfile = {
  ...shipped,
  weights: { judge: 0, similarity: 0, modality: 0, format: 0.2, rubric: 0.8 },
  textOnly: ['format', 'rubric'],
};
const rubric: RubricItem[] = [
  { criterion: 'says left', points: 3 },
  { criterion: 'says fracture', points: 7 },
  { criterion: 'says tumour', points: -6 },
];
const sample: Sample = {
  id: '1',
  source: 'test',
  images: [{ bytes: new Uint8Array([1]), name: 'image' }],
  problem: '<image> What is seen?',
  modality: 'X_RAY',
  referenceAnswer: 'secret truth',
  accepted: [],
  rubric,
};
const respond = (answer: string) => `<X_RAY><thinking>Hm.</thinking><answer>${answer}</answer>`;

/** Marks "says x" by looking for x. */
function marker(outcome?: RubricOutcome): { judge: Judge; asked: RubricQuestion[] } {
  const asked: RubricQuestion[] = [];
  const { judge } = scriptedJudge(no);
  const grade = async (questions: readonly RubricQuestion[]): Promise<RubricOutcome[]> =>
    questions.map((question) => {
      asked.push(question);
      const met = question.criteria.map((text) => question.answer.includes(text.slice(5)));
      return outcome ?? { kind: 'graded', met, reply: '', latencyMs: 1, source: 'model' };
    });
  return { judge: { ...judge, grade }, asked };
}

async function scoreOne(
  answer: string,
  options: {
    judge?: Judge;
    profile?: RewardProfile;
    sample?: Partial<Sample>;
  } = {},
): Promise<RewardOutcome> {
  const reward = createReward({
    profile: options.profile ?? rubricOnly,
    judge: options.judge ?? marker().judge,
    embedder: scriptedEmbedder({}).embedder,
  });
  const item = { sample: { ...sample, ...options.sample }, response: respond(answer) };
  const [outcome] = await reward.score([item], never);
  if (outcome === undefined) throw new Error('no outcome');
  return outcome;
}

describe('the component rubric', () => {
  it.each([
    ['left fracture', 1, '2 of 3 criteria met: 1, 2'],
    ['fracture', 0.7, '1 of 3 criteria met: 2'],
    ['left fracture or tumour', 0.4, '3 of 3 criteria met: 1, 2, 3'],
    ['tumour', 0, '1 of 3 criteria met: 3'],
    ['nothing', 0, '0 of 3 criteria met: none'],
  ])('gives "%s" its points over the positive points', async (answer, value, detail) => {
    const outcome = await scoreOne(answer);
    expect(outcome.components.rubric).toEqual({ kind: 'scored', value, detail });
    expect(outcome).toMatchObject({
      kind: 'scored',
      reward: expect.closeTo(0.8 * value + 0.2, 12),
    });
  });

  it('shows the judge neither reference answer nor image, and the criteria by their text', async () => {
    const { judge, asked } = marker();
    await scoreOne('left', { judge });
    expect(asked).toEqual([
      {
        question: 'What is seen?',
        answer: 'left',
        criteria: ['says fracture', 'says left', 'says tumour'],
      },
    ]);
    expect(JSON.stringify(asked)).not.toContain('secret');
  });

  it('marks an answer that equals the reference, and asks nobody about an empty one', async () => {
    const { judge, asked } = marker();
    const equal = await scoreOne('secret truth', { judge });
    expect(equal.components.rubric).toMatchObject({ value: 0 });
    expect(asked).toHaveLength(1);
    const empty = await scoreOne('...', { judge });
    expect(empty.components.rubric).toMatchObject({ value: 0, detail: 'empty answer' });
    expect(asked).toHaveLength(1);
  });

  it('takes the rubric of the profile for a sample without one', async () => {
    const profile = { ...rubricOnly, rubric: [{ criterion: 'says left', points: 1 }] };
    const { rubric: _, ...without } = sample;
    const bare = { ...without, rubric: undefined } as unknown as Sample;
    expect(await scoreOne('left', { profile, sample: bare })).toMatchObject({ reward: 1 });
    expect((await scoreOne('left', { profile })).components.rubric).toMatchObject({ value: 0.3 });
  });

  it('passes its weight on where there is no rubric, if others look at the answer', async () => {
    const bare = { rubric: undefined } as unknown as Sample;
    const weights = { judge: 0.5, similarity: 0, modality: 0, format: 0.1, rubric: 0.4 };
    const outcome = await scoreOne('left', { profile: { ...shipped, weights }, sample: bare });
    expect(outcome).toMatchObject({ kind: 'scored', reward: expect.closeTo(0.1 / 0.6, 12) });
    expect(outcome.components).not.toHaveProperty('rubric');
    expect(await scoreOne('left', { sample: bare })).toMatchObject({
      kind: 'unscored',
      message: expect.stringContaining('no rubric'),
    });
  });

  it('leaves the response unscored where the judge fails or cannot mark', async () => {
    const failed = await scoreOne('left', { judge: marker(dead).judge });
    expect(failed).toMatchObject({ kind: 'unscored', cause: 'transport' });
    const { judge } = scriptedJudge(no);
    expect(await scoreOne('left', { judge })).toMatchObject({ kind: 'unscored', cause: 'refused' });
  });

  it('costs nothing behind a gate that is 0', async () => {
    const { judge, asked } = marker();
    const profile: RewardProfile = { ...rubricOnly, aggregation: 'gated', gates: ['modality'] };
    const outcome = await scoreOne('left', { judge, profile, sample: { modality: 'CT_SCAN' } });
    expect(outcome).toMatchObject({ kind: 'scored', reward: 0 });
    expect(asked).toEqual([]);
  });
});

describe('the share of points', () => {
  const items = fc
    .uniqueArray(
      fc.record({
        criterion: fc.string({ minLength: 1 }),
        points: fc.double({ min: -10, max: 10, noNaN: true }).filter((points) => points !== 0),
        isMet: fc.boolean(),
      }),
      { minLength: 1, maxLength: 12, selector: ({ criterion }) => criterion },
    )
    .filter((some) => some.some(({ points }) => points > 0));
  type Marked = RubricItem & { readonly isMet: boolean };
  const shareOf = (some: readonly Marked[]) =>
    shareOfPoints(some, (item) => ((item as Marked).isMet ? 1 : 0));

  it('is the same to the last bit in every order of the items, and lies in [0, 1]', () => {
    fc.assert(
      fc.property(items, fc.infiniteStream(fc.nat()), (some, numbers) => {
        const shuffled = some
          .map((item) => ({ item, at: numbers.next().value }))
          .sort((a, b) => Number(a.at) - Number(b.at))
          .map(({ item }) => item);
        const share = shareOf(some);
        expect(shareOf(shuffled)).toBe(share);
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('is 1 where all that is wanted and nothing else is met, and falls with a mistake', () => {
    fc.assert(
      fc.property(items, (some) => {
        const ideal = some.map((item) => ({ ...item, isMet: item.points > 0 }));
        expect(shareOf(ideal)).toBe(1);
        for (const i of some.keys()) {
          const other = some.with(i, { ...some[i]!, isMet: !ideal[i]!.isMet });
          const before = some.with(i, ideal[i]!);
          expect(shareOf(other)).toBeLessThanOrEqual(shareOf(before));
        }
      }),
    );
  });
});
