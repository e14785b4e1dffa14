/** `medix train`: reinforcement learning of a policy. */
import { readHubAccess, readSecrets } from '../../config/environment.ts';
import { type TrainConfig, trainConfigSchema } from '../../config/train-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { runFacts } from '../../run/run-facts.ts';
import { requireNewRun } from '../../run/run-writer.ts';
import { train } from '../../train/loop.ts';
import { openTraining, trainingOf } from '../../train/open-training.ts';
import { writeRun } from '../../train/write-run.ts';
import type { AddCommand, CommandContext } from '../command.ts';
import { configHelp, formatConfig, readArguments } from '../config-arguments.ts';
import { ledgerLines } from '../reward/view.ts';
import { reportRejectedRows, terminalObserver } from './report.ts';

export const addTrainCommand: AddCommand = (program, context) => {
  program
    .command('train')
    .description('Improve a model by reinforcement learning on open-ended questions')
    .argument('[config...]', 'config file and key=value changes')
    .option('--resume <directory>', 'resume a run that was stopped or killed')
    .addHelpText('after', configHelp(trainConfigSchema))
    .action(async (words: string[], { resume }: { resume?: string }) => {
      const given = { words, ...(resume === undefined ? {} : { resume }) };
      const { config, overrides } = await readArguments(trainConfigSchema, 'train', given);
      await runTraining(config, overrides, resume !== undefined, context);
    });
};

async function runTraining(
  config: TrainConfig,
  overrides: readonly string[],
  isResumed: boolean,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal, clock } = context;
  const secrets = readSecrets(config.reward);
  if (!isResumed) await requireNewRun(config.out);
  terminal.print(formatConfig(config));
  const parts = { hub: readHubAccess(), secrets, clock: systemClock, signal };
  const training = await openTraining(config, parts);
  try {
    reportRejectedRows(terminal, training.rejected);
    for (const warning of training.warnings) terminal.print(`warning: ${warning}`);
    const facts = { ...(await runFacts()), ...training.facts };
    const model = await writeRun(
      { kind: 'train', command: 'train', out: config.out, isResumed, config, overrides, facts },
      training.engine,
      async (run) => {
        const observers = [terminalObserver(terminal)];
        await train(trainingOf(training, { run, observers, clock }), signal);
      },
      context,
    );
    for (const line of ledgerLines(training.scoring.ledger.summary())) terminal.print(line);
    terminal.print(`the model is in ${model}`);
  } finally {
    await training.close();
  }
}
