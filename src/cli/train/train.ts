/** `medix train`: reinforcement learning of a policy. */
import { readHubAccess, readSecrets } from '../../config/environment.ts';
import { type TrainConfig, trainConfigSchema } from '../../config/train-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { requireNewRun } from '../../run/run-writer.ts';
import { openTraining } from '../../train/open-training.ts';
import { requireSteps } from '../../train/require-steps.ts';
import { runTraining } from '../../train/run-training.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { configHelp, formatConfig, readArguments } from '../config-arguments.ts';
import { ledgerLines } from '../reward/view.ts';
import { peakMemoryLine, reportRejectedRows, terminalObserver } from './report.ts';

export const setUpTrain: SetUpCommand = (command, context) => {
  command
    .argument('[config...]', 'config file and key=value changes')
    .option('--resume <directory>', 'resume a run that was stopped or killed')
    .addHelpText('after', configHelp(trainConfigSchema))
    .action(async (words: string[], { resume }: { resume?: string }) => {
      const given = { words, ...(resume === undefined ? {} : { resume }) };
      const { config, overrides } = await readArguments(trainConfigSchema, 'train', given);
      await trainByConfig(config, overrides, resume !== undefined, context);
    });
};

async function trainByConfig(
  config: TrainConfig,
  overrides: readonly string[],
  isResumed: boolean,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal, clock } = context;
  const secrets = readSecrets(config.reward);
  if (!isResumed) await requireNewRun(config.out);
  terminal.print(formatConfig(config));
  const onProgress = (line: string) => terminal.showStatus(line);
  const parts = {
    hub: readHubAccess(),
    secrets,
    clock: systemClock,
    signal,
    onProgress,
    ...(isResumed ? { resumed: config.out } : {}),
  };
  const training = await openTraining(config, parts);
  try {
    reportRejectedRows(terminal, training.rejected);
    for (const warning of training.warnings) terminal.print(`warning: ${warning}`);
    const plan = { command: 'train', isResumed, overrides } as const;
    const observers = [terminalObserver(terminal)];
    const { model } = await runTraining(training, plan, { observers, signal, clock });
    for (const line of ledgerLines(training.scoring.ledger.summary())) terminal.print(line);
    terminal.print(`the model is in ${model}`);
    terminal.print(peakMemoryLine());
    await requireSteps(config.out);
  } finally {
    await training.close();
  }
}
