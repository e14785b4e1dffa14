/**
 * The offline judge: an answer is right when it equals the reference or an accepted answer after
 * normalisation; of multiple choice, when the rule reads the right choice from it. It never fails on
 * these, and it cannot grade reports.
 */
import { digestOf } from '../../core/digest.ts';
import { createReferenceMatchJudge, matchingAnswer } from '../../judge/reference-match.ts';
import { choiceRuleVersion, takesReference } from './choice.ts';
import type { Grader, GraderItem } from './grader.ts';
import { outcomeOf } from './vote.ts';

export function createMatchGrader(): Grader {
  const { id, kind, digest } = createReferenceMatchJudge().describe;
  const ungraded = {
    kind: 'failed',
    cause: 'refused',
    message: `${id} cannot grade reports; take a language model as judge`,
  } as const;

  return {
    describe: { id, kind, digest: digestOf([digest, choiceRuleVersion]) },
    seesImages: false,
    gradesReports: false,
    grade: async (item) => {
      const vote = { judge: id, outcome: item.sample.kind === 'report' ? ungraded : opinion(item) };
      return { votes: [vote], outcome: outcomeOf(vote), latencyMs: 0 };
    },
    probe: async () => undefined,
    close: async () => {},
  };
}

function opinion({ sample, answer }: GraderItem) {
  if (sample.kind === 'multiple-choice') {
    const isRight = takesReference(answer, sample);
    const reply = isRight === undefined ? 'no choice found' : isRight ? 'right' : 'another';
    return { kind: 'judged', score: isRight ? 1 : 0, reply } as const;
  }
  const match = matchingAnswer({ ...sample, answer });
  const reply = match === undefined ? 'no match' : `matches ${JSON.stringify(match)}`;
  return { kind: 'judged', score: match === undefined ? 0 : 1, reply } as const;
}
