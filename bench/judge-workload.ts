/** What the reward is measured on, known to the client and to the judge's process alike. */
import type { Sample } from '../src/core/sample.ts';
import type { RewardItem } from '../src/reward/reward-item.ts';

export const judgeLatencyMs = 50;
export const judgeSlots = 64;

/** An iteration of 320 prompts and 8 responses each, of which 40 % repeat another of their group. */
const groups = 320;
const groupSize = 8;
export const responses = groups * groupSize;
/** 4 or 5 of 8, on average 4.8. */
const distinctIn = (group: number) => 5 - Number(group % 5 === 0);
export const distinct = groups * 4.8;

/** Answer k of a group is right when this holds. */
const isRight = (group: number, answer: number) => (group + answer) % 3 === 0;

/** The judge's verdict, read off the text of the answer, which it has in its prompt. */
export function verdictOn(question: string): 'YES' | 'NO' {
  const [, group, answer] = /finding (\d+)-(\d+)x/.exec(question) ?? [];
  return isRight(Number(group), Number(answer)) ? 'YES' : 'NO';
}

/** All answers point one way and all references the other, so similarity is never right. */
export function encode(text: string): readonly number[] {
  return text.startsWith('finding') ? [1, 0.1] : [-1, 0.1];
}

export type ExpectedItem = RewardItem & { readonly expected: number };

export function rewardWorkload(): ExpectedItem[] {
  return Array.from({ length: responses }, (_, i) => {
    const group = Math.floor(i / groupSize);
    const answer = (i % groupSize) % distinctIn(group);
    const sample: Sample = {
      id: String(group),
      source: 'bench',
      images: [{ bytes: new Uint8Array(), name: 'none' }],
      problem: `What does study ${group} show?`,
      modality: 'CT_SCAN',
      referenceAnswer: 'another thing',
      accepted: [],
    };
    const response = `<CT_SCAN><thinking>${'I look at it. '.repeat(30)}</thinking><answer>finding ${group}-${answer}x</answer>`;
    return { sample, response, expected: 0.145 + (isRight(group, answer) ? 0.5175 : 0) };
  });
}
