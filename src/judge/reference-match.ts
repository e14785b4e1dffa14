/**
 * The offline judge: an answer is right when its normalised form equals that of the reference or of an
 * accepted paraphrase. A rule, not a language model: it knows no synonyms that the data set does not
 * list, so its accuracy is a lower bound. It never fails.
 */
import { digestOf } from '../core/digest.ts';
import type { Judge, JudgeItem, JudgeOutcome } from './judge.ts';
import { normaliseAnswer, normaliserVersion } from './normalise.ts';

export function createReferenceMatchJudge(): Judge {
  return {
    describe: {
      id: 'reference-match',
      kind: 'reference-match',
      digest: digestOf(['reference-match', normaliserVersion]),
    },
    judge: async (items) => items.map(judgeByMatch),
    probe: async () => undefined,
    close: async () => {},
  };
}

function judgeByMatch(item: JudgeItem): JudgeOutcome {
  const matched = matchingAnswer(item);
  return {
    kind: 'judged',
    correct: matched !== undefined,
    reply: matched === undefined ? 'no match' : `matches ${JSON.stringify(matched)}`,
    latencyMs: 0,
    source: 'rule',
  };
}

/** The first of reference and accepted answers that the answer equals after normalisation. */
export function matchingAnswer(
  item: Pick<JudgeItem, 'answer' | 'referenceAnswer' | 'accepted'>,
): string | undefined {
  const answer = normaliseAnswer(item.answer);
  if (answer === '') return undefined;
  return [item.referenceAnswer, ...item.accepted].find(
    (right) => normaliseAnswer(right) === answer,
  );
}
