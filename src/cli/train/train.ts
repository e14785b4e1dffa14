/** `medix train`: reinforcement learning of a policy. */
import { readHubAccess, readSecrets } from '../../config/environment.ts';
import { type TrainConfig, trainConfigSchema } from '../../config/train-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { defined } from '../../core/errors.ts';
import { openTemplate, renderMessages } from '../../data/prompt-template.ts';
import { openLocalEngine } from '../../engine/local/local-engine.ts';
import { vetJudge } from '../../judge/certificate/assess.ts';
import type { Certificate } from '../../judge/certificate/certificate.ts';
import { type OpenedReward, openReward, requireReachable } from '../../reward/open-reward.ts';
import { createPromptPreparation } from '../../rollout/prepare-prompts.ts';
import { runFacts } from '../../run/run-facts.ts';
import { requireNewRun } from '../../run/run-writer.ts';
import { resolveAlgorithm } from '../../train/algorithm.ts';
import { train } from '../../train/loop.ts';
import { openSamples } from '../../train/open-samples.ts';
import type { AddCommand, CommandContext } from '../command.ts';
import { configHelp, formatConfig, readArguments } from '../config-arguments.ts';
import { ledgerLines } from '../reward/view.ts';
import type { Terminal } from '../terminal.ts';
import { createReport, reportRejectedRows } from './report.ts';
import { writeRun } from './write-run.ts';

export const addTrainCommand: AddCommand = (program, context) => {
  program
    .command('train')
    .description('Improve a model by reinforcement learning on open-ended questions')
    .argument('[config...]', 'config file and key=value changes')
    .option('--resume <directory>', 'go on with a run that was stopped or killed')
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

  const hub = readHubAccess();
  const training = defined(await openSamples(config.data, 'train', hub, signal), 'training set');
  const validation = await openSamples(config.data, 'validation', hub, signal);
  reportRejectedRows(terminal, [training, validation]);
  const template = await openTemplate(config.data.template);
  const algorithm = resolveAlgorithm(config.algorithm);
  const scoring = { secrets, seed: config.seed, clock: systemClock };
  const opened = await openReward(config.reward, scoring);
  try {
    const certificate = await vetted(config, opened, terminal);
    await requireReachable(opened, signal);
    const engine = await openLocalEngine(config.model);
    try {
      const model = await writeRun(
        {
          kind: 'train',
          command: 'train',
          out: config.out,
          isResumed,
          config,
          overrides,
          facts: { ...(await runFacts()), ...opened.facts, certificate, algorithm },
        },
        engine,
        async (run) => {
          await train(
            {
              config,
              algorithm,
              unscoredLimit: config.reward.unscoredLimit,
              engine,
              reward: opened.reward,
              samples: training.samples,
              ...(validation ? { validationSamples: validation.samples } : {}),
              prepare: createPromptPreparation(
                engine.model,
                (sample) => renderMessages(template, sample),
                config.rollout.maxCompletionTokens,
              ),
              run,
              report: createReport(terminal),
              clock,
            },
            signal,
          );
        },
        context,
      );
      for (const line of ledgerLines(opened.ledger.summary())) terminal.print(line);
      terminal.print(`the model is in ${model}`);
    } finally {
      await engine.close();
    }
  } finally {
    await opened.close();
  }
}

/**
 * The judge's certificate for the manifest; null where it has none.
 * @throws MedixError 'judge' when the config refuses a judge that is not fit.
 */
async function vetted(
  config: TrainConfig,
  { judge }: OpenedReward,
  terminal: Terminal,
): Promise<Certificate | null> {
  // The embedded engine trains this architecture only.
  const policy = [config.model, 'Qwen3VLForConditionalGeneration'];
  const { certificate, warnings } = await vetJudge(config.reward.judge, judge.describe, policy);
  for (const warning of warnings) terminal.print(`warning: ${warning}`);
  return certificate ?? null;
}
