import { describe, expect, it } from 'vitest';
import type { Sample } from '../core/sample.ts';
import type { JudgeOutcome } from '../judge/judge.ts';
import { createReward, type RewardOutcome } from './composite.ts';
import { openRewardProfile, type RewardProfile } from './profile.ts';
import type { RewardSample } from './reward-item.ts';
import { dead, no, scriptedEmbedder, scriptedJudge, yes } from './scripted.fixture.ts';

const never = new AbortController().signal;
const profile = await openRewardProfile('medix-r1');

const sample: Sample = {
  id: '1',
  source: 'test',
  images: [{ bytes: new Uint8Array(), name: 'image' }],
  problem: 'What is seen?',
  modality: 'CT_SCAN',
  referenceAnswer: 'heart attack',
  accepted: ['coronary occlusion'],
};
const respond = (answer: string) =>
  `<CT_SCAN><thinking>I see.</thinking><answer>${answer}</answer>`;

async function scoreOne(
  response: string,
  options: {
    verdict?: JudgeOutcome;
    cosines?: Readonly<Record<string, number>>;
    profile?: RewardProfile;
    sample?: RewardSample;
  } = {},
): Promise<RewardOutcome> {
  const { judge } = scriptedJudge(options.verdict ?? no);
  const { embedder } = scriptedEmbedder(options.cosines ?? {});
  const reward = createReward({ profile: options.profile ?? profile, judge, embedder });
  const [outcome] = await reward.score([{ sample: options.sample ?? sample, response }], never);
  if (outcome === undefined) throw new Error('no outcome');
  return outcome;
}

const rewardOf = (outcome: RewardOutcome) =>
  outcome.kind === 'scored' ? outcome.reward : outcome.cause;

describe('profile medix-r1', () => {
  it('gives the reference answer everything, in any spelling, without asking anyone', async () => {
    for (const answer of ['heart attack', '**Heart attack.**', 'Coronary occlusion']) {
      const outcome = await scoreOne(respond(answer), { verdict: dead });
      expect(rewardOf(outcome)).toBeCloseTo(1, 12);
    }
  });

  it('asks about an answer that is the reference but for an article, a hyphen or an accent', async () => {
    for (const answer of ['A heart attack', 'heart-attack', 'heart attàck']) {
      const outcome = await scoreOne(respond(answer), { verdict: dead });
      expect(rewardOf(outcome)).toBe('transport');
    }
  });

  it('weights judge 0.5175, similarity 0.3375, modality 0.045 and format 0.1', async () => {
    const apart = { infarct: 1, 'heart attack': 0, 'coronary occlusion': 0 };
    const near = { ...apart, 'heart attack': 0.81 };
    const judged = await scoreOne(respond('infarct'), { verdict: yes, cosines: apart });
    expect(rewardOf(judged)).toBeCloseTo(0.5175 + 0.145, 12);
    const similar = await scoreOne(respond('infarct'), { cosines: near });
    expect(rewardOf(similar)).toBeCloseTo(0.3375 + 0.145, 12);
    const otherTag = respond('infarct').replace('CT_SCAN', 'X_RAY');
    expect(rewardOf(await scoreOne(otherTag, { cosines: apart }))).toBeCloseTo(0.1, 12);
    const unformatted = '<CT_SCAN> infarct';
    expect(rewardOf(await scoreOne(unformatted, { cosines: apart }))).toBeCloseTo(0.045, 12);
  });

  it('takes the largest similarity over the reference and the accepted answers', async () => {
    const cosines = { infarct: 1, 'heart attack': 0.1, 'coronary occlusion': 0.9 };
    const outcome = await scoreOne(respond('infarct'), { cosines });
    expect(outcome.components.similarity).toMatchObject({ value: 1, detail: 'cosine 0.900' });
  });

  it('grades similarity when the profile says so', async () => {
    const graded: RewardProfile = { ...profile, similarity: { kind: 'graded', floor: 0 } };
    const cosines = { infarct: 1, 'heart attack': 0.5, 'coronary occlusion': -0.2 };
    const outcome = await scoreOne(respond('infarct'), { cosines, profile: graded });
    expect(outcome.components.similarity).toMatchObject({ value: 0.5 });
  });

  it('leaves a response unscored when the judge or the embedder fails', async () => {
    const cosines = { infarct: 1, 'heart attack': 0, 'coronary occlusion': 0 };
    expect(await scoreOne(respond('infarct'), { verdict: dead, cosines })).toMatchObject({
      kind: 'unscored',
      cause: 'transport',
      components: { format: { value: 1 }, similarity: { value: 0 } },
    });
    const partly = { infarct: 1, 'heart attack': 0 };
    expect(await scoreOne(respond('infarct'), { verdict: yes, cosines: partly })).toMatchObject({
      kind: 'unscored',
      cause: 'timeout',
      message: 'coronary occlusion: late',
    });
  });

  it('judges one-character and punctuated answers, and no empty ones', async () => {
    const { judge, calls } = scriptedJudge(yes);
    const { embedder } = scriptedEmbedder({});
    const reward = createReward({ profile, judge, embedder });
    const answers = ['B', '3', 'ratio 2:1', 'Diagnosis: infarct?', 'size < 3 cm', '', ':', '...'];
    await reward.score(
      answers.map((answer) => ({ sample, response: respond(answer) })),
      never,
    );
    expect(calls).toHaveLength(1);
    expect(calls[0]?.map(({ answer }) => answer)).toEqual(answers.slice(0, 5));
    expect(calls[0]?.[0]).toMatchObject({
      question: 'What is seen?',
      accepted: ['coronary occlusion'],
    });
  });

  it('asks judge and embedder once for a whole batch', async () => {
    const { judge, calls } = scriptedJudge(no);
    const texts = { 'heart attack': 0, 'coronary occlusion': 0, gout: 1, lupus: 1 };
    const { embedder, calls: embedded } = scriptedEmbedder(texts);
    const reward = createReward({ profile, judge, embedder });
    const responses = ['gout', 'heart attack', 'lupus', 'gout'].map(respond);
    const outcomes = await reward.score(
      responses.map((response) => ({ sample, response })),
      never,
    );
    expect(outcomes.map(({ components }) => components.judge)).toMatchObject([
      { value: 0 },
      { value: 1 },
      { value: 0 },
      { value: 0 },
    ]);
    expect(calls).toHaveLength(1);
    expect(embedded.map((batch) => [...batch].sort())).toEqual([Object.keys(texts).sort()]);
  });

  it('gives no similarity to the opposite, however near its vector', async () => {
    const sided: Sample = { ...sample, referenceAnswer: 'left lung', accepted: [] };
    const cosines = { 'right lung': 1, 'left lung': 1 };
    const outcome = await scoreOne(respond('right lung'), { cosines, sample: sided });
    expect(outcome.components.similarity).toMatchObject({
      value: 0,
      detail: 'right instead of left',
    });
  });

  it('can leave the modality out for samples without images', async () => {
    const textOnly: RewardProfile = {
      ...profile,
      textOnly: ['judge', 'similarity', 'format'],
    };
    const untagged = respond('heart attack').replace('CT_SCAN', 'X_RAY');
    const question = { ...sample, images: [] };
    const without = await scoreOne(untagged, { profile: textOnly, sample: question });
    expect(rewardOf(without)).toBeCloseTo(1, 12);
    expect(rewardOf(await scoreOne(untagged, { sample: question }))).toBeCloseTo(0.955, 12);
  });

  it('scales the weights of the others where the ground truth names no modality', async () => {
    const { modality: _, ...untagged } = sample;
    const cosines = { infarct: 1, 'heart attack': 0, 'coronary occlusion': 0 };
    const outcome = await scoreOne(respond('infarct'), { verdict: yes, cosines, sample: untagged });
    expect(rewardOf(outcome)).toBeCloseTo((0.5175 + 0.1) / 0.955, 12);
    expect(outcome.components).not.toHaveProperty('modality');
  });

  it('never takes a verdict or a vector that is no number for a value', async () => {
    const cosines = { infarct: 1, 'heart attack': Number.NaN, 'coronary occlusion': 0 };
    for (const similarity of [profile.similarity, { kind: 'graded', floor: 0.2 } as const]) {
      const outcome = await scoreOne(respond('infarct'), {
        cosines,
        profile: { ...profile, similarity },
      });
      expect(outcome).toMatchObject({ kind: 'unscored', cause: 'unparsable' });
    }
  });

  it.each([
    ['judge', { judge: 0, similarity: 0.855, modality: 0.045, format: 0.1 }],
    ['similarity', { judge: 0.855, similarity: 0, modality: 0.045, format: 0.1 }],
  ] as const)('asks no %s that weighs nothing', async (name, weights) => {
    const { judge, calls } = scriptedJudge(name === 'judge' ? dead : yes);
    const cosines = { infarct: 1, 'heart attack': 1, 'coronary occlusion': 1 };
    const { embedder, calls: embedded } = scriptedEmbedder(name === 'judge' ? cosines : {});
    const reward = createReward({ profile: { ...profile, weights }, judge, embedder });
    const [outcome] = await reward.score([{ sample, response: respond('infarct') }], never);
    expect(outcome && rewardOf(outcome)).toBe(1);
    expect(outcome?.components).not.toHaveProperty(name);
    expect([calls.length, embedded.length]).toEqual(name === 'judge' ? [0, 1] : [1, 0]);
  });

  it('asks nobody about samples without images whom the profile leaves out for them', async () => {
    const { judge, calls } = scriptedJudge(yes);
    const { embedder, calls: embedded } = scriptedEmbedder({});
    const textOnly: RewardProfile = { ...profile, textOnly: ['judge', 'format'] };
    const reward = createReward({ profile: textOnly, judge, embedder });
    const response = respond('infarct');
    const [question, scan] = await reward.score(
      [
        { sample: { ...sample, images: [] }, response },
        { sample, response },
      ],
      never,
    );
    expect(question && rewardOf(question)).toBeCloseTo(1, 12);
    expect(scan).toMatchObject({ kind: 'unscored', cause: 'timeout' });
    expect(calls[0]).toHaveLength(2);
    expect(embedded).toHaveLength(1);
  });

  it('compares no vectors of two lengths, under any rule', async () => {
    const { judge } = scriptedJudge(yes);
    const { embedder } = scriptedEmbedder({});
    const mixed = {
      ...embedder,
      embed: async (texts: readonly string[]) =>
        texts.map((text) => ({
          kind: 'embedded' as const,
          vector: new Float32Array(text === 'infarct' ? 8 : 16).fill(0.25),
        })),
    };
    for (const name of ['medix-r1', 'medix-r1-reference']) {
      const opened = await openRewardProfile(name);
      const reward = createReward({
        profile: { ...opened, onFailure: 'unscored' },
        judge,
        embedder: mixed,
      });
      const [outcome] = await reward.score([{ sample, response: respond('infarct') }], never);
      expect(outcome).toMatchObject({ kind: 'unscored', cause: 'unparsable' });
    }
  });

  it('shows the images of the question to judges', async () => {
    const { judge, calls } = scriptedJudge(yes);
    const { embedder } = scriptedEmbedder({});
    await createReward({ profile, judge, embedder }).score(
      [
        { sample, response: respond('infarct') },
        { sample: { ...sample, images: [] }, response: respond('infarct') },
      ],
      never,
    );
    expect(calls[0]?.map(({ images }) => images)).toEqual([sample.images, undefined]);
  });
});

describe('a guard', () => {
  const guarded: RewardProfile = { ...profile, guards: { shortest: 3, rejected: ['?'] } };
  const cosines = { 'heart attack': 1, 'coronary occlusion': 0, MI: 1, 'infarct?': 1, 'MI?': 1 };

  it('makes an answer wrong unseen', async () => {
    for (const answer of ['MI', '🫀🫀', 'infarct?']) {
      const outcome = await scoreOne(respond(answer), { verdict: dead, cosines, profile: guarded });
      expect(rewardOf(outcome)).toBeCloseTo(0.145, 12);
    }
  });

  it("spares the reference's own words", async () => {
    const brief = { ...sample, referenceAnswer: 'MI?' };
    const outcome = await scoreOne(respond('MI?'), {
      verdict: dead,
      profile: guarded,
      sample: brief,
    });
    expect(rewardOf(outcome)).toBe(1);
  });
});

describe('the aggregation', () => {
  const cosines = { infarct: 1, 'heart attack': 0.9, 'coronary occlusion': 0 };

  it('gated gives nothing for a right answer in a wrong format', async () => {
    const gated: RewardProfile = { ...profile, aggregation: 'gated' };
    const right = { verdict: yes, cosines, profile: gated };
    expect(rewardOf(await scoreOne(`${respond('infarct')} done`, right))).toBe(0);
    expect(rewardOf(await scoreOne(respond('infarct'), right))).toBeCloseTo(1, 12);
    const wrong = { ...right, verdict: no };
    expect(rewardOf(await scoreOne(respond('infarct'), wrong))).toBeCloseTo(0.3825 / 0.9, 12);
  });

  it('gated asks nobody where a gate that is a rule is 0', async () => {
    const { judge, calls } = scriptedJudge(dead);
    const { embedder, calls: embedded } = scriptedEmbedder({});
    const gated: RewardProfile = { ...profile, aggregation: 'gated', gates: ['modality'] };
    const reward = createReward({ profile: gated, judge, embedder });
    const response = respond('infarct').replace('CT_SCAN', 'X_RAY');
    const [outcome] = await reward.score([{ sample, response }], never);
    expect(outcome).toMatchObject({ kind: 'scored', reward: 0 });
    expect(Object.keys(outcome?.components ?? {})).toEqual(['modality', 'format']);
    expect([calls, embedded]).toEqual([[], []]);
  });

  it('gated multiplies by each gate, a judge among them, whatever their weights', async () => {
    const weights = { judge: 0, similarity: 0.5, modality: 0.25, format: 0.25 };
    const gated: RewardProfile = {
      ...profile,
      weights,
      aggregation: 'gated',
      gates: ['format', 'judge'],
      similarity: { kind: 'graded', floor: 0 },
    };
    const right = { verdict: yes, cosines, profile: gated };
    expect(rewardOf(await scoreOne(respond('infarct'), right))).toBeCloseTo(0.7 / 0.75, 6);
    expect(rewardOf(await scoreOne(respond('infarct'), { ...right, verdict: no }))).toBe(0);
    expect(rewardOf(await scoreOne(respond('infarct'), { ...right, verdict: dead }))).toBe(
      'transport',
    );
  });

  it('gated scores a shut gate 0 though another component failed', async () => {
    const gated: RewardProfile = { ...profile, aggregation: 'gated', gates: ['judge'] };
    const outcome = await scoreOne(respond('infarct'), {
      verdict: no,
      cosines: {},
      profile: gated,
    });
    expect(outcome).toMatchObject({
      kind: 'scored',
      reward: 0,
      components: { similarity: { kind: 'unscored' } },
    });
  });

  it('per-component has the weighted sum as reward and its parts for the advantage', async () => {
    const decoupled: RewardProfile = { ...profile, aggregation: 'per-component' };
    const outcome = await scoreOne(respond('infarct'), { cosines, profile: decoupled });
    expect(outcome).toMatchObject({
      reward: 0.3375 + 0.045 + 0.1,
      parts: [
        { weight: 0.5175, value: 0 },
        { weight: 0.3375, value: 1 },
        { weight: 0.045, value: 1 },
        { weight: 0.1, value: 1 },
      ],
    });
    expect(await scoreOne(respond('infarct'), { cosines })).not.toHaveProperty('parts');
  });

  it('takes off more the longer a response is, up to the limit', async () => {
    const right = respond('heart attack');
    const overlong = { limit: right.length + 20, buffer: 20, penalty: 0.5 };
    const lengths = [0, 5, 10, 20, 500];
    const outcomes = await Promise.all(
      lengths.map((more) =>
        scoreOne(right.replace('I see.', `I see.${'🫀'.repeat(more)}`), {
          profile: { ...profile, overlong },
        }),
      ),
    );
    const close = [1, 0.875, 0.75, 0.5, 0.5].map((reward) => expect.closeTo(reward, 12));
    expect(outcomes.map(rewardOf)).toEqual(close);
    expect(outcomes[1]).toMatchObject({ overlong: 0.25 });
  });
});
