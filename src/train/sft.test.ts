import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Engine } from '../engine/engine.ts';
import { readEvents, readMetrics } from '../run/run-reader.ts';
import { RunWriter } from '../run/run-writer.ts';
import { toyConfig, toyEngine, toyPreparation, toySamples } from './loop.fixture.ts';
import { sampleSetOf } from './sample-order.ts';
import { type FineTuning, fineTune } from './sft.ts';

const { signal } = new AbortController();
const manifest = { kind: 'sft', config: {}, facts: {} } as const;
const clock = () => 0;

let directory: string;
let writers: RunWriter[] = [];

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'medix-sft-')), 'run');
});

afterEach(async () => {
  await Promise.all(writers.map((writer) => writer.close('stopped')));
  writers = [];
});

async function opened(writer: Promise<RunWriter>): Promise<RunWriter> {
  writers.push(await writer);
  return writer;
}

function tuning(run: RunWriter, engine: Engine): FineTuning {
  return {
    config: {
      seed: 1,
      iterations: 40,
      batchSize: 5,
      optimizer: { ...toyConfig.optimizer, learningRate: 0.2 },
      validation: { every: 10, patience: null },
      checkpoint: { every: 7, keepLast: 1 },
    },
    engine,
    samples: sampleSetOf(toySamples),
    validationSamples: sampleSetOf(toySamples),
    prepare: toyPreparation(engine, 0),
    run,
    observers: [],
    clock,
    processorClock: clock,
    usage: () => ({}),
  };
}

async function weights(engine: Engine): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'medix-weights-'));
  await engine.save(path);
  return readFile(join(path, 'policy.json'), 'utf8');
}

describe('supervised fine-tuning', () => {
  test('ends early once the held-out loss has not fallen for as long as it was told to wait', async () => {
    const run = await opened(RunWriter.create(directory, manifest, [], clock));
    const given = tuning(run, toyEngine());
    // Nothing is learned at such a rate.
    const optimizer = { ...given.config.optimizer, learningRate: 1e-30 };
    const config = { ...given.config, optimizer, validation: { every: 10, patience: 2 } };
    const end = await fineTune({ ...given, config }, signal);
    expect(end).toMatchObject({ iteration: 30, sinceBest: 2 });
    expect(await readEvents(directory)).toContainEqual(
      expect.objectContaining({ kind: 'ended-early', reason: 'patience', iteration: 30 }),
    );
  });

  test('imitates the demonstrations', async () => {
    const run = await opened(RunWriter.create(directory, manifest, [], clock));
    await fineTune(tuning(run, toyEngine()), signal);
    const metrics = await readMetrics(directory);
    expect(metrics[0]?.values['sft/loss']).toBeCloseTo(Math.log(6), 3);
    expect(metrics.at(-1)?.values['sft/loss']).toBeLessThan(0.2);
    expect(metrics.at(-1)?.values['validation/loss']).toBeLessThan(0.2);
  });

  test('that was killed ends as if undisturbed', async () => {
    const whole = toyEngine();
    const undisturbed = await opened(RunWriter.create(`${directory}-whole`, manifest, [], clock));
    await fineTune(tuning(undisturbed, whole), signal);

    const run = await opened(RunWriter.create(directory, manifest, [], clock));
    const first = toyEngine({
      onCall: (verb, count) => {
        if (verb === 'optimStep' && count === 27) throw new Error('killed');
      },
    });
    await expect(fineTune(tuning(run, first), signal)).rejects.toThrow('killed');
    await run.close('failed');
    writers = writers.filter((writer) => writer !== run);
    const second = toyEngine();
    const resumed = await opened(RunWriter.resume(directory, manifest, [], clock));
    await fineTune(tuning(resumed, second), signal);
    expect(await weights(second)).toBe(await weights(whole));
    const values = async (path: string) => (await readMetrics(path)).map((line) => line.values);
    expect(await values(directory)).toEqual(await values(`${directory}-whole`));
  });

  test('names a sample without a demonstration', async () => {
    const { demonstration: _, ...bare } = toySamples[0]!;
    const run = await opened(RunWriter.create(directory, manifest, [], clock));
    const broken = { ...tuning(run, toyEngine()), samples: sampleSetOf([bare]) };
    await expect(fineTune(broken, signal)).rejects.toThrow(/toy-0: expected a demonstration/);
  });
});
