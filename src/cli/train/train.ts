/** `medix train`: reinforcement learning of a policy. */
import { describeChange } from '../../config/config-changes.ts';
import { readHubAccess, readSecrets } from '../../config/environment.ts';
import { type TrainConfig, trainConfigSchema } from '../../config/train-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { requireNewRun } from '../../run/run-writer.ts';
import { openTraining } from '../../train/open-training.ts';
import { requireSteps } from '../../train/require-steps.ts';
import { runTraining } from '../../train/run-training.ts';
import type { RunPlan } from '../../train/write-run.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import {
  allowOption,
  configHelp,
  formatConfig,
  type ResumeOptions,
  readArguments,
} from '../config-arguments.ts';
import { decimalNumber } from '../option-values.ts';
import { ledgerLines } from '../reward/view.ts';
import { peakMemoryLine, reportRejectedRows, terminalObserver } from './report.ts';

type Options = ResumeOptions & { readonly maxMinutes?: number };

export const setUpTrain: SetUpCommand = (command, context) => {
  command
    .argument('[config...]', 'config file and key=value changes')
    .option('--resume <directory>', 'resume a run that was stopped or killed')
    .addOption(allowOption())
    .option(
      '--max-minutes <number>',
      'end training after the iteration in which it has taken this many minutes: validate, save and write the model; --resume trains on',
      decimalNumber('above 0', (value) => value > 0),
    )
    .addHelpText('after', configHelp(trainConfigSchema))
    .action(async (words: string[], { resume, allow, maxMinutes }: Options) => {
      const given = { words, allow, ...(resume === undefined ? {} : { resume }) };
      const { config, overrides, changes } = await readArguments(trainConfigSchema, 'train', given);
      for (const change of changes) context.terminal.print(`changed: ${describeChange(change)}`);
      const plan = { command: 'train', isResumed: resume !== undefined, overrides } as const;
      await trainByConfig(config, plan, maxMinutes ?? Number.POSITIVE_INFINITY, context);
    });
};

async function trainByConfig(
  config: TrainConfig,
  plan: Pick<RunPlan, 'command' | 'isResumed' | 'overrides'>,
  minutes: number,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal, clock } = context;
  const secrets = readSecrets(config.reward);
  if (!plan.isResumed) await requireNewRun(config.out);
  terminal.print(formatConfig(config));
  const onProgress = (line: string) => terminal.showStatus(line);
  const parts = { hub: readHubAccess(), secrets, clock: systemClock, signal, onProgress };
  const training = await openTraining(config, parts);
  try {
    reportRejectedRows(terminal, training.rejected);
    for (const warning of training.warnings) terminal.print(`warning: ${warning}`);
    const observers = [terminalObserver(terminal)];
    const deadline = clock() + minutes * 60_000;
    const isOutOfTime = () => clock() > deadline;
    const { model } = await runTraining(training, plan, { observers, signal, clock, isOutOfTime });
    for (const line of ledgerLines(training.scoring.ledger.summary())) terminal.print(line);
    terminal.print(`the model is in ${model}`);
    terminal.print(peakMemoryLine());
    await requireSteps(config.out);
  } finally {
    await training.close();
  }
}
