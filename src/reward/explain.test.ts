import { describe, expect, it } from 'vitest';
import { quoted } from '../core/quoted.ts';
import { explainReward } from './explain.ts';
import { openRewardProfile, type RewardProfile } from './profile.ts';
import type { RewardSample } from './reward-item.ts';
import type { Components } from './score.ts';

const profile = await openRewardProfile('medix-r1');
const sample: RewardSample = {
  problem: 'What is seen?',
  images: [{ bytes: new Uint8Array(), name: 'image' }],
  modality: 'CT_SCAN',
  referenceAnswer: 'heart attack',
  accepted: ['coronary occlusion'],
};
const respond = (answer: string) =>
  `<CT_SCAN><thinking>I see.</thinking><answer>${answer}</answer>`;
const judgedWrong: Components = {
  judge: { kind: 'scored', value: 0, detail: 'NO' },
  similarity: { kind: 'scored', value: 1, detail: 'cosine 0.900' },
  modality: { kind: 'scored', value: 1, detail: 'named CT_SCAN' },
  format: { kind: 'scored', value: 1 },
};

function explain(
  response: string,
  components: Components = judgedWrong,
  changes: Partial<RewardProfile> = {},
  of: RewardSample = sample,
): string {
  return explainReward({ ...profile, ...changes }, { sample: of, response }, components).join('\n');
}

describe('an explanation', () => {
  it('goes from the answer over every component to the sum', () => {
    expect(explain(respond('infarct')).split('\n')).toEqual([
      'profile: medix-r1 (rules medix-r1, aggregation sum)',
      'question: "What is seen?", with 1 image',
      'right: "heart attack" or "coronary occlusion", modality CT_SCAN',
      'response: "<CT_SCAN><thinking>I see.</thinking><answer>infarct</answer>"',
      'answer: "infarct", which no rule decides: judge and embedder are asked',
      'judge: 0, "NO"',
      'similarity: 1, "cosine 0.900"; needs at least 0.8',
      'modality: 1, "named CT_SCAN"',
      'format: 1',
      'reward: 0.5175 × 0 (judge) + 0.3375 × 1 (similarity) + 0.045 × 1 (modality) + 0.1 × 1 (format) = 0.4825',
    ]);
  });

  it('names the rule that decided', () => {
    expect(explain(respond('Heart attack.'))).toMatch(/right by rule/);
    expect(explain(respond('...'))).toMatch(/wrong by rule: empty answer/);
    expect(explain('<thinking>Hm')).toMatch(/answer: none: no single answer/);
    const guards = { shortest: 1, rejected: ['?'] };
    expect(explain(respond('MI?'), judgedWrong, { guards })).toMatch(/contains "\?"/);
  });

  it('says what does not fit the rules of the profile', () => {
    expect(explain(`${respond('infarct')} done`)).toContain(
      'note: format was recorded as 1, these rules give 0',
    );
    expect(explain(respond('heart attack'))).toContain('note: judge was recorded as 0');
  });

  it('says which component failed and gives no number', () => {
    const judge = { kind: 'unscored', cause: 'timeout', message: 'late' } as const;
    const text = explain(respond('infarct'), { ...judgedWrong, judge });
    expect(text).toContain('judge: failed (timeout): "late"');
    expect(text).toMatch(/reward: none, since judge failed/);
  });

  it('tells of weights that are scaled, gates, grades and penalties', () => {
    const { modality: _, ...untagged } = sample;
    const { modality: __, ...components } = judgedWrong;
    expect(explain(respond('infarct'), components, {}, untagged)).toContain(
      'not counted: modality',
    );
    expect(explain(respond('infarct'), judgedWrong, { aggregation: 'gated' })).toContain(
      'reward: 1 (format) × [0.575 × 0 (judge)',
    );
    const { judge: _judge, similarity: _similarity, ...byRule } = judgedWrong;
    const unformatted: Components = { ...byRule, format: { kind: 'scored', value: 0 } };
    const shut = explain(`${respond('infarct')} done`, unformatted, { aggregation: 'gated' });
    expect(shut).toContain('gate: format is 0, so the others do not count and need not be asked');
    expect(shut).toContain('reward: 0 (format) = 0');
    const similarity = { kind: 'graded', floor: 0.5 } as const;
    expect(explain(respond('infarct'), judgedWrong, { similarity })).toContain(
      'from 0 at 0.5 to 1',
    );
    const overlong = { limit: 60, buffer: 20, penalty: 0.2 };
    expect(explain(respond('infarct'), judgedWrong, { overlong })).toMatch(
      /length: 60 characters; free up to 40.*\n.* − 0\.2 × 1 \(length\) = 0\.2825/,
    );
  });

  it('shows text of models without what a terminal would act on', () => {
    const text = explain(respond(`\u001b[2J\u202e${'x'.repeat(500)}\u009b`));
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(text).toContain('\\u001b[2J\\u202exxx');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(400);
  });
});

it('quotes text up to a length in characters', () => {
  expect(quoted('a "b"\n')).toBe('"a \\"b\\"\\n"');
  expect(quoted('🫀🫀🫀', 2)).toBe('"🫀🫀"…');
  expect(quoted('🫀🫀', 2)).toBe('"🫀🫀"');
});
