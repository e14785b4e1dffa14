import { describe, expect, it } from 'vitest';
import type { RewardFunction } from '../../reward/composite.ts';
import { openRewardProfile, withOwnComponents } from '../../reward/profile.ts';
import type { RewardItem } from '../../reward/reward-item.ts';
import type { Components } from '../../reward/score.ts';
import { recordedScores } from './recorded-scores.ts';

const score = (value: number) => ({ kind: 'scored', value }) as const;
const components: Components = {
  judge: score(1),
  similarity: score(0),
  modality: score(1),
  format: score(0),
};
const item: RewardItem = {
  sample: {
    problem: 'What?',
    referenceAnswer: 'gout',
    accepted: [],
    modality: 'CT_SCAN',
    images: [{ bytes: new Uint8Array(), name: 'image.png' }],
  },
  response: '',
};

const recorded = await openRewardProfile('medix-r1');
const judge = { id: 'judge', kind: 'openai', digest: 'j' } as const;
const embedder = { id: 'embedder', kind: 'local', digest: 'e' } as const;
const facts = { medix: '1', profile: recorded, judge, embedder };

type Now = Partial<Pick<RewardFunction, 'profile' | 'judge' | 'embedder'>>;

function outcomeNow(now: Now, given: Components | undefined = components, version = '1') {
  const never = () => Promise.reject(new Error('nobody is to be asked'));
  const reward = { profile: recorded, judge, embedder, ...now, score: never } as RewardFunction;
  return recordedScores(facts, { reward }, version)(item, given);
}

describe('recorded scores', () => {
  it('are added up by other weights', async () => {
    expect(outcomeNow({})).toMatchObject({ kind: 'scored', reward: expect.closeTo(0.5625, 9) });
    const weights = 'weights={judge: 0.1, similarity: 0.4, modality: 0.3, format: 0.2}';
    const profile = await openRewardProfile('medix-r1', [weights]);
    expect(profile.digest).not.toBe(recorded.digest);
    expect(outcomeNow({ profile })).toMatchObject({ reward: expect.closeTo(0.4, 9) });
  });

  it('hold no longer where somebody else, or something else, would be asked', async () => {
    const threshold = await openRewardProfile('medix-r1', [
      'similarity={kind: threshold, at: 0.3}',
    ]);
    const own = withOwnComponents(recorded, [{ name: 'brevity', weight: 0.1, digest: 'o' }]);
    expect(outcomeNow({ judge: { ...judge, digest: 'other' } })).toBeUndefined();
    expect(outcomeNow({ embedder: { ...embedder, digest: 'other' } })).toBeUndefined();
    expect(outcomeNow({ profile: threshold })).toBeUndefined();
    expect(outcomeNow({ profile: own })).toBeUndefined();
    expect(outcomeNow({}, components, '2')).toBeUndefined();
  });

  it('that are missing or failed are asked for', () => {
    const failure = { kind: 'unscored', cause: 'timeout', message: 'no answer' } as const;
    expect(outcomeNow({}, { ...components, judge: failure })).toBeUndefined();
    expect(outcomeNow({}, { format: score(1), judge: score(1) })).toBeUndefined();
  });
});
