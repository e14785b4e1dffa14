/** `medix sft`: supervised fine-tuning on demonstrations. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeChange } from '../../config/config-changes.ts';
import { readHubAccess, readTrackerKey } from '../../config/environment.ts';
import { type SftConfig, sftConfigSchema } from '../../config/sft-config.ts';
import { processorTime, systemClock } from '../../core/async/clock.ts';
import { fail } from '../../core/errors.ts';
import type { Message } from '../../core/message.ts';
import type { Sample } from '../../core/sample.ts';
import { formatDemonstration } from '../../data/response.ts';
import type { Engine } from '../../engine/engine.ts';
import { findModel, modelKindOf } from '../../engine/find-model.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { createPromptPreparation } from '../../rollout/prepare-prompts.ts';
import { runFacts } from '../../run/run-facts.ts';
import { requireNewRun } from '../../run/run-writer.ts';
import { makeModel } from '../../train/new-model.ts';
import { openData } from '../../train/open-training.ts';
import { requireFittingData } from '../../train/require-fitting-data.ts';
import { requireSteps } from '../../train/require-steps.ts';
import type { SampleSet } from '../../train/sample-order.ts';
import { fineTune } from '../../train/sft.ts';
import { openTrackers } from '../../train/trackers/open-trackers.ts';
import { createUsageMeter, peakMemory } from '../../train/usage-meter.ts';
import { writeRun } from '../../train/write-run.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import {
  allowOption,
  configHelp,
  formatConfig,
  type ResumeOptions,
  readArguments,
} from '../config-arguments.ts';
import { peakMemoryLine, reportRejectedRows, terminalObserver } from '../train/report.ts';

export const setUpSft: SetUpCommand = (command, context) => {
  command
    .argument('[config...]', 'config file and key=value changes')
    .option('--resume <directory>', 'resume a run that was stopped or killed')
    .addOption(allowOption())
    .addHelpText('after', configHelp(sftConfigSchema))
    .action(async (words: string[], { resume, allow }: ResumeOptions) => {
      const given = { words, allow, ...(resume === undefined ? {} : { resume }) };
      const { config, overrides, changes } = await readArguments(sftConfigSchema, 'sft', given);
      for (const change of changes) context.terminal.print(`changed: ${describeChange(change)}`);
      await runFineTuning(config, overrides, resume !== undefined, context);
    });
};

async function runFineTuning(
  config: SftConfig,
  overrides: readonly string[],
  isResumed: boolean,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal, clock } = context;
  const trackers = openTrackers(config, { apiKey: readTrackerKey(config.track), clock });
  if (!isResumed) await requireNewRun(config.out);
  terminal.print(formatConfig(config));
  const hub = readHubAccess();

  const resumed = isResumed ? config.out : undefined;
  const { render, ...data } = await openData(config.data, hub, signal, resumed);
  reportRejectedRows(terminal, data.rejected);
  const demonstrated = config.demonstrations === 'given' ? (set: SampleSet) => set : fromSolutions;
  const samples = demonstrated(data.samples);
  const validationSamples = data.validationSamples && demonstrated(data.validationSamples);
  const { model: start } = config;
  const onProgress = (line: string) => terminal.showStatus(line);
  const access = { hub, clock: systemClock, onProgress };
  const found =
    typeof start === 'string' ? await findModel(config.engine, start, access, signal) : undefined;
  const engine = await openModel(config, found?.folder, samples, render, signal);
  // A model of the hub is named at its commit, so that a resumed run begins with the same.
  const pinned = { ...config, data: data.data };
  const named = found === undefined ? pinned : { ...pinned, model: found.name };
  const usage = createUsageMeter(() => ({}), peakMemory);
  try {
    const model = await writeRun(
      {
        kind: 'sft',
        command: 'sft',
        out: config.out,
        isResumed,
        config: named,
        overrides,
        facts: { ...(await runFacts()), data: data.dataFacts },
      },
      engine,
      async (run) => {
        await fineTune(
          {
            config,
            engine,
            samples,
            ...(validationSamples ? { validationSamples } : {}),
            prepare: createPromptPreparation(engine.model, render, 0),
            run,
            observers: [terminalObserver(terminal), ...trackers],
            clock,
            processorClock: processorTime,
            usage: () => usage.take(),
          },
          signal,
        );
      },
      context,
    );
    terminal.print(`the model is in ${model}`);
    terminal.print(peakMemoryLine());
    await requireSteps(config.out);
  } finally {
    await engine.close();
  }
}

/** A new model is a function of the config and the data, so a resumed run makes the same one again. */
async function openModel(
  { model, engine, data, seed }: SftConfig,
  folder: string | undefined,
  samples: SampleSet,
  render: (sample: Sample) => readonly Message[],
  signal: AbortSignal,
): Promise<Engine> {
  const use = { kind: 'train', seed } as const;
  if (typeof model === 'string') {
    const found = folder ?? model;
    requireFittingData(await modelKindOf(engine, found), data.textOnly);
    return openEngine(engine, found, use, signal);
  }
  const directory = await mkdtemp(join(tmpdir(), 'medix-new-model-'));
  try {
    await makeModel(directory, model, samples, render, seed);
    return await openEngine(engine, directory, use, signal);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/**
 * Each sample with a demonstration made of its tag and reference answer. Solutions hold no reasoning, so
 * the thinking is one sentence that names the modality: it teaches the output format and nothing else.
 */
function fromSolutions(samples: SampleSet): SampleSet {
  return {
    ...samples,
    at: async (index) => {
      const sample = await samples.at(index);
      const { modality, referenceAnswer: answer } = sample;
      if (modality === undefined) {
        fail('data', {
          where: `sample ${sample.id}`,
          expected: 'a solution that begins with a modality tag',
          got: 'none',
          next: 'add the tag, or give demonstrations of your own with demonstrations=given',
        });
      }
      const thinking = `Modality: ${modality.toLowerCase().replaceAll('_', ' ')}.`;
      return { ...sample, demonstration: formatDemonstration({ modality, thinking, answer }) };
    },
  };
}
