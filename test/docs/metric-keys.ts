/** Keys of the metrics that runs write, collected from a training and a fine-tuning on the toy task. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metrics } from '../../src/core/metrics.ts';
import type { LedgerSummary } from '../../src/core/usage.ts';
import type { RewardOutcome } from '../../src/reward/composite.ts';
import { readMetrics } from '../../src/run/run-reader.ts';
import { RunWriter } from '../../src/run/run-writer.ts';
import {
  readToySamples,
  thinkingToyEngine,
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
import { createUsageMeter } from '../../src/train/usage-meter.ts';
import type { Document } from './markdown.ts';

/** Keys in the first column of the tables of a document. */
export function metricRows({ rows }: Pick<Document, 'rows'>): readonly string[] {
  return rows.flatMap(([first = '']) =>
    [...first.matchAll(/`([^`]+\/[^`]+)`/g)].map(([, key = '']) => key),
  );
}

/** One use of a ledger, with prices or without. */
function use(money: number | null) {
  const tokens = { inputTokens: 0, outputTokens: 0, unmetered: 0, tokensSaved: 0 };
  return { requests: 0, failed: 0, reused: 0, money, ...tokens };
}

function usageOf(ledger: LedgerSummary): () => Metrics {
  return () => {
    const meter = createUsageMeter(
      () => ledger,
      () => 0,
    );
    if ('judge' in ledger) meter.judged(1);
    return meter.take();
  };
}

/** Everything that has a metric happens: self-distillation, a KL penalty in the loss and one in the reward, a judge that fails, a panel that disagrees, a penalty for length, a sampler that is not exact and is corrected. */
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
            usage: usageOf({ judge: use(0), embedder: use(null) }),
            algorithm: toyAlgorithm({
              preset: 'grpo',
              samplerCorrection: { low: 0.5, high: 5, over: 'token' },
            }),
            unscoredLimit: 1,
            reward: toyReward((outcome, response) =>
              response.includes('both') ? withoutJudge(outcome) : judgedByPanel(outcome),
            ),
          },
          toyEngine({ samplerNoise: 0.1 }),
        ),
        signal,
      ),
    );
    await collect('train-unscored', (run) =>
      train(
        toyTraining(run, {
          config: { ...toyConfig, iterations: 1 },
          unscoredLimit: 1,
          reward: toyReward(withoutJudge),
        }),
        signal,
      ),
    );
    const algorithm = toyAlgorithm({ selfDistillation: { weight: 1 } });
    await collect('train-distilled', (run) =>
      train(toyTraining(run, { config: { ...toyConfig, iterations: 1 }, algorithm }), signal),
    );
    const contrasted = toyAlgorithm({ imageContrast: { weight: 0.2, against: 'other' } });
    await collect('train-contrasted', (run) =>
      train(
        toyTraining(run, { config: { ...toyConfig, iterations: 1 }, algorithm: contrasted }),
        signal,
      ),
    );
    const showing = toyAlgorithm({ showReadings: { weight: 1 } });
    await collect('train-showing', (run) =>
      train(
        toyTraining(
          run,
          {
            config: { ...toyConfig, iterations: 1 },
            algorithm: showing,
            samples: sampleSetOf(readToySamples),
          },
          thinkingToyEngine(),
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
          usage: usageOf({}),
        },
        signal,
      );
    });
    return keys;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function judgedByPanel(outcome: RewardOutcome): RewardOutcome {
  const judge = { kind: 'scored', value: 1, disagreement: 0.5 } as const;
  const components = { ...outcome.components, judge };
  return outcome.kind === 'scored' ? { ...outcome, overlong: 0, components } : outcome;
}
