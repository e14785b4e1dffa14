import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Engine } from '../engine/engine.ts';
import { openThreadedEngine } from '../engine/local/thread/threaded-engine.ts';
import { tinyModelDirectory } from '../model/tiny-model.fixture.ts';
import type { RewardFunction } from '../reward/composite.ts';
import { type CollectSettings, collectGroups } from './collect-groups.ts';
import { toyPreparation, toyReward, toySamples } from './loop.fixture.ts';
import { createPromptSource } from './prompt-source.ts';
import { sampleSetOf } from './sample-order.ts';

const { signal } = new AbortController();
const settings: CollectSettings = {
  seed: 7,
  iteration: 1,
  draws: 0,
  groups: 3,
  groupSize: 2,
  maxCompletionTokens: 200,
  maxRounds: 1,
  filter: 'none',
  smallestGroup: 2,
  unscored: { limit: 0, next: 'resume', onRescored: async () => {} },
  onSampled: async () => {},
  lap: () => {},
};

it('a group is judged while the thread of the engine samples the next', async () => {
  const events: string[] = [];
  // One group after the other.
  const limits = { maxRows: 1 };
  const opened = await openThreadedEngine(tinyModelDirectory, { limits }, signal);
  const engine: Engine = {
    ...opened,
    sample: async function* (requests, signal) {
      yield* opened.sample(requests, signal);
      events.push('all sampled');
    },
  };
  const reward = toyReward();
  const slowly: RewardFunction = {
    ...reward,
    score: async (items, signal) => {
      events.push('judging begins');
      for (let turn = 0; turn < 20; turn++) await nextTurn();
      events.push('judged');
      return reward.score(items, signal);
    },
  };
  const prepare = toyPreparation(engine, settings.maxCompletionTokens);
  const source = createPromptSource(sampleSetOf(toySamples), prepare, settings.seed);
  const { groups } = await collectGroups(source, engine, slowly, settings, signal);
  await engine.close();
  expect(groups).toHaveLength(3);
  expect(events.slice(0, 2)).toEqual(['judging begins', 'judged']);
  expect(events.indexOf('all sampled')).toBeGreaterThan(events.indexOf('judged'));
});
