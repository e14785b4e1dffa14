/** `medix eval compare`: whether one model is better than another on the same questions. */
import type { Command } from 'commander';
import { compareEvaluations } from '../../eval/comparison/compare.ts';
import { formatComparison, writeComparison } from '../../eval/reports/comparison-reports.ts';
import type { CommandContext } from '../command.ts';
import { wholeNumber } from '../option-values.ts';

type Options = { readonly judging?: string; readonly out?: string; readonly seed: number };

export function addEvalCompareCommand(group: Command, { terminal }: CommandContext): void {
  group
    .command('compare')
    .description('Compare models on the same questions, judged by the same judges')
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
      if (out === undefined) return;
      const paths = await writeComparison(out, comparison);
      terminal.print(`\nthe comparison is in ${paths.at(-1)}`);
    });
}

const help = `
Answers are paired by question. Only questions that have a score for both models count; their share is shown.
Scores by different judges are not compared: judge all folders with the same judges first.`;
