/**
 * A judge of the user's own in an evaluation. It says right or wrong, so it cannot grade reports. Of multiple
 * choice it sees the question with its options, as the model did.
 */
import { digestOf } from '../../core/digest.ts';
import { defined } from '../../core/errors.ts';
import type { Judge, JudgeOutcome } from '../../judge/judge.ts';
import type { Vote } from '../results/records.ts';
import type { Grader } from './grader.ts';
import { outcomeOf } from './vote.ts';

/** Raised when an item is put to the judge in another way. */
const version = 1;

/** Closes the judge with itself. */
export function createOwnGrader(judge: Judge, showImages: boolean): Grader {
  const { id, kind, digest } = judge.describe;
  return {
    describe: { id, kind, digest: digestOf([digest, 'evaluation', version, showImages]) },
    seesImages: showImages,
    gradesReports: false,
    grade: async ({ sample, answer }, signal) => {
      const { problem: question, referenceAnswer, accepted, images } = sample;
      if (sample.kind === 'report') {
        const message = `${id} says right or wrong and cannot grade reports; take a language model as judge`;
        return gradeOf(id, { kind: 'unscored', cause: 'refused', message });
      }
      const shown = showImages && images.length > 0 ? { images } : {};
      const item = { question, answer, referenceAnswer, accepted, ...shown };
      const [outcome] = await judge.judge([item], signal);
      return gradeOf(id, defined(outcome, 'verdict'));
    },
    probe: judge.probe,
    close: judge.close,
  };
}

function gradeOf(judge: string, outcome: JudgeOutcome): Awaited<ReturnType<Grader['grade']>> {
  const vote: Vote = { judge, outcome: opinion(outcome) };
  const latencyMs = outcome.kind === 'judged' ? outcome.latencyMs : 0;
  return { votes: [vote], outcome: outcomeOf(vote), latencyMs };
}

function opinion(outcome: JudgeOutcome): Vote['outcome'] {
  if (outcome.kind === 'unscored') {
    return { kind: 'failed', cause: outcome.cause, message: outcome.message };
  }
  return { kind: 'judged', score: outcome.correct ? 1 : 0, reply: outcome.reply };
}
