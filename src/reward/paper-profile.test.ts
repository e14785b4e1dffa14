/** The paper's reward code on its own cases: values obtained by running it (judge NO, embedder failing). */
import { describe, expect, it } from 'vitest';
import type { Modality } from '../core/modality.ts';
import type { Sample } from '../core/sample.ts';
import { createReward } from './composite.ts';
import { openRewardProfile } from './profile.ts';
import { readGroundTruth } from './reward-item.ts';
import { dead, no, scriptedEmbedder, scriptedJudge, yes } from './scripted.fixture.ts';

const never = new AbortController().signal;
const profile = await openRewardProfile('medix-r1-reference');
const { embedder } = scriptedEmbedder({});
const reward = createReward({ profile, judge: scriptedJudge(no).judge, embedder });

function xray(referenceAnswer: string, modality: Modality = 'X_RAY'): Sample {
  return {
    id: '1',
    source: 'test',
    images: [{ bytes: new Uint8Array(), name: 'image' }],
    problem: 'What is seen?',
    modality,
    referenceAnswer,
    accepted: ['an accepted paraphrase that this profile ignores'],
  };
}

const right = (answer: string) => `<X_RAY>\n<thinking>a</thinking>\n<answer>${answer}</answer>`;

describe('profile medix-r1-reference', () => {
  // response, reference, overall, format, judge, similarity, modality
  it.each<[string, string, string, number, number, number, number, number]>([
    ['exact answer with a full stop', right('Cardiomegaly.'), 'Cardiomegaly', 1, 1, 1, 1, 1],
    [
      'tag without brackets',
      'X_RAY <thinking>a</thinking><answer>Cardiomegaly</answer>',
      'Cardiomegaly',
      0.955,
      1,
      1,
      1,
      0,
    ],
    [
      'lower-case tag',
      '<x_ray><thinking>a</thinking><answer>Cardiomegaly</answer>',
      'Cardiomegaly',
      1,
      1,
      1,
      1,
      1,
    ],
    ['other case of the answer', right('cardiomegaly'), 'Cardiomegaly', 0.145, 1, 0, 0, 1],
    ['one character', right('3'), '3', 0.145, 1, 0, 0, 1],
    ['a colon', right('ratio: high'), 'ratio: high', 0.145, 1, 0, 0, 1],
    ['empty blocks', '<X_RAY><thinking></thinking><answer></answer>', 'Yes', 0.145, 1, 0, 0, 1],
    [
      '<think> for <thinking>',
      '<X_RAY><think>a</think><answer>Yes</answer>',
      'Yes',
      0.855,
      0,
      1,
      1,
      0,
    ],
    [
      'junk between the blocks',
      '<X_RAY><thinking>a</thinking> junk <answer>Yes</answer>',
      'Yes',
      0.9,
      0,
      1,
      1,
      1,
    ],
    [
      'two thinking blocks',
      '<X_RAY><thinking>a</thinking> junk <thinking>b</thinking><answer>Yes</answer>',
      'Yes',
      1,
      1,
      1,
      1,
      1,
    ],
    [
      'two answers, the second right',
      '<X_RAY><thinking>a</thinking><answer>No</answer><answer>Yes</answer>',
      'Yes',
      0.145,
      1,
      0,
      0,
      1,
    ],
    ['a bare answer', 'Yes', 'Yes', 0.855, 0, 1, 1, 0],
    ['spaced slash in the response', right('5 mg / dL'), '5 mg/dL', 1, 1, 1, 1, 1],
    ['a comparison in both', right('size < 3 cm'), 'size < 3 cm', 0.145, 1, 0, 0, 1],
    ['text after the answer', `${right('Yes')} done`, 'Yes', 0.9, 0, 1, 1, 1],
  ])('scores %s as the paper does', async (_, response, reference, overall, ...parts) => {
    const [outcome] = await reward.score([{ sample: xray(reference), response }], never);
    if (outcome?.kind !== 'scored') throw new Error('expected a score');
    const { format, judge, similarity, modality } = outcome.components;
    expect([format, judge, similarity, modality]).toMatchObject(
      parts.map((value) => ({ kind: 'scored', value })),
    );
    expect(outcome.reward).toBeCloseTo(overall, 12);
  });

  it('gives only the format score when the ground truth has no tag', async () => {
    const read = readGroundTruth('Yes', profile);
    if (read.kind !== 'read') throw new Error(read.problem);
    const sample = { problem: '', images: [], accepted: [], ...read.truth };
    const [outcome] = await reward.score([{ sample, response: right('Yes') }], never);
    expect(outcome).toMatchObject({ reward: 0.1, components: { modality: { value: 0 } } });
  });

  it('embeds a blank reference as it embeds any other', async () => {
    const blank = { '': 1, mass: 0.9 };
    const parts = { profile, judge: scriptedJudge(yes).judge };
    const near = createReward({ ...parts, embedder: scriptedEmbedder(blank).embedder });
    const far = createReward({
      ...parts,
      embedder: scriptedEmbedder({ ...blank, mass: 0.1 }).embedder,
    });
    const read = readGroundTruth('<X_RAY>', profile);
    if (read.kind !== 'read') throw new Error(read.problem);
    const sample = { problem: '', images: [], accepted: [], ...read.truth };
    const item = { sample, response: '<answer>mass</answer>' };
    expect(await near.score([item], never)).toMatchObject([{ reward: expect.closeTo(0.855, 12) }]);
    expect(await far.score([item], never)).toMatchObject([{ reward: expect.closeTo(0.5175, 12) }]);
  });

  it.each(['cancelled', 'cap-reached'] as const)(
    'gives no number to an answer that was never put to the judge: %s',
    async (cause) => {
      const unasked = scriptedJudge({ kind: 'unscored', cause, message: 'not asked' }).judge;
      const waiting = createReward({ profile, judge: unasked, embedder });
      const item = { sample: xray('Cardiomegaly'), response: right('an enlarged heart') };
      expect(await waiting.score([item], never)).toMatchObject([{ kind: 'unscored', cause }]);
    },
  );

  it('turns failures into wrong answers, with the failure on record', async () => {
    const broken = createReward({ profile, judge: scriptedJudge(dead).judge, embedder });
    const [outcome] = await broken.score(
      [{ sample: xray('Mass'), response: right('Tumour') }],
      never,
    );
    expect(outcome).toMatchObject({
      kind: 'scored',
      components: {
        judge: { kind: 'scored', value: 0, detail: 'transport: connection refused' },
        similarity: { kind: 'scored', value: 0, detail: 'timeout: Tumour: late' },
      },
    });
  });
});
