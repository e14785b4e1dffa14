/** `medix eval`: models on medical benchmarks, judged by reference. */
import type { AddCommand } from './command.ts';
import { addEvalCompareCommand } from './eval-compare.ts';
import { addEvalContaminationCommand } from './eval-contamination.ts';
import { addEvalForecastCommand } from './eval-forecast.ts';
import { addEvalRunCommands } from './eval-run.ts';
import { addEvalSamplesCommand } from './eval-samples.ts';
import { addEvalSubmitCommand } from './eval-submit.ts';
import { addEvalTasksCommand } from './eval-tasks.ts';

export const addEvalCommand: AddCommand = (program, context) => {
  const group = program
    .command('eval')
    .description('Evaluate a model on medical benchmarks, judged by reference');
  addEvalTasksCommand(group, context);
  addEvalSamplesCommand(group, context);
  addEvalForecastCommand(group, context);
  addEvalRunCommands(group, context);
  addEvalCompareCommand(group, context);
  addEvalContaminationCommand(group, context);
  addEvalSubmitCommand(group, context);
};
