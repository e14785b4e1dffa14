import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ScriptedOptions } from '../engine/scripted/scripted-engine.fixture.ts';
import { RunWriter } from '../run/run-writer.ts';
import {
  toyConfig,
  toyEngine,
  toyPreparation,
  toyReward,
  toySamples,
  toyTraining,
} from './loop.fixture.ts';
import { train } from './loop.ts';
import { requireSteps } from './require-steps.ts';
import { sampleSetOf } from './sample-order.ts';
import { fineTune } from './sft.ts';

const { signal } = new AbortController();

async function newRun(kind: 'train' | 'sft'): Promise<RunWriter> {
  const directory = join(await mkdtemp(join(tmpdir(), 'medix-steps-')), 'run');
  return RunWriter.create(directory, { kind, config: {}, facts: {} }, [], () => 0);
}

/** An engine whose gradients are never finite. */
function brokenEngine(options: Omit<ScriptedOptions, 'pieces'> = {}) {
  const engine = toyEngine(options);
  return { ...engine, optimStep: async () => ({ kind: 'skipped-nonfinite' }) as const };
}

const short = {
  ...toyConfig,
  iterations: 3,
  validation: { ...toyConfig.validation, every: 3, beforeTraining: false },
};

test('a run that took a step is a success', async () => {
  const run = await newRun('train');
  await train(toyTraining(run, { config: short }), signal);
  await run.close('finished');
  await expect(requireSteps(run.directory)).resolves.toBeUndefined();
});

test('a run whose groups all had one reward says so', async () => {
  const run = await newRun('train');
  const same = toyReward((outcome) => ({ ...outcome, kind: 'scored', reward: 0 }));
  await train(toyTraining(run, { config: short, reward: same }), signal);
  await run.close('finished');
  await expect(requireSteps(run.directory)).rejects.toThrow(
    /expected at least one optimizer step, got none in 3 iterations: 3 without a group to train on; its model is the one it started from; every completion of a prompt had the same reward: /,
  );
});

test('a run whose gradients were never finite says so, whether it reinforces or imitates', async () => {
  const reinforced = await newRun('train');
  await train(toyTraining(reinforced, { config: short }, brokenEngine()), signal);
  await reinforced.close('finished');
  const imitated = await newRun('sft');
  const engine = brokenEngine();
  await fineTune(
    {
      config: { ...short, batchSize: 4 },
      engine,
      samples: sampleSetOf(toySamples),
      prepare: toyPreparation(engine, 0),
      run: imitated,
      observers: [],
      clock: () => 0,
      processorClock: () => 0,
      usage: () => ({}),
    },
    signal,
  );
  await imitated.close('finished');
  for (const { directory } of [reinforced, imitated]) {
    await expect(requireSteps(directory)).rejects.toThrow(
      /got none in 3 iterations: 3 with a gradient that was not finite; .*lower optimizer\.learningRate/,
    );
  }
});
