import { beforeAll, describe, expect, it } from 'vitest';
import { phantomSample } from '../data/phantoms/study.ts';
import { openRewardProfile, type RewardProfile } from '../reward/profile.ts';
import { withAdvantages } from './advantages.ts';
import { requireDivisibleCredit, withBlockCredit } from './block-credit.ts';
import type { CollectedGroup } from './collect-groups.ts';

const decode = (tokens: readonly number[]) => String.fromCharCode(...tokens);
const estimate = (groups: readonly CollectedGroup[]) =>
  withAdvantages(groups, { advantage: 'dr-grpo' });
const study = phantomSample({ seed: 9, split: 'train', index: 0 });
const thinking = '<thinking>all of it</thinking>';
const answer = '<answer>yes</answer>';

let profile: RewardProfile;
beforeAll(async () => {
  profile = await openRewardProfile('medix-r1-reading');
});

const scored = (value: number) => ({ kind: 'scored' as const, value });

/** A completion a token a character, rewarded for its reading by a half and for its answer by the other. */
function rolloutOf(index: number, text: string, reading: number | undefined, right: number) {
  const { reading: _, ...unread } = study;
  return {
    rollout: {
      key: `${index}`,
      sample: reading === undefined ? unread : study,
      prompt: { tokens: new Int32Array(2), images: [] },
      completion: Int32Array.from(text, (character) => character.charCodeAt(0)),
      text,
      samplerLogprobs: new Float32Array(text.length),
      stopReason: 'stop' as const,
    },
    outcome: {
      kind: 'scored' as const,
      reward: 0.5 * (reading ?? right) + 0.5 * right,
      components: {
        judge: scored(right),
        similarity: scored(right),
        modality: scored(right),
        format: scored(right),
        ...(reading === undefined ? {} : { reading: scored(reading) }),
      },
    },
  };
}

function advantagesOf(...rollouts: CollectedGroup['rollouts']) {
  const [group] = withBlockCredit([{ use: 'trained', rollouts }], estimate, profile, decode);
  return group ?? [];
}

/** A token a character: the advantages of a text's first and last characters, and of those around the border. */
function around(tokens: Float32Array | undefined): number[] {
  const border = thinking.length;
  return [0, border - 1, border, -1].map((at) => tokens?.at(at) ?? Number.NaN);
}

describe('credit by block', () => {
  it('gives thinking the advantage of its reading, and what comes after it that of the rest', () => {
    const lucky = rolloutOf(0, thinking + answer, 0, 1);
    const unlucky = rolloutOf(1, thinking + answer, 1, 0);
    const [first, second] = advantagesOf(lucky, unlucky);
    // As a whole, both have the same reward and nothing to teach.
    expect([first?.advantage, second?.advantage]).toEqual([0, 0]);
    expect(around(first?.tokenAdvantages)).toEqual([-0.5, -0.5, 0.25, 0.25]);
    expect(around(second?.tokenAdvantages)).toEqual([0.5, 0.5, -0.25, -0.25]);
  });

  it('credits a completion without an end of its thinking as a whole', () => {
    const [cut] = advantagesOf(
      rolloutOf(0, '<thinking>all of', 0, 0),
      rolloutOf(1, thinking + answer, 1, 1),
    );
    expect(cut?.advantage).toBe(-0.5);
    expect(cut?.tokenAdvantages).toBeUndefined();
  });

  it('credits completions to samples without a reading as a whole', () => {
    const [right, wrong] = advantagesOf(
      rolloutOf(0, thinking + answer, undefined, 1),
      rolloutOf(1, thinking + answer, undefined, 0),
    );
    expect([right?.advantage, wrong?.advantage]).toEqual([0.5, -0.5]);
    expect(right?.tokenAdvantages).toBeUndefined();
  });

  it('is refused where no reading is rewarded, or not as a part of a sum', async () => {
    const [plain, block] = [await openRewardProfile('medix-r1'), { credit: 'block' } as const];
    expect(() => requireDivisibleCredit(profile, block)).not.toThrow();
    expect(() => requireDivisibleCredit(plain, { credit: 'completion' })).not.toThrow();
    expect(() => requireDivisibleCredit(plain, block)).toThrow('algorithm.credit');
    const parted = { ...profile, aggregation: 'per-component' } as const;
    expect(() => requireDivisibleCredit(parted, block)).toThrow('algorithm.credit');
  });
});
