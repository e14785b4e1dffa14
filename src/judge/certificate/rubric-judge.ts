/**
 * How a judge marks rubrics, in the form in which verdicts are certified: each labelled answer is a rubric of one
 * criterion, that the answer states the fact of the reference answer. A training asks about several criteria at
 * once, so the figures are those of the easier case.
 */
import { fail } from '../../core/errors.ts';
import type { Judge, JudgeItem, JudgeOutcome, RubricQuestion } from '../judge.ts';

/** @throws MedixError 'config' where the judge cannot mark rubrics. */
export function rubricJudgeOf(judge: Judge): Judge {
  const { describe, grade, probe, close } = judge;
  if (grade === undefined || describe.rubricDigest === undefined) {
    return fail('config', {
      where: 'judge.kind',
      expected: 'a language model (openai or gguf) or a panel of some, which can mark rubrics',
      got: `${describe.kind} (${describe.id})`,
      next: 'name a language model, or set rubric to false',
    });
  }
  return {
    describe: { id: describe.id, kind: describe.kind, digest: describe.rubricDigest },
    judge: async (items, signal) => {
      const outcomes = await grade(items.map(questionOf), signal);
      return outcomes.map((outcome): JudgeOutcome => {
        if (outcome.kind === 'unscored') return outcome;
        const { kind: _, met, shares, ...told } = outcome;
        return { kind: 'judged', correct: met[0] === true, ...told };
      });
    },
    probe,
    close,
  };
}

function questionOf({ question, answer, referenceAnswer, accepted }: JudgeItem): RubricQuestion {
  const facts = [referenceAnswer, ...accepted].map((text) => `"${text}"`).join(' or ');
  return { question, answer, criteria: [`States the same clinical fact as ${facts}`] };
}
