/** `medix train`: reinforcement learning of a policy. */
import { Option } from 'commander';
import { describeChange } from '../../config/config-changes.ts';
import { readHubAccess, readSecrets, readTrackerKey } from '../../config/environment.ts';
import { type TrainConfig, trainConfigSchema } from '../../config/train-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { requireNewRun } from '../../run/run-writer.ts';
import { serveRunMetrics } from '../../server/run-metrics.ts';
import type { RunObserver } from '../../train/observers.ts';
import { openTraining } from '../../train/open-training.ts';
import { requireSteps } from '../../train/require-steps.ts';
import { runTraining } from '../../train/run-training.ts';
import { openTrackers } from '../../train/trackers/open-trackers.ts';
import type { RunPlan } from '../../train/write-run.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import {
  allowOption,
  configHelp,
  formatConfig,
  type ResumeOptions,
  readArguments,
} from '../config-arguments.ts';
import { decimalNumber, wholeNumber } from '../option-values.ts';
import { ledgerLines } from '../reward/view.ts';
import { withView } from '../view/beside.ts';
import { peakMemoryLine, reportRejectedRows, terminalObserver } from './report.ts';

type Options = ResumeOptions & {
  readonly maxMinutes?: number;
  readonly metricsPort?: number;
  readonly check?: boolean;
  readonly prompts?: number;
  readonly json?: boolean;
  readonly view?: boolean;
};

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
    .option(
      '--metrics-port <number>',
      'serve the latest metrics to Prometheus at this port of 127.0.0.1 while the run lasts; 0 takes a free one',
      wholeNumber(0),
    )
    .option(
      '--view',
      'serve the page of `medix view` while the run lasts, and print its link',
      false,
    )
    .addOption(
      new Option(
        '--check',
        'print the complete plan, what speaks against it, and what it would cost; train nothing',
      ).conflicts('resume'),
    )
    .option(
      '--prompts <number>',
      'with --check: prompts to sample groups for; 0 samples nothing (default: 64)',
      wholeNumber(0),
    )
    .option('--json', 'with --check: print the plan as one JSON record')
    .addHelpText('after', configHelp(trainConfigSchema))
    .action(async (words: string[], options: Options) => {
      const { resume, metricsPort, check, prompts = 64, json = false } = options;
      if (check) {
        const { checkByWords } = await import('./check/check-by-words.ts');
        return checkByWords(words, { prompts, json }, context);
      }
      if (options.prompts !== undefined || json) {
        command.error('error: --prompts and --json belong to --check');
      }
      const { allow, maxMinutes = Number.POSITIVE_INFINITY } = options;
      const given = { words, allow, ...(resume === undefined ? {} : { resume }) };
      const { config, overrides, changes } = await readArguments(trainConfigSchema, 'train', given);
      for (const change of changes) context.terminal.print(`changed: ${describeChange(change)}`);
      const plan = { command: 'train', isResumed: resume !== undefined, overrides } as const;
      await withView(options.view === true, config.out, context, () =>
        withMetrics(metricsPort, context, (observers) =>
          trainByConfig(config, plan, { minutes: maxMinutes, observers }, context),
        ),
      );
    });
};

/** Serves metrics while the work lasts, where a port is given. */
async function withMetrics(
  port: number | undefined,
  { terminal }: CommandContext,
  work: (observers: readonly RunObserver[]) => Promise<void>,
): Promise<void> {
  if (port === undefined) return work([]);
  const server = await serveRunMetrics(port, systemClock);
  try {
    terminal.print(`metrics are served at ${server.url}`);
    await work([server.observer]);
  } finally {
    await server.close();
  }
}

async function trainByConfig(
  config: TrainConfig,
  plan: Pick<RunPlan, 'command' | 'isResumed' | 'overrides'>,
  {
    minutes,
    observers: others,
  }: { readonly minutes: number; readonly observers: readonly RunObserver[] },
  context: CommandContext,
): Promise<void> {
  const { terminal, signal, clock } = context;
  const secrets = readSecrets(config.reward);
  const trackers = openTrackers(config, { apiKey: readTrackerKey(config.track), clock });
  if (!plan.isResumed) await requireNewRun(config.out);
  terminal.print(formatConfig(config));
  const onProgress = (line: string) => terminal.showStatus(line);
  const parts = {
    hub: readHubAccess(),
    secrets,
    clock: systemClock,
    signal,
    onProgress,
    ...(plan.isResumed ? { resumed: config.out } : {}),
  };
  const training = await openTraining(config, parts);
  try {
    reportRejectedRows(terminal, training.rejected);
    for (const warning of training.warnings) terminal.print(`warning: ${warning}`);
    const observers = [terminalObserver(terminal), ...trackers, ...others];
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
