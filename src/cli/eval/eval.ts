/** `medix eval`: evaluates models on medical benchmarks by comparing their answers with reference answers. */
import type { AddCommand } from '../command.ts';
import { addEvalCompareCommand } from './compare.ts';
import { addEvalContaminationCommand } from './contamination.ts';
import { addEvalForecastCommand } from './forecast.ts';
import { addEvalRunCommands } from './run.ts';
import { addEvalSamplesCommand } from './samples.ts';
import { addEvalSubmitCommand } from './submit.ts';
import { addEvalTasksCommand } from './tasks.ts';

export const addEvalCommand: AddCommand = (program, context) => {
  const group = program
    .command('eval')
    .description(
      'Evaluate a model on medical benchmarks; judges compare its answers with the reference answers',
    );
  addEvalTasksCommand(group, context);
  addEvalSamplesCommand(group, context);
  addEvalForecastCommand(group, context);
  addEvalRunCommands(group, context);
  addEvalCompareCommand(group, context);
  addEvalContaminationCommand(group, context);
  addEvalSubmitCommand(group, context);
};
