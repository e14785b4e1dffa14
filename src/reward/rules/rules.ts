/** The two ways of reading a response, by the name a profile gives. */
import { scoreFormat } from '../components/format.ts';
import { scoreModality } from '../components/modality.ts';
import type { RewardProfile } from '../profile.ts';
import type { RewardItem } from '../reward-item.ts';
import type { Components } from '../score.ts';
import type { AnswerCheck } from './answer-check.ts';
import { checkAnswer } from './extract.ts';
import { readAsPaper } from './paper-rules.ts';

/** All that is known about a response without asking anyone. */
type Reading = { readonly check: AnswerCheck } & Pick<Components, 'modality' | 'format'>;

type ReadResponse = (item: RewardItem, guards: RewardProfile['guards']) => Reading;

export const rewardRules: Readonly<Record<RewardProfile['rules'], ReadResponse>> = {
  'medix-r1': ({ response, sample }, guards) => {
    const modality = scoreModality(response, sample);
    return {
      check: checkAnswer(response, sample, guards),
      ...(modality ? { modality } : {}),
      format: scoreFormat(response),
    };
  },
  'medix-r1-reference': ({ response, sample }, guards) => readAsPaper(response, sample, guards),
};
