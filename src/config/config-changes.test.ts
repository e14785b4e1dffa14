import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MedixError } from '../core/errors.ts';
import { configChanges, describeChange, requireAllowedChanges } from './config-changes.ts';
import { listFields } from './field-list.ts';
import { sftConfigSchema } from './sft-config.ts';
import { trainConfigSchema } from './train-config.ts';

const before = trainConfigSchema.parse({ model: 'm', data: { train: 't' } });
const changed = (...changes: Parameters<typeof Object.assign>[1][]) =>
  configChanges(before, Object.assign(structuredClone(before), ...changes));

function problemsOf(...given: Parameters<typeof requireAllowedChanges>) {
  try {
    requireAllowedChanges(...given);
    return [];
  } catch (error) {
    if (error instanceof MedixError) return error.problems;
    throw error;
  }
}

describe('changes of a config', () => {
  it('are its leaves that differ, wherever they are', () => {
    const optimizer = { ...before.optimizer, learningRate: 1e-3 };
    const algorithm = { ...before.algorithm, loss: { klCoefficient: 0.1 } };
    expect(changed({ optimizer, algorithm, iterations: 7 })).toEqual([
      { field: 'iterations', was: 100, is: 7 },
      { field: 'algorithm.loss.klCoefficient', was: undefined, is: 0.1 },
      { field: 'optimizer.learningRate', was: 1e-6, is: 1e-3 },
    ]);
  });

  it('are none where nothing differs, and take lists whole', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(configChanges(value, structuredClone(value))).toEqual([]);
      }),
    );
    expect(configChanges({ a: [1, 2] }, { a: [1, 3] })).toEqual([
      { field: 'a', was: [1, 2], is: [1, 3] },
    ]);
  });

  it('are told with what was and what is', () => {
    const told = [
      { field: 'data.train', was: 'a', is: 'b' },
      { field: 'algorithm.loss.kind', was: undefined, is: null },
    ].map(describeChange);
    expect(told).toEqual([
      'data.train was "a", is "b"',
      'algorithm.loss.kind was not given, is null',
    ]);
  });
});

describe('a resumed run', () => {
  it('may go further, keep more and ask the same judge elsewhere', () => {
    const judge = { ...before.reward.judge, url: 'http://127.0.0.1:2/v1' };
    const reward = { ...before.reward, judge };
    const checkpoint = { ...before.checkpoint, keepLast: 5 };
    expect(problemsOf(changed({ iterations: 7, checkpoint, reward }), [])).toEqual([]);
  });

  it('tells every other change, unless the field or its section is allowed', () => {
    const optimizer = { ...before.optimizer, learningRate: 1e-3, beta1: 0.8 };
    const rollout = { ...before.rollout, groupSize: 4 };
    const changes = changed({ optimizer, rollout });
    expect(problemsOf(changes, [])).toEqual([
      expect.objectContaining({
        where: 'rollout.groupSize',
        expected: expect.stringMatching(/^8,/),
      }),
      {
        where: 'optimizer.learningRate',
        expected: '0.000001, as the run has had it so far',
        got: '0.001',
        next: 'leave it out, or resume with --allow optimizer.learningRate: from then on the run is another one',
      },
      expect.objectContaining({ where: 'optimizer.beta1', got: '0.8' }),
    ]);
    expect(problemsOf(changes, ['optimizer'])).toHaveLength(1);
    expect(problemsOf(changes, ['optimizer', 'rollout.groupSize'])).toEqual([]);
    // A name is no section of a longer one.
    expect(problemsOf(changes, ['optimizer', 'rollout.group'])).toHaveLength(1);
  });

  it('never changes what it was built on', () => {
    const changes = changed({ seed: 2, data: { ...before.data, trainCount: 5 } });
    expect(problemsOf(changes, ['seed', 'data'])).toEqual([
      expect.objectContaining({
        where: 'seed, data.trainCount',
        got: 'seed was 1, is 2; data.trainCount was null, is 5',
      }),
    ]);
  });

  it('has the fields that may change freely', () => {
    const fields = [trainConfigSchema, sftConfigSchema].flatMap(listFields).map(({ path }) => path);
    const free = fields.filter((field) => problemsOf([{ field, was: 1, is: 2 }], []).length === 0);
    expect([...new Set(free)].sort()).toMatchInlineSnapshot(`
      [
        "checkpoint.every",
        "checkpoint.keepLast",
        "data.cache",
        "data.imageRoot",
        "data.textOnly",
        "engine.cache",
        "iterations",
        "monitor.commonest",
        "monitor.correlation",
        "monitor.form",
        "monitor.judgeAlone",
        "monitor.masterKey",
        "monitor.pause",
        "monitor.window",
        "monitor.zeroVariance",
        "record.images",
        "record.tokenLogprobs",
        "reward.embedder.apiKeyEnv",
        "reward.embedder.attempts",
        "reward.embedder.cache",
        "reward.embedder.concurrency",
        "reward.embedder.deadlineMs",
        "reward.embedder.hedgeAfterMs",
        "reward.embedder.requestsPerMinute",
        "reward.embedder.url",
        "reward.judge.apiKeyEnv",
        "reward.judge.attempts",
        "reward.judge.cache",
        "reward.judge.cap",
        "reward.judge.cap.calls",
        "reward.judge.cap.money",
        "reward.judge.cap.tokens",
        "reward.judge.concurrency",
        "reward.judge.deadlineMs",
        "reward.judge.hedgeAfterMs",
        "reward.judge.prices",
        "reward.judge.prices.input",
        "reward.judge.prices.output",
        "reward.judge.requestsPerMinute",
        "reward.judge.url",
        "track.mlflow",
        "track.mlflow.apiKeyEnv",
        "track.mlflow.experiment",
        "track.mlflow.url",
        "track.tensorboard",
        "track.wandb",
        "track.wandb.entity",
        "track.wandb.project",
        "validation.patience",
      ]
    `);
  });
});
