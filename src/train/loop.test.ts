import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Sample } from '../core/sample.ts';
import type { Engine } from '../engine/engine.ts';
import { readCheckpoints } from '../run/checkpoints.ts';
import { readEvents, readMetrics, readRollouts } from '../run/run-reader.ts';
import { RunWriter } from '../run/run-writer.ts';
import {
  toyAlgorithm,
  toyConfig,
  toyEngine,
  toyPreparation,
  toyReward,
  toySamples,
  toyTraining,
  withoutJudge,
} from './loop.fixture.ts';
import { type Training, train } from './loop.ts';
import type { RunObserver } from './observers.ts';

const { signal } = new AbortController();
const prepareToy = toyPreparation(toyEngine(), toyConfig.rollout.maxCompletionTokens);
/** The images are recorded and not shown. */
const ask = (sample: Sample) => prepareToy(sample);
const manifest = { kind: 'train', config: {}, facts: {} } as const;
const clock = () => 0;

let directory: string;
let writers: RunWriter[] = [];

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'medix-loop-')), 'run');
});

afterEach(async () => {
  await Promise.all(writers.map((writer) => writer.close('stopped')));
  writers = [];
});

async function create(path = directory): Promise<RunWriter> {
  const run = await RunWriter.create(path, manifest, [], clock);
  writers.push(run);
  return run;
}

async function resume(run: RunWriter): Promise<RunWriter> {
  await run.close('stopped');
  writers = writers.filter((writer) => writer !== run);
  const next = await RunWriter.resume(run.directory, manifest, [], clock);
  writers.push(next);
  return next;
}

async function weightsHash(engine: Engine): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'medix-weights-'));
  await engine.save(path);
  return createHash('sha256')
    .update(await readFile(join(path, 'policy.json')))
    .digest('hex');
}

/** Metrics without times, as one value to compare. */
async function history(path: string) {
  return (await readMetrics(path)).map(({ iteration, values }) => ({ iteration, values }));
}

async function eventKinds(path: string): Promise<string[]> {
  return (await readEvents(path)).map(({ kind }) => kind);
}

describe('the training loop', () => {
  const thorough = {
    ...toyConfig,
    iterations: 150,
    rollout: { ...toyConfig.rollout, groupSize: 16 },
    optimizer: { ...toyConfig.optimizer, learningRate: 0.1 },
    validation: { ...toyConfig.validation, every: 150, beforeTraining: true },
    checkpoint: { ...toyConfig.checkpoint, every: 150, keepLast: 1 },
  };

  test.each([
    { preset: 'dapo' },
    { preset: 'grpo' },
    { preset: 'gspo' },
    { preset: 'dr-grpo' },
    { preset: 'cispo' },
    { preset: 'sapo' },
    { preset: 'reinforce++' },
    { preset: 'dr-grpo', advantage: 'reinforce++-baseline', loss: { kind: 'reinforce' } },
    { preset: 'dapo', advantage: 'opo' },
    { preset: 'dapo', advantage: 'maxrl' },
    { preset: 'dapo', advantage: 'pass@k', passAtK: 2 },
    { preset: 'dapo', loss: { kind: 'dppo-tv', clipLow: 0.2, clipHigh: 0.2 } },
  ] as const)('learns the toy task by %j', async (changes) => {
    const algorithm = toyAlgorithm(changes);
    await train(toyTraining(await create(), { config: thorough, algorithm }), signal);
    const metrics = await readMetrics(directory);
    expect(metrics[0]?.values['validation/reward/mean']).toBeLessThan(0.4);
    expect(metrics.at(-1)?.values['validation/reward/mean']).toBeGreaterThan(0.9);
  });

  test('learns it from one completion for each prompt where advantages compare over the batch', async () => {
    const rollout = { ...toyConfig.rollout, promptsPerIteration: 24, groupSize: 1 };
    const algorithm = toyAlgorithm({ preset: 'reinforce++', loss: { klCoefficient: 0 } });
    const config = { ...thorough, rollout };
    await train(toyTraining(await create(), { config, algorithm }), signal);
    const metrics = await readMetrics(directory);
    expect(metrics.at(-1)?.values['rollout/groupsTrained']).toBe(1);
    expect(metrics.at(-1)?.values['validation/reward/mean']).toBeGreaterThan(0.9);
  });

  test('learns it from rewards that are compared part by part', async () => {
    const reward = toyReward((outcome) => {
      if (outcome.kind !== 'scored') return outcome;
      const { judge, format } = outcome.components;
      const parts = [
        { weight: 0.9, value: judge?.kind === 'scored' ? judge.value : Number.NaN },
        { weight: 0.1, value: format.kind === 'scored' ? format.value : Number.NaN },
      ];
      return { ...outcome, parts };
    });
    await train(toyTraining(await create(), { config: thorough, reward }), signal);
    const metrics = await readMetrics(directory);
    expect(metrics.at(-1)?.values['validation/reward/mean']).toBeGreaterThan(0.9);
  });

  test('gives the same bits for the same seed and others for another', async () => {
    const engines = [toyEngine(), toyEngine(), toyEngine()];
    const hashes: string[] = [];
    for (const [i, engine] of engines.entries()) {
      const config = { ...toyConfig, seed: i < 2 ? 7 : 8 };
      await train(toyTraining(await create(`${directory}-${i}`), { config }, engine), signal);
      hashes.push(await weightsHash(engine));
    }
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
    expect(await history(`${directory}-1`)).toEqual(await history(`${directory}-0`));
  });

  test('keeps every rollout with its scores and what became of it', async () => {
    const algorithm = toyAlgorithm({ maxSampleRounds: 10 });
    await train(toyTraining(await create(), { algorithm }), signal);
    const rollouts = await readRollouts(directory, 1, 'training');
    const trained = rollouts.filter(({ use }) => use === 'trained');
    expect(trained).toHaveLength(24);
    expect(trained.every(({ advantage }) => advantage !== null)).toBe(true);
    expect(rollouts.filter(({ use }) => use === 'filtered').length % 6).toBe(0);
    expect(new Set(rollouts.map(({ key }) => key)).size).toBe(rollouts.length);
    expect(await readRollouts(directory, 5, 'validation')).toHaveLength(toySamples.length);
  });

  test('tells an alarm once, and stops at it with a checkpoint where monitor.pause says so', async () => {
    // With this limit any answer counts as given too often.
    const monitor = { ...toyConfig.monitor, window: 3, commonest: 0 };
    const paths = { told: `${directory}-told`, paused: `${directory}-paused` };
    const config = { ...toyConfig, iterations: 5, monitor };
    await train(toyTraining(await create(paths.told), { config }), signal);
    const told = (await readEvents(paths.told)).filter(({ kind }) => kind === 'alarm');
    expect(told.map(({ iteration, alarm }) => [iteration, alarm])).toEqual([[3, 'one-answer']]);

    const pausing = { config: { ...config, monitor: { ...monitor, pause: true } } };
    const paused = await create(paths.paused);
    const engine = toyEngine();
    await expect(train(toyTraining(paused, pausing, engine), signal)).rejects.toThrow(
      'monitor.pause=false',
    );
    expect((await readCheckpoints(paths.paused)).at(-1)?.iteration).toBe(3);
    const kinds = (await readEvents(paths.paused)).map(({ kind }) => kind);
    expect(kinds).toContain('paused');
    // It still sounds, and is not told once more.
    const longer = { config: { ...config, iterations: 8 } };
    await train(toyTraining(await resume(paused), longer, engine), signal);
    const again = (await readEvents(paths.paused)).filter(({ kind }) => kind === 'alarm');
    expect(again.map(({ iteration }) => iteration)).toEqual([3]);
  });

  test('records what was asked, what was right and each image once', async () => {
    const png = Buffer.from('89504e470d0a1a0a00', 'hex');
    const image = { bytes: new Uint8Array(png), name: 'scan.png' };
    const name = `${createHash('sha256').update(png).digest('hex')}.png`;
    const shown = toySamples.map((sample) => ({ ...sample, images: [image] }));
    for (const images of [true, false]) {
      const path = `${directory}-${images}`;
      const config = { ...toyConfig, iterations: 1, record: { images, tokenLogprobs: true } };
      const samples = { size: shown.length, at: async (i: number) => shown[i]! };
      const changes = { config, samples, prepare: async (sample: Sample) => ask(sample) };
      const { validationSamples: _, ...training } = toyTraining(await create(path), changes);
      await train(training, signal);
      const [rollout] = await readRollouts(path, 1, 'training');
      expect(rollout).toMatchObject({
        question: expect.stringContaining('which side'),
        reference: expect.any(String),
        modality: 'X_RAY',
        source: 'toy',
        images: [name],
      });
      const kept = await readdir(join(path, 'images')).catch(() => []);
      expect(kept).toEqual(images ? [name] : []);
    }
  });

  test('passes over prompts that are too long, by id', async () => {
    const engine = toyEngine();
    const long = { ...toySamples[0]!, id: 'long', problem: 'x'.repeat(5000) };
    const samples = { size: 3, at: async (i: number) => (i === 1 ? long : toySamples[i]!) };
    await train(toyTraining(await create(), { samples }, engine), signal);
    expect(await readEvents(directory)).toContainEqual(
      expect.objectContaining({ kind: 'prompt-rejected', sampleId: 'long' }),
    );
  });

  test('says so when no prompt fits at all', async () => {
    const engine = toyEngine({ contextLength: 10 });
    const prepare = toyPreparation(engine, 3);
    const config = {
      ...toyConfig,
      validation: { ...toyConfig.validation, every: 5, beforeTraining: false },
    };
    const training = toyTraining(await create(), { prepare, config }, engine);
    await expect(train(training, signal)).rejects.toThrow(/at most 7 tokens/);
  });
});

describe('dynamic sampling', () => {
  /** Nothing distinguishes the answers, so every group is filtered. */
  const flat = toyReward((outcome) =>
    outcome.kind === 'scored' ? { ...outcome, reward: 0.5 } : outcome,
  );

  test('goes on without a step when every group is filtered', async () => {
    const engine = toyEngine();
    const before = await weightsHash(engine);
    const config = { ...toyConfig, iterations: 1 };
    await train(toyTraining(await create(), { config, reward: flat }, engine), signal);
    expect(await weightsHash(engine)).toBe(before);
    expect(await eventKinds(directory)).toContain('step-skipped');
    const metrics = await readMetrics(directory);
    expect(metrics.at(-1)?.values).toMatchObject({
      'rollout/rounds': 3,
      'rollout/groupsFiltered': 1,
      'rollout/groupsFiltered/allRight': expect.any(Number),
    });
  });

  test('draws only what is missing', async () => {
    const config = { ...toyConfig, iterations: 20 };
    const algorithm = toyAlgorithm({ maxSampleRounds: 10 });
    await train(toyTraining(await create(), { config, algorithm }), signal);
    for (let iteration = 1; iteration <= 20; iteration++) {
      const rollouts = await readRollouts(directory, iteration, 'training');
      expect(rollouts.filter(({ use }) => use === 'trained').length).toBeLessThanOrEqual(24);
    }
  });
});

describe('validation', () => {
  const sampled = { ...toyConfig.validation, samples: 4 };

  test('asks for sampled answers beside the greedy one, and changes nothing else', async () => {
    const engines = [toyEngine(), toyEngine()] as const;
    await train(toyTraining(await create(), {}, engines[0]), signal);
    const config = { ...toyConfig, validation: sampled };
    await train(toyTraining(await create(`${directory}-k`), { config }, engines[1]), signal);
    expect(await weightsHash(engines[1])).toBe(await weightsHash(engines[0]));
    const lines = await readRollouts(`${directory}-k`, 5, 'validation');
    const greedy = lines.filter(({ use }) => use === 'validation');
    const answers = lines.filter(({ use }) => use === 'validation-sampled');
    expect(greedy).toHaveLength(toySamples.length);
    expect(answers).toHaveLength(4 * toySamples.length);
    expect(new Set(lines.map(({ key }) => key)).size).toBe(lines.length);
    const [plain, more] = [await history(directory), await history(`${directory}-k`)];
    for (const [i, { values }] of more.entries()) {
      const { 'validation/pass@1': one, 'validation/pass@4': best, ...rest } = values;
      const { 'validation/maj@4': majority, ...others } = rest;
      expect(others).toEqual(plain[i]?.values);
      if (i % 5 !== 0) continue;
      expect(best).toBeGreaterThanOrEqual(one ?? 2);
      expect(majority).toBeLessThanOrEqual(best ?? -1);
    }
  });

  test('ends training once it was no better for as long as it was told to wait', async () => {
    // Nothing is learned at such a rate, so the validation before training stays the best.
    const config = {
      ...toyConfig,
      optimizer: { ...toyConfig.optimizer, learningRate: 1e-30 },
      validation: { ...toyConfig.validation, every: 2, patience: 2 },
    };
    const run = await create();
    const end = await train(toyTraining(run, { config }), signal);
    expect(end).toMatchObject({ iteration: 4, sinceBest: 2 });
    expect((await readEvents(directory)).at(-1)).toMatchObject({
      kind: 'ended-early',
      reason: 'patience',
    });
    // Its patience is used up until it is given more.
    const again = await resume(run);
    expect((await train(toyTraining(again, { config }), signal)).iteration).toBe(4);
    const longer = { ...config, validation: { ...config.validation, patience: 3 } };
    const more = await train(toyTraining(await resume(again), { config: longer }), signal);
    expect(more.iteration).toBe(6);
  });

  test.each([
    ['highest', 0],
    ['lowest', -1],
  ] as const)('keeps the checkpoint whose metric is the %s', async (bestIs, end) => {
    const best = 'validation/tokenLogprob';
    const config = {
      ...toyConfig,
      validation: { ...toyConfig.validation, every: 1, beforeTraining: false },
      checkpoint: { every: 20, keepLast: 1, best, bestIs },
    };
    await train(toyTraining(await create(), { config }), signal);
    const measured = (await history(directory))
      .map(({ iteration, values }) => ({ iteration, value: values[best] ?? Number.NaN }))
      .sort((a, b) => b.value - a.value);
    const kept = (await readCheckpoints(directory)).map(({ iteration }) => iteration);
    expect(kept).toContain(measured.at(end)?.iteration);
  });

  test('names the metrics there are where checkpoints are to be compared by another', async () => {
    const checkpoint = { ...toyConfig.checkpoint, best: 'validation/accuracy' };
    const config = { ...toyConfig, checkpoint };
    const training = train(toyTraining(await create(), { config }), signal);
    await expect(training).rejects.toThrow(
      /checkpoint\.best: expected a metric of the run: .*validation\/reward\/mean.*, got validation\/accuracy/,
    );
  });

  test('compares checkpoints by one measure alone when a resume changes it', async () => {
    const run = await create();
    await train(toyTraining(run, { config: { ...toyConfig, iterations: 5 } }), signal);
    const checkpoint = { ...toyConfig.checkpoint, best: 'reward/mean', bestIs: 'lowest' } as const;
    const config = { ...toyConfig, checkpoint };
    const end = await train(toyTraining(await resume(run), { config }), signal);
    expect(end.bestScore).toBeLessThan(0);
    const anew = await train(toyTraining(await create(`${directory}-b`), { config }), signal);
    expect(anew.bestScore).toBeLessThan(0);
  });
});

describe('a run whose time is up', () => {
  test('ends after the iteration with a validation and a checkpoint, and is resumed to the same', async () => {
    const engines = [toyEngine(), toyEngine()] as const;
    await train(toyTraining(await create(`${directory}-whole`), {}, engines[0]), signal);
    const run = await create();
    let asked = 0;
    const isOutOfTime = () => ++asked === 3;
    const end = await train(toyTraining(run, { isOutOfTime }), signal);
    expect(end.iteration).toBe(3);
    expect(await readEvents(directory)).toContainEqual(
      expect.objectContaining({ kind: 'ended-early', reason: 'time', iteration: 3 }),
    );
    await train(toyTraining(await resume(run), {}, engines[1]), signal);
    expect(await weightsHash(engines[1])).toBe(await weightsHash(engines[0]));
  });
});

describe('a curriculum', () => {
  const config = {
    ...toyConfig,
    iterations: 12,
    rollout: { ...toyConfig.rollout, curriculum: { targetPassRate: 0.5 } },
  };

  test('leaves more groups to train on, and says how many draws it passed over', async () => {
    // Every second question is right whatever is answered, and nothing is learned.
    const { score, ...others } = toyReward();
    const solved = toySamples.filter((_, i) => i % 2 === 0).map(({ id }) => id);
    const one = { kind: 'scored', value: 1 } as const;
    const right = { judge: one, similarity: one, modality: one, format: one };
    const reward: Training['reward'] = {
      ...others,
      score: async (items, abort) =>
        (await score(items, abort)).map((outcome, i) =>
          solved.includes(
            toySamples.find(({ problem }) => problem === items[i]?.sample.problem)!.id,
          )
            ? { kind: 'scored', reward: 1, components: right }
            : outcome,
        ),
    };
    const optimizer = { ...toyConfig.optimizer, learningRate: 1e-30 };
    const algorithm = toyAlgorithm({ maxSampleRounds: 1 });
    const sums: Record<string, number>[] = [];
    for (const [i, targetPassRate] of [null, 0.2].entries()) {
      const curriculum = targetPassRate === null ? null : { targetPassRate };
      const rollout = { ...toyConfig.rollout, curriculum };
      const path = `${directory}-${i}`;
      const changed = { ...toyConfig, iterations: 24, optimizer, rollout };
      await train(toyTraining(await create(path), { config: changed, algorithm, reward }), signal);
      const lines = (await readMetrics(path)).slice(1).map(({ values }) => values);
      const sum = (key: string) => lines.reduce((total, values) => total + (values[key] ?? 0), 0);
      sums.push({ trained: sum('rollout/groupsTrained'), passed: sum('rollout/passedOver') });
    }
    const [plain, chosen] = sums;
    expect(plain?.['passed']).toBe(0);
    expect(chosen?.['passed']).toBeGreaterThan(24);
    expect(chosen?.['trained']).toBeGreaterThan(1.3 * (plain?.['trained'] ?? 99));
  });

  test('goes on with what it knows when the run is resumed', async () => {
    const engines = [toyEngine(), toyEngine()] as const;
    const whole = `${directory}-whole`;
    await train(toyTraining(await create(whole), { config }, engines[0]), signal);
    const run = await create();
    await train(toyTraining(run, { config: { ...config, iterations: 6 } }), signal);
    await train(toyTraining(await resume(run), { config }, engines[1]), signal);
    expect(await weightsHash(engines[1])).toBe(await weightsHash(engines[0]));
    const keys = async (path: string) =>
      (await readRollouts(path, 12, 'training')).map(({ key }) => key);
    expect(await keys(directory)).toEqual(await keys(whole));
  });
});

describe('unscored rollouts', () => {
  test('below the limit leave the baseline and the loss', async () => {
    let calls = 0;
    const reward = toyReward((outcome) => (calls++ % 40 === 5 ? withoutJudge(outcome) : outcome));
    await train(toyTraining(await create(), { reward }), signal);
    const rollouts = (
      await Promise.all([1, 2, 3].map((i) => readRollouts(directory, i, 'training')))
    ).flat();
    const unscored = rollouts.filter(({ use }) => use === 'unscored');
    expect(unscored.length).toBeGreaterThan(0);
    expect(unscored.every((r) => r.reward === null && r.advantage === null)).toBe(true);
    const metrics = await readMetrics(directory);
    const { values } = metrics.find((line) => (line.values['reward/unscored'] ?? 0) > 0) ?? {};
    expect(values?.['reward/unscored/timeout']).toBe(values?.['reward/unscored']);
    expect(values?.['reward/judge/unscored']).toBe(values?.['reward/unscored']);
    expect(values?.['reward/format/unscored']).toBe(0);
  });

  test('above the limit are asked for once more', async () => {
    let calls = 0;
    const reward = toyReward((outcome) => (calls++ < 24 ? withoutJudge(outcome) : outcome));
    const config = {
      ...toyConfig,
      validation: { ...toyConfig.validation, every: 5, beforeTraining: false },
    };
    await train(toyTraining(await create(), { reward, config }), signal);
    expect(await readEvents(directory)).toContainEqual(
      expect.objectContaining({ kind: 'rescored', unscored: 24, stillUnscored: 0 }),
    );
  });

  test('that stay pause the run with the component, the cause and the way on', async () => {
    let isDown = false;
    const reward = toyReward((outcome) => (isDown ? withoutJudge(outcome) : outcome));
    const run = await create();
    const engine = toyEngine({
      onCall: (verb, count) => {
        if (verb === 'sample' && count === 9) isDown = true;
      },
    });
    const error = await train(toyTraining(run, { reward }, engine), signal).catch(String);
    expect(error).toMatch(
      /component judge \(asked of toy-judge\): .*at most 10 %.*\d+ timeout.*medix train --resume/s,
    );
    const paused = (await readCheckpoints(directory)).at(-1)?.iteration ?? 0;
    expect(await history(directory)).toHaveLength(paused + 1);

    isDown = false;
    const second = toyEngine();
    await train(toyTraining(await resume(run), { reward }, second), signal);
    const undisturbed = toyEngine();
    await train(toyTraining(await create(`${directory}-b`), {}, undisturbed), signal);
    expect(await weightsHash(second)).toBe(await weightsHash(undisturbed));
    expect(await history(directory)).toEqual(await history(`${directory}-b`));
  });
});

describe('an interrupted run', () => {
  const interruptions = [
    ['before anything', 'sample', 1],
    ['while sampling', 'sample', 6],
    ['between two optimizer steps', 'optimStep', 8],
    ['in the first checkpoint', 'save', 1],
    ['in a later checkpoint', 'save', 3],
    ['at the last step', 'optimStep', 19],
  ] as const;

  test.each(interruptions)('%s ends as if undisturbed', async (_, verb, count) => {
    const undisturbed = toyEngine();
    await train(toyTraining(await create(`${directory}-whole`), {}, undisturbed), signal);

    const controller = new AbortController();
    const run = await create();
    const first = toyEngine({
      onCall: (called, n) => {
        if (called !== verb || n !== count) return;
        controller.abort(new Error('interrupted'));
        throw new Error('interrupted');
      },
    });
    await expect(train(toyTraining(run, {}, first), controller.signal)).rejects.toThrow(
      'interrupted',
    );

    const second = toyEngine();
    await train(toyTraining(await resume(run), {}, second), signal);
    expect(await weightsHash(second)).toBe(await weightsHash(undisturbed));
    expect(await history(directory)).toEqual(await history(`${directory}-whole`));
  });
});

describe('observers', () => {
  const quick = { ...toyConfig, iterations: 2 };

  test('hear of iterations, rollouts and events after they are on record', async () => {
    const run = await create();
    const heard: string[] = [];
    const observer: RunObserver = {
      name: 'listener',
      event: async (_, { kind }) => {
        expect((await eventKinds(directory)).at(-1)).toBe(kind);
        heard.push(kind);
      },
      iteration: async ({ iteration, values }) => {
        expect((await readMetrics(directory)).at(-1)).toMatchObject({ iteration, values });
        heard.push(`iteration ${iteration}`);
      },
      rollouts: async ({ iteration, kind, lines }) => {
        expect(await readRollouts(directory, iteration, kind)).toHaveLength(lines.length);
        heard.push(`${kind} ${iteration}`);
      },
    };
    const algorithm = toyAlgorithm({ filter: 'none' });
    const training = toyTraining(run, { config: quick, algorithm, observers: [observer] });
    await train(training, signal);
    expect(heard).toEqual([
      'started',
      'validation 0',
      'iteration 0',
      'training 1',
      'iteration 1',
      'training 2',
      'validation 2',
      'iteration 2',
      'checkpoint',
    ]);
  });

  test('that throw are told of once and change nothing', async () => {
    const broken = () => {
      throw new Error('no connection');
    };
    const heard: string[] = [];
    const observers: RunObserver[] = [
      { name: 'tracker', event: broken, iteration: broken, rollouts: broken, sampling: broken },
      { name: 'listener', event: (_, { kind }) => void heard.push(kind) },
    ];
    const engines = [toyEngine(), toyEngine()] as const;
    await train(toyTraining(await create(), { config: quick, observers }, engines[0]), signal);
    const undisturbed = await create(`${directory}-b`);
    await train(toyTraining(undisturbed, { config: quick }, engines[1]), signal);
    expect(await weightsHash(engines[0])).toBe(await weightsHash(engines[1]));
    const failures = (await readEvents(directory)).filter(({ kind }) => kind === 'observer-failed');
    expect(failures).toMatchObject([{ name: 'tracker', message: 'no connection' }]);
    expect(heard.filter((kind) => kind === 'observer-failed')).toHaveLength(1);
  });
});

describe('several passes over the rollouts of an iteration', () => {
  const passes = { ...toyConfig.optimizer, stepsPerIteration: 2, epochsPerIteration: 3 };

  test('take their steps, all of which the schedule counts', async () => {
    const optimizer = { ...passes, schedule: 'cosine', learningRate: 0.1 } as const;
    const rates: number[] = [];
    const scripted = toyEngine();
    const engine: Engine = {
      ...scripted,
      optimStep: (adam) => {
        rates.push(adam.learningRate);
        return scripted.optimStep(adam);
      },
    };
    const config = { ...toyConfig, iterations: 2, optimizer };
    const end = await train(toyTraining(await create(), { config }, engine), signal);
    expect(end.steps).toBe(2 * 3 * 2);
    expect(rates[0]).toBe(0.1);
    expect(rates.slice(1).every((rate, i) => rate < rates[i]!)).toBe(true);
    // Cosine over 12 steps: the last has the rate of 11/12 of the way.
    expect(rates.at(-1)).toBeCloseTo(0.05 * (1 + Math.cos((Math.PI * 11) / 12)), 12);
  });

  test('compare each step with the policy before the first', async () => {
    const ratios: number[] = [];
    for (const [i, epochsPerIteration] of [1, 3].entries()) {
      const optimizer = { ...passes, stepsPerIteration: 1, epochsPerIteration };
      const config = { ...toyConfig, iterations: 1, optimizer };
      await train(toyTraining(await create(`${directory}-${i}`), { config }), signal);
      const metrics = await readMetrics(`${directory}-${i}`);
      ratios.push(metrics.at(-1)?.values['update/ratio'] ?? Number.NaN);
    }
    expect(ratios[0]).toBeCloseTo(1, 6);
    expect(Math.abs(ratios[1]! - 1)).toBeGreaterThan(1e-3);
  });
});

describe('an engine whose sampler is not exact', () => {
  test.each([
    [1, 1, 0],
    [2, 1, 3],
    // A later pass meets the rollouts of the first step again.
    [1, 2, 3],
  ])(
    'trains as an exact one, and the gap is in the metrics: %i steps an iteration, %i times',
    async (stepsPerIteration, epochsPerIteration, passes) => {
      const config = {
        ...toyConfig,
        iterations: 3,
        optimizer: { ...toyConfig.optimizer, stepsPerIteration, epochsPerIteration },
      };
      const scored: string[] = [];
      const engines = [toyEngine(), toyEngine({ samplerNoise: 0.3 })].map((engine): Engine => {
        return {
          ...engine,
          logprobs: (sequences, weights, abort) => {
            scored.push(weights);
            return engine.logprobs(sequences, weights, abort);
          },
        };
      });
      for (const [i, engine] of engines.entries()) {
        await train(toyTraining(await create(`${directory}-${i}`), { config }, engine), signal);
      }
      const [exact, noisy] = engines;
      expect(await weightsHash(noisy!)).toBe(await weightsHash(exact!));
      expect(await eventKinds(`${directory}-0`)).not.toContain('sampler-gap');
      expect(await eventKinds(`${directory}-1`)).toContain('sampler-gap');
      // The pass of a first step tells the old policy's logprobs; those of a second step are asked for.
      expect(scored).toHaveLength(passes);
      const gaps = await Promise.all(
        [0, 1].map(async (i) =>
          (await readMetrics(`${directory}-${i}`)).map(({ values }) => values['update/samplerGap']),
        ),
      );
      expect(gaps[0]).toEqual([undefined, undefined, undefined, undefined]);
      expect(gaps[1]?.slice(1).every((gap) => Math.abs((gap ?? 0) - 0.3) < 1e-6)).toBe(true);
    },
  );
});

describe('a KL penalty in the reward', () => {
  test('is taken off before advantages, once for each completion, and told', async () => {
    const loss = { klCoefficient: 0.1, klEstimator: 'k2', klIn: 'reward' } as const;
    const config = { ...toyConfig, iterations: 4 };
    const algorithm = toyAlgorithm({ filter: 'none', advantage: 'dr-grpo', loss });
    await train(toyTraining(await create(), { config, algorithm }), signal);
    const metrics = (await readMetrics(directory)).map(({ values }) => values);
    // The policy starts as the reference, and meets the first questions again in the fourth iteration.
    expect(metrics[1]?.['rollout/klPenalty']).toBeCloseTo(0, 6);
    expect(metrics[4]?.['rollout/klPenalty']).toBeGreaterThan(1e-3);
    expect(metrics[4]).not.toHaveProperty('update/kl');
    const lines = await readRollouts(directory, 4, 'training');
    const group = lines.slice(0, toyConfig.rollout.groupSize);
    const mean = group.reduce((sum, { reward }) => sum + (reward ?? 0), 0) / group.length;
    expect(group.some(({ reward, advantage }) => advantage !== (reward ?? 0) - mean)).toBe(true);
    expect(group.reduce((sum, { advantage }) => sum + (advantage ?? 0), 0)).toBeCloseTo(0, 6);
  });
});

describe('advantages that compare with a greedy completion', () => {
  const remax = toyAlgorithm({ advantage: 'remax', filter: 'none' });
  const config = {
    ...toyConfig,
    iterations: 2,
    rollout: { ...toyConfig.rollout, groupSize: 1 },
  };

  test('train on groups of one, and record what they were compared with', async () => {
    const run = await create();
    await train(toyTraining(run, { config, algorithm: remax }), signal);
    const rollouts = await readRollouts(directory, 1, 'training');
    const of = (wanted: string) => rollouts.filter(({ use }) => use === wanted);
    expect([of('trained').length, of('baseline').length]).toEqual([4, 4]);
    const greedy = new Map(of('baseline').map(({ sampleId, reward }) => [sampleId, reward]));
    for (const { sampleId, reward, advantage } of of('trained')) {
      expect(advantage).toBeCloseTo(reward! - greedy.get(sampleId)!, 12);
    }
  });

  test('leave a group alone whose greedy completion has no reward', async () => {
    const run = await create();
    let calls = 0;
    // Each round scores four groups, then the greedy completions of the four.
    const reward = toyReward((outcome) =>
      Math.floor(calls++ / 4) % 2 === 0 ? outcome : withoutJudge(outcome),
    );
    const before = { ...toyConfig.validation, every: 9, beforeTraining: false };
    const short = { ...config, iterations: 1, validation: before };
    await train(
      toyTraining(run, { config: short, algorithm: remax, reward, unscoredLimit: 1 }),
      signal,
    );
    const uses = (await readRollouts(directory, 1, 'training')).map(({ use }) => use);
    expect(uses.filter((use) => use === 'trained')).toEqual([]);
    expect(uses.length).toBeGreaterThan(0);
  });
});

describe('weights that follow what is measured', () => {
  const algorithm = toyAlgorithm({ loss: { entropyTarget: 5 } });

  test('are what the next iteration trains with, and are kept by checkpoints', async () => {
    const whole = await create(`${directory}-whole`);
    const config = { ...toyConfig, iterations: 6 };
    const engine = toyEngine();
    const state = await train(toyTraining(whole, { config, algorithm }, engine), signal);
    expect(state.coefficients?.entropy).toBeCloseTo(0.03, 12);
    const first = await create();
    const half = { ...config, iterations: 4 };
    await train(toyTraining(first, { config: half, algorithm }), signal);
    const again = toyEngine();
    const resumed = await train(
      toyTraining(await resume(first), { config, algorithm }, again),
      signal,
    );
    expect(resumed.coefficients).toEqual(state.coefficients);
    expect(await weightsHash(again)).toBe(await weightsHash(engine));
  });
});

describe('a sampler that is corrected', () => {
  test('tells how many tokens its correction cuts', async () => {
    const config = { ...toyConfig, iterations: 2 };
    for (const [i, { cap, cut }] of [
      { cap: 0.5, cut: 1 },
      { cap: 2, cut: 0 },
    ].entries()) {
      const algorithm = toyAlgorithm({ samplerCorrection: { cap, over: 'token' } });
      const run = await create(`${directory}-${i}`);
      await train(
        toyTraining(run, { config, algorithm }, toyEngine({ samplerNoise: 0.1 })),
        signal,
      );
      const metrics = await readMetrics(`${directory}-${i}`);
      expect(metrics[1]?.values['update/samplerCut']).toBe(cut);
    }
    const algorithm = toyAlgorithm({ samplerCorrection: { cap: 0.5, over: 'token' } });
    await train(toyTraining(await create(), { config, algorithm }), signal);
    expect((await readMetrics(directory))[1]?.values).not.toHaveProperty('update/samplerCut');
  });
});

describe('an engine that runs losses by itself', () => {
  test('is given their terms, and no terms for a loss that it does not know', async () => {
    const losses: (string | undefined)[] = [];
    for (const kind of ['clip', 'cispo'] as const) {
      const scripted = toyEngine({ losses: ['clip'] });
      const engine: Engine = {
        ...scripted,
        forwardBackward: (sequences, loss, abort) => {
          losses.push(loss.terms?.name);
          expect(loss.terms?.rollouts.length ?? sequences.length).toBe(sequences.length);
          return scripted.forwardBackward(sequences, loss, abort);
        },
      };
      const algorithm = toyAlgorithm({ loss: { kind } });
      const config = { ...toyConfig, iterations: 1 };
      const run = await create(`${directory}-${kind}`);
      await train(toyTraining(run, { config, algorithm }, engine), signal);
    }
    expect(losses).toEqual(['clip', 'clip', undefined, undefined]);
  });
});

describe('a step with a gradient that is not finite', () => {
  test('is skipped, counted and told', async () => {
    const reward = toyReward((outcome) =>
      outcome.kind === 'scored' ? { ...outcome, reward: outcome.reward * 1e300 } : outcome,
    );
    const changes: Partial<Training> = {
      reward,
      config: { ...toyConfig, iterations: 1 },
      algorithm: toyAlgorithm({ advantage: 'dr-grpo' }),
    };
    await train(toyTraining(await create(), changes), signal);
    const metrics = await readMetrics(directory);
    expect(metrics.at(-1)?.values['update/skippedSteps']).toBe(1);
    expect(await eventKinds(directory)).toContain('step-skipped');
  });
});
