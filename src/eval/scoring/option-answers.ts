/** Which option each stored answer to a multiple-choice question takes. */
import { answerOf } from '../judging/answer-of.ts';
import { readChoice } from '../judging/choice.ts';
import type { TaskRows } from '../results/joined-answers.ts';
import type { OptionAnswer } from './option-permutation.ts';

/**
 * Judged answers to the task's multiple-choice questions, as they are and permuted.
 * @param rows read with `keepOptions`
 */
export function optionAnswersOf(rows: TaskRows, judgingName: string): OptionAnswer[] {
  const { taskId, samples, answers, verdicts } = rows;
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  return [...(verdicts.get(judgingName) ?? [])].flatMap(([text, { key, facts, answer }]) => {
    const sample = byId.get(key.sampleId);
    if (sample?.options === undefined || answer === undefined) return [];
    const { reference } = sample.options;
    const choices = answers.get(text)?.choices ?? sample.options.choices;
    const right = choices.find((choice) => choice.text === reference);
    if (!right) return [];
    // The mode of the paper stores the answer with its tags.
    const found = answerOf(answer);
    return [
      {
        taskId,
        ...key,
        cluster: sample.cluster,
        score: facts.outcome.kind === 'scored' ? facts.outcome.score : null,
        offered: choices.map(({ letter }) => letter),
        right: right.letter,
        taken: found.kind === 'answer' ? (readChoice(found.text, choices) ?? null) : null,
      },
    ];
  });
}
