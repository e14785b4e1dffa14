/** Which option each stored answer to a multiple-choice question takes. */
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
    return [
      {
        taskId,
        ...key,
        cluster: sample.cluster,
        score: facts.outcome.kind === 'scored' ? facts.outcome.score : null,
        offered: choices.map(({ letter }) => letter),
        right: right.letter,
        taken: readChoice(answer, choices) ?? null,
      },
    ];
  });
}
