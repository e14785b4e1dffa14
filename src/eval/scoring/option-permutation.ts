/**
 * Whether a model chooses an option by its content or by its letter: the same multiple-choice questions
 * unchanged and with their options under other letters (cf. arXiv 2309.03882, 2605.01417). Knows nothing
 * about files and judges.
 */
import type { ClusteredValue } from '../../statistics/clusters.ts';
import type { AnswerKey } from '../results/records.ts';
import type { LetterUse, OptionPermutation } from '../results/report.ts';
import { textOfKey } from '../results/rows.ts';
import { bootstrapInterval, figureOf, type Sampling } from './figure.ts';

/** One answer to a multiple-choice question. */
export type OptionAnswer = AnswerKey & {
  readonly taskId: string;
  /** Answers of one cluster are drawn together. */
  readonly cluster: string;
  /** In [0, 1]; null where the judge gave none. */
  readonly score: number | null;
  /** Letters of the options as the model was shown them. */
  readonly offered: readonly string[];
  /** Letter of the right option. */
  readonly right: string;
  /** The option that the answer takes; null where none can be read from it. */
  readonly taken: { readonly letter: string; readonly text: string } | null;
};

/**
 * One entry a task, by name; tasks without a permuted answer have none. A figure is null where there is no
 * answer to compute it from. The order of the answers makes no difference.
 *
 * @param answers other variants are passed over
 */
export function optionPermutation(
  answers: Iterable<OptionAnswer>,
  sampling: Sampling,
): readonly OptionPermutation[] {
  const tasks = new Map<string, Map<string, OptionAnswer>>();
  for (const answer of answers) {
    const known = tasks.get(answer.taskId) ?? new Map<string, OptionAnswer>();
    tasks.set(answer.taskId, known.set(textOfKey(answer), answer));
  }
  return [...tasks]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([task, ofTask]) => {
      const permuted = pairsOf(ofTask, (after) =>
        after.variant === 'permuted-options' ? { ...after, variant: 'original' } : undefined,
      );
      if (permuted.length === 0) return [];
      return permutationOf(task, [...ofTask.values()], permuted, repeatsOf(ofTask), sampling);
    });
}

type Pair = { readonly before: OptionAnswer; readonly after: OptionAnswer };

function permutationOf(
  taskId: string,
  answers: readonly OptionAnswer[],
  permuted: readonly Pair[],
  repeated: readonly Pair[],
  sampling: Sampling,
): OptionPermutation {
  const changed = permuted.flatMap(changeOfOption);
  const scored = permuted.flatMap(changeOfScore);
  const letters = usesOfLetters(answers);
  const name = `${taskId}/permuted-options`;
  const share = (values: readonly ClusteredValue[], what: string) =>
    values.length > 0 ? figureOf(values, `${name}/${what}`, sampling) : null;
  return {
    task: taskId,
    pairs: changed.length,
    changed: share(changed, 'changed'),
    changedBetweenEpochs: share(repeated.flatMap(changeOfOption), 'epochs'),
    difference:
      scored.length > 0
        ? {
            value: meanOf(scored.map(({ value }) => value)),
            interval: bootstrapInterval(scored, `${name}/difference`, sampling),
            pairs: scored.length,
          }
        : null,
    letters,
    recallSpread: deviationOf(letters.flatMap(({ recall }) => recall ?? [])),
  };
}

/** @param partnerOf the key of the answer that comes before; undefined where none does */
function pairsOf(
  answers: ReadonlyMap<string, OptionAnswer>,
  partnerOf: (after: OptionAnswer) => AnswerKey | undefined,
): Pair[] {
  return [...answers.values()].flatMap((after) => {
    const partner = partnerOf(after);
    const before = partner && answers.get(textOfKey(partner));
    return before ? [{ before, after }] : [];
  });
}

function repeatsOf(answers: ReadonlyMap<string, OptionAnswer>): Pair[] {
  return pairsOf(answers, (after) =>
    after.variant === 'original' && after.epoch === 1 ? { ...after, epoch: 0 } : undefined,
  );
}

function changeOfOption({ before, after }: Pair): ClusteredValue[] {
  if (before.taken === null || after.taken === null) return [];
  const value = Number(before.taken.text !== after.taken.text);
  return [{ cluster: before.cluster, value }];
}

function changeOfScore({ before, after }: Pair): ClusteredValue[] {
  if (before.score === null || after.score === null) return [];
  return [{ cluster: before.cluster, value: after.score - before.score }];
}

function usesOfLetters(answers: readonly OptionAnswer[]): LetterUse[] {
  const read = answers.filter(
    ({ taken, variant }) =>
      taken !== null && (variant === 'original' || variant === 'permuted-options'),
  );
  const letters = new Set(read.flatMap(({ offered }) => offered));
  return [...letters].toSorted().map((letter) => {
    const takes = (answer: OptionAnswer) => answer.taken?.letter === letter;
    const right = read.filter((answer) => answer.right === letter);
    return {
      letter,
      offered: read.filter(({ offered }) => offered.includes(letter)).length,
      taken: read.filter(takes).length,
      right: right.length,
      recall: right.length > 0 ? right.filter(takes).length / right.length : null,
    };
  });
}

function deviationOf(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
