/**
 * A judge of evaluations, asked about single answers: what `medix judge certify` measures, so that a
 * score can be corrected for the errors of the very judge that gave it.
 */
import type { JudgeConfig } from '../../config/judge-config.ts';
import { MedixError } from '../../core/errors.ts';
import { type FailureCause, failureCauses } from '../../core/outcome.ts';
import type { ClientContext } from '../../http/servers-options.ts';
import type { Judge, JudgeItem, JudgeOutcome } from '../../judge/judge.ts';
import { answerOf, paperAnswerOf } from './answer-of.ts';
import { askingProblems } from './asking-problems.ts';
import type { Grade, Grader, JudgedSample } from './grader.ts';
import { type Asking, openGrader } from './open-grader.ts';

/**
 * Its digest is that of the judge in an evaluation of the same config and asking.
 * @throws MedixError 'config' with all that the mode cannot do, 'judge' when the judge cannot be opened.
 */
export async function openEvaluationJudge(
  config: JudgeConfig,
  asking: Asking,
  context: ClientContext,
): Promise<Judge> {
  const problems = askingProblems({ ...asking, judges: [config] });
  if (problems.length > 0) throw new MedixError('config', problems);
  return judgeOf(await openGrader(config, asking, context), asking.mode);
}

/** Every item is an open question; its answer is cut like a response. */
function judgeOf(grader: Grader, mode: Asking['mode']): Judge {
  const cutOut = mode === 'medix-r1' ? answerOf : paperAnswerOf;
  const judgeOne = async (item: JudgeItem, signal: AbortSignal): Promise<JudgeOutcome> => {
    const { question, referenceAnswer, accepted, images = [] } = item;
    const found = cutOut(item.answer);
    if (found.kind === 'none') return unscored('unparsable', found.message);
    const sample: JudgedSample = {
      kind: 'open',
      problem: question,
      stem: question,
      choices: [],
      referenceAnswer,
      accepted,
      images,
    };
    const grade = await grader.grade({ sample, answer: found.text }, signal);
    return outcomeOf(grade, grader.describe.kind === 'reference-match' ? 'rule' : 'model');
  };
  return {
    describe: grader.describe,
    judge: (items, signal) => Promise.all(items.map((item) => judgeOne(item, signal))),
    probe: grader.probe,
    close: grader.close,
  };
}

function outcomeOf({ outcome, votes, latencyMs }: Grade, source: 'rule' | 'model'): JudgeOutcome {
  if (outcome.kind === 'failed') {
    const cause = failureCauses.find((one) => one === outcome.cause);
    // A tie, or too few votes, gives no verdict.
    return unscored(cause ?? 'unparsable', outcome.message);
  }
  const replies = votes.flatMap((vote) =>
    vote.outcome.kind === 'judged' ? vote.outcome.reply : [],
  );
  const correct = outcome.score === 1;
  return { kind: 'judged', correct, reply: replies.join('\n'), latencyMs, source };
}

function unscored(cause: FailureCause, message: string): JudgeOutcome {
  return { kind: 'unscored', cause, message };
}
