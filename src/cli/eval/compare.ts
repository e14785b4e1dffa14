/** `medix eval compare`: whether one model is better than another on the same questions. */
import { MedixError, type Problem } from '../../core/errors.ts';
import { compareEvaluations } from '../../eval/comparison/compare.ts';
import { formatComparison, writeComparison } from '../../eval/reports/comparison-reports.ts';
import type { EvalComparison } from '../../eval/results/comparison.ts';
import type { SetUpCommand } from '../command.ts';
import { wholeNumber } from '../option-values.ts';

type Options = { readonly judging?: string; readonly out?: string; readonly seed: number };

export const setUpEvalCompare: SetUpCommand = (command, { terminal }) => {
  command
    .argument('<baseline>', 'results folder of the model with which the others are compared')
    .argument('<candidates...>', 'results folders of the other models')
    .option(
      '--judging <name>',
      'judging whose verdicts are compared; needed if the folders share several',
    )
    .option(
      '--out <dir>',
      'folder for comparison.html, .md and .json; without it no files are written',
    )
    .option(
      '--seed <number>',
      'seed of the bootstrap draws and of the random sign flips',
      wholeNumber(0),
      1,
    )
    .addHelpText('after', help)
    .action(async (baseline: string, candidates: readonly string[], options: Options) => {
      const { judging: judgingName, out, seed } = options;
      const comparison = await compareEvaluations({
        folders: [baseline, ...candidates],
        ...(judgingName === undefined ? {} : { judgingName }),
        seed,
      });
      for (const line of formatComparison(comparison)) terminal.print(line);
      if (out !== undefined) {
        const paths = await writeComparison(out, comparison);
        terminal.print(`\nthe comparison is in ${paths.at(-1)}`);
      }
      requireComparisons(comparison);
    });
};

/** A task that could not be compared is an error, whatever the others came to. */
function requireComparisons({ candidates }: EvalComparison): void {
  const problems = candidates.flatMap(({ folder, tasks }) =>
    tasks.flatMap(({ task, result }): Problem[] => {
      if (result.kind !== 'failed') return [];
      const next = 'run `medix eval run` again in the folders that lack answers or verdicts';
      return [
        {
          where: `${folder}: ${task}`,
          expected: 'questions to compare',
          got: result.message,
          next,
        },
      ];
    }),
  );
  if (problems.length > 0) throw new MedixError('run', problems);
}

const help = `
The exit code is 1 where a task has no question to compare.
Answers are paired by question. Only questions that have a score for both models count; their share is shown.
Scores by different judges are not compared: judge all folders with the same judges first.`;
