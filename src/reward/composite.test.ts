import { describe, expect, it } from 'vitest';
import type { Sample } from '../core/sample.ts';
import type { Embedder } from '../judge/embedder.ts';
import type { Judge, JudgeItem, JudgeOutcome } from '../judge/judge.ts';
import { createReward, type RewardOutcome } from './composite.ts';
import { type RewardProfile, rewardProfiles } from './profile.ts';

const never = new AbortController().signal;
const profile = rewardProfiles['medix-r1'];

const sample: Sample = {
  id: '1',
  source: 'test',
  images: [{ bytes: new Uint8Array(), name: 'image' }],
  problem: 'What is seen?',
  modality: 'CT_SCAN',
  reference: 'heart attack',
  accepted: ['coronary occlusion'],
};
const respond = (answer: string) =>
  `<CT_SCAN><thinking>I see.</thinking><answer>${answer}</answer>`;

function scriptedJudge(outcome: JudgeOutcome) {
  const calls: (readonly JudgeItem[])[] = [];
  const judge: Judge = {
    describe: { id: 'scripted', kind: 'openai', digest: 'scripted' },
    judge: async (items) => {
      calls.push(items);
      return items.map(() => outcome);
    },
  };
  return { judge, calls };
}

/** Places each text at an angle on the unit circle; a text without one cannot be embedded. */
function scriptedEmbedder(cosines: Readonly<Record<string, number>>) {
  const calls: (readonly string[])[] = [];
  const embedder: Embedder = {
    describe: { id: 'scripted', kind: 'openai', digest: 'scripted' },
    embed: async (texts) => {
      calls.push(texts);
      return texts.map((text) => {
        const x = cosines[text];
        if (x === undefined)
          return { kind: 'unscored', cause: 'timeout', message: `${text}: late` };
        return { kind: 'embedded', vector: new Float32Array([x, Math.sqrt(1 - x * x)]) };
      });
    },
  };
  return { embedder, calls };
}

const yes: JudgeOutcome = { kind: 'judged', correct: true, reply: 'YES', latencyMs: 1 };
const no: JudgeOutcome = { kind: 'judged', correct: false, reply: 'NO', latencyMs: 1 };
const dead: JudgeOutcome = { kind: 'unscored', cause: 'transport', message: 'connection refused' };

async function scoreOne(
  response: string,
  options: {
    verdict?: JudgeOutcome;
    cosines?: Readonly<Record<string, number>>;
    profile?: RewardProfile;
    sample?: Sample;
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
    for (const answer of ['heart attack', 'A heart-attack.', 'Coronary occlusion']) {
      const outcome = await scoreOne(respond(answer), { verdict: dead });
      expect(rewardOf(outcome)).toBeCloseTo(1, 12);
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
    const graded: RewardProfile = { ...profile, similarity: { kind: 'graded' } };
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
    const sided: Sample = { ...sample, reference: 'left lung', accepted: [] };
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
      textOnlyComponents: ['judge', 'similarity', 'format'],
    };
    const untagged = respond('heart attack').replace('CT_SCAN', 'X_RAY');
    const question = { ...sample, images: [] };
    const without = await scoreOne(untagged, { profile: textOnly, sample: question });
    expect(rewardOf(without)).toBeCloseTo(1, 12);
    expect(rewardOf(await scoreOne(untagged, { sample: question }))).toBeCloseTo(0.955, 12);
  });

  it('rejects weights that do not add up to 1', () => {
    const wrong = { ...profile, weights: { ...profile.weights, judge: 1 } };
    const { judge } = scriptedJudge(no);
    const { embedder } = scriptedEmbedder({});
    expect(() => createReward({ profile: wrong, judge, embedder })).toThrow(/add up to 1/);
  });
});
