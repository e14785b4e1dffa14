/** Keys of the metrics that runs write, collected from a training and a fine-tuning on the toy task. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMetrics } from '../../src/run/run-reader.ts';
import { RunWriter } from '../../src/run/run-writer.ts';
import {
  toyAlgorithm,
  toyConfig,
  toyEngine,
  toyPreparation,
  toyReward,
  toySamples,
  toyTraining,
  withoutJudge,
} from '../../src/train/loop.fixture.ts';
import { train } from '../../src/train/loop.ts';
import { sampleSetOf } from '../../src/train/sample-order.ts';
import { fineTune } from '../../src/train/sft.ts';

/** Everything that has a metric happens: a KL penalty in the loss and one in the reward, a judge that fails, a penalty for length, a sampler that is not exact and is corrected. */
export async function writtenMetricKeys(): Promise<ReadonlySet<string>> {
  const folder = await mkdtemp(join(tmpdir(), 'medix-docs-'));
  const { signal } = new AbortController();
  const keys = new Set<string>();
  const collect = async (name: string, use: (run: RunWriter) => Promise<unknown>) => {
    const directory = join(folder, name);
    const kind = name === 'sft' ? 'sft' : 'train';
    const run = await RunWriter.create(directory, { kind, config: {}, facts: {} }, [], () => 0);
    await use(run);
    await run.close('finished');
    for (const { values } of await readMetrics(directory)) {
      for (const key of Object.keys(values)) keys.add(key);
    }
  };
  try {
    await collect('train', (run) =>
      train(
        toyTraining(
          run,
          {
            config: {
              ...toyConfig,
              iterations: 1,
              validation: { ...toyConfig.validation, samples: 2 },
            },
            algorithm: toyAlgorithm({ preset: 'grpo', samplerCorrection: { low: 0.5, high: 5 } }),
            unscoredLimit: 1,
            reward: toyReward((outcome, response) =>
              response.includes('both') ? withoutJudge(outcome) : { ...outcome, overlong: 0 },
            ),
          },
          toyEngine({ samplerNoise: 0.1 }),
        ),
        signal,
      ),
    );
    const inReward = toyAlgorithm({ preset: 'reinforce++' });
    await collect('train-reinforce', (run) =>
      train(
        toyTraining(run, { config: { ...toyConfig, iterations: 1 }, algorithm: inReward }),
        signal,
      ),
    );
    await collect('sft', (run) => {
      const engine = toyEngine();
      const samples = sampleSetOf(toySamples);
      return fineTune(
        {
          config: { ...toyConfig, iterations: 1, batchSize: 4 },
          engine,
          samples,
          validationSamples: samples,
          prepare: toyPreparation(engine, 0),
          run,
          observers: [],
          clock: () => 0,
          processorClock: () => 0,
        },
        signal,
      );
    });
    return keys;
  } finally {
    await rm(folder, { recursive: true });
  }
}
