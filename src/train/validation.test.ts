import { expect, it } from 'vitest';
import { defined } from '../core/errors.ts';
import type { Engine } from '../engine/engine.ts';
import { toyEngine, toyPreparation, toyReward, toySamples } from './loop.fixture.ts';
import { validate } from './validation.ts';

const never = new AbortController().signal;
const unscored = { limit: 0, next: 'run it again', onRescored: async () => {} };
const greedy = { maxCompletionTokens: 2, samples: 0 };
const samples = {
  size: 600,
  at: async (row: number) => ({
    ...defined(toySamples[row % toySamples.length], 'sample'),
    id: `row-${row}`,
  }),
};

it('prepares the next questions while the engine answers those before, and keeps their order', async () => {
  const scripted = toyEngine();
  const prepare = toyPreparation(scripted, greedy.maxCompletionTokens);
  let prepared = 0;
  const preparedAtAnswers: number[] = [];
  const engine: Engine = {
    ...scripted,
    sample: (requests, signal) => {
      preparedAtAnswers.push(prepared);
      return scripted.sample(requests, signal);
    },
  };
  const answers = await validate(
    samples,
    async (sample) => {
      prepared++;
      return prepare(sample);
    },
    engine,
    toyReward(),
    greedy,
    unscored,
    never,
  );
  expect(answers.map(({ rollout }) => rollout.sample.id)).toEqual(
    Array.from({ length: 600 }, (_, row) => `row-${row}`),
  );
  expect(preparedAtAnswers).toEqual([512, 600, 600]);
});

it('answers nothing more once it is aborted', async () => {
  const engine = toyEngine();
  const stopped = AbortSignal.abort(new Error('stopped'));
  const prepare = toyPreparation(engine, greedy.maxCompletionTokens);
  await expect(
    validate(samples, prepare, engine, toyReward(), greedy, unscored, stopped),
  ).rejects.toThrow('stopped');
});
