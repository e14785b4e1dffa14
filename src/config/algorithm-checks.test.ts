import { describe, expect, it } from 'vitest';
import { MedixError } from '../core/errors.ts';
import { algorithmPresets } from './algorithm-presets.ts';
import { readConfig } from './read-config.ts';
import { trainConfigSchema } from './train-config.ts';

async function problemsWith(...changes: string[]) {
  const overrides = ['model=m', 'data.train=t', ...changes];
  const result = await readConfig(trainConfigSchema, { overrides }).catch(
    (error: unknown) => error,
  );
  return result instanceof MedixError ? result.problems : [];
}

describe('an algorithm that contradicts itself', () => {
  it.each([
    ['rollout.groupSize', 'at least 2 with the advantage', ['rollout.groupSize=1']],
    ['algorithm.filter', 'no variance', ['rollout.groupSize=1', 'algorithm.advantage=reinforce++']],
    ['algorithm.passAtK', 'from 2 to 7', ['algorithm.advantage=pass@k']],
    ['algorithm.passAtK', 'from 2 to 7', ['algorithm.advantage=pass@k', 'algorithm.passAtK=8']],
    ['algorithm.passAtK', 'advantage "grpo" does not use it', ['algorithm.passAtK=4']],
    ['algorithm.loss.clipDual', '"cispo"', ['algorithm.preset=cispo', 'algorithm.loss.clipDual=3']],
    [
      'algorithm.loss.clipDual',
      '"sapo"',
      ['algorithm.loss.kind=sapo', 'algorithm.loss.clipDual=3'],
    ],
    ['algorithm.loss.clipHigh', '"sapo"', ['algorithm.preset=sapo', 'algorithm.loss.clipHigh=0.2']],
    ['algorithm.loss.temperaturePositive', '"clip"', ['algorithm.loss.temperaturePositive=1']],
    ['algorithm.loss.lossAverage', 'weighs by length', ['algorithm.loss.kind=luspo']],
    [
      'algorithm.loss.clipHigh',
      'a divergence',
      ['algorithm.loss.kind=dppo-tv', 'algorithm.loss.clipLow=0.1'],
    ],
    ['algorithm.loss.klUnbiased', 'klCoefficient is 0', ['algorithm.loss.klUnbiased=true']],
    ['algorithm.loss.klTarget', 'klCoefficient is 0', ['algorithm.loss.klTarget=0.1']],
    ['algorithm.loss.klIn', 'klCoefficient is 0', ['algorithm.loss.klIn=reward']],
    [
      'algorithm.loss.klUnbiased',
      'off the reward',
      ['algorithm.preset=reinforce++', 'algorithm.loss.klUnbiased=true'],
    ],
  ])('is refused at %s: %s', async (where, expected, changes) => {
    const problems = await problemsWith(...changes);
    expect(problems).toEqual([
      expect.objectContaining({ expected: expect.stringContaining(expected) }),
    ]);
    expect(problems[0]?.where).toContain(where);
  });

  it('is told with all else that is wrong', async () => {
    const problems = await problemsWith(
      'rollout.groupSize=1',
      'algorithm.loss.temperatureNegative=2',
      'iterations=0',
    );
    expect(problems.map(({ where }) => where).toSorted()).toEqual([
      'command line: algorithm.loss.temperatureNegative',
      'command line: iterations',
      'command line: rollout.groupSize',
    ]);
  });
});

it.each(Object.keys(algorithmPresets))('the preset %s stands by itself', async (preset) => {
  expect(await problemsWith(`algorithm.preset=${preset}`)).toEqual([]);
});

it('refuses more mini-batches than groups, since a mini-batch never splits one', async () => {
  const problems = await problemsWith(
    'rollout.promptsPerIteration=4',
    'optimizer.stepsPerIteration=5',
  );
  expect(problems).toEqual([
    expect.objectContaining({
      where: 'command line: optimizer.stepsPerIteration',
      expected: expect.stringContaining('at most 4'),
      got: '5',
    }),
  ]);
  expect(await problemsWith('optimizer.stepsPerIteration=16')).toEqual([]);
});

it('refuses what needs a held-out set where there is none', async () => {
  const changes = ['validation.samples=4', 'validation.patience=3'];
  const problems = await problemsWith(...changes);
  expect(problems.map(({ where, expected }) => `${where}: ${expected}`)).toEqual([
    expect.stringMatching(/validation\.samples: 0, since there is no held-out set/),
    expect.stringMatching(/validation\.patience: null, since there is no held-out set/),
  ]);
  expect(await problemsWith(...changes, 'data.validation=v')).toEqual([]);
  const byReward = ['validation.patience=3', 'checkpoint.best=reward/mean'];
  expect(await problemsWith(...byReward)).toEqual([]);
});

it.each([
  ['over the batch', 'algorithm.preset=reinforce++'],
  ['with the greedy completion', 'algorithm.advantage=remax'],
])('takes one completion for each prompt where advantages compare %s', async (_, change) => {
  const changes = ['rollout.groupSize=1', 'algorithm.filter=none', change];
  expect(await problemsWith(...changes)).toEqual([]);
});
