/**
 * The rule that scores this recipe's answers: 1 where the first word of a response is the reference answer, in any
 * case and with any punctuation around it, else 0. `test/parity/trl_text_mini.py` has the same for TRL.
 */
import type { RewardComponent } from '../../src/library/reward.ts';

export const rule: RewardComponent = {
  score: (items) =>
    items.map(({ response, sample }) => ({
      kind: 'scored',
      value: firstWord(response) === sample.referenceAnswer.toLowerCase() ? 1 : 0,
    })),
};

function firstWord(text: string): string | undefined {
  return /[a-z]+/.exec(text.toLowerCase())?.[0];
}
