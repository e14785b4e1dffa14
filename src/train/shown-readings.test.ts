import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMetrics } from '../run/run-reader.ts';
import { RunWriter } from '../run/run-writer.ts';
import type { TrainingRollout } from './advantages.ts';
import type { CollectedGroup } from './collect-groups.ts';
import {
  readToySamples,
  thinkingToyEngine,
  toyAlgorithm,
  toyConfig,
  toyPreparation,
  toyReward,
  toySamples,
  toyTraining,
} from './loop.fixture.ts';
import { train } from './loop.ts';
import { sampleSetOf } from './sample-order.ts';
import { withShownReadings } from './shown-readings.ts';

const { signal } = new AbortController();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-readings-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function groupOf(
  sample: (typeof toySamples)[number],
  use: CollectedGroup['use'],
): Promise<CollectedGroup> {
  const engine = thinkingToyEngine();
  const prepared = await toyPreparation(engine, 3)(sample);
  if (prepared.kind === 'rejected') throw new Error('rejected');
  const completion = engine.model.processor.encodeCompletion('<X_RAY>left', true);
  const rollouts = [0, 1].map((index) => ({
    rollout: {
      key: `${sample.id}/${index}`,
      sample,
      prompt: prepared.prompt,
      completion,
      text: '<X_RAY>left',
      samplerLogprobs: new Float32Array(completion.length),
      stopReason: 'stop' as const,
    },
    outcome: { kind: 'scored' as const, reward: index, components: {} as never },
  }));
  return { use, rollouts };
}

const trainedOf = ({ rollouts }: CollectedGroup): TrainingRollout[] =>
  rollouts.map(({ rollout }, i) => ({ ...rollout, advantage: i }));

describe('readings that are shown', () => {
  it('stand beside the completions of their prompt, also where these do not train', async () => {
    const [first, second, unread] = [
      await groupOf(readToySamples[0]!, 'trained'),
      await groupOf(readToySamples[1]!, 'filtered'),
      await groupOf(toySamples[2]!, 'trained'),
    ];
    const trained = [trainedOf(first), trainedOf(unread)];
    const engine = thinkingToyEngine();
    const { groups } = await withShownReadings(
      engine,
      [first, second, unread],
      trained,
      { weight: 0.5 },
      signal,
    );
    const shown = groups.map((group) =>
      group.map(({ text, advantage, tokenAdvantages }) => [text, tokenAdvantages ?? advantage]),
    );
    const responseTo = (side = '') => `<X_RAY><thinking>${side}</thinking><answer>${side}</answer>`;
    // The tag, the thinking in three tokens, of which the last begins the answer; then the answer, its end and the stop.
    const imitated = Float32Array.of(0.5, 0.5, 0.5, 0.5, 0, 0, 0);
    const own = [
      ['<X_RAY>left', 0],
      ['<X_RAY>left', 1],
    ];
    expect(shown).toEqual([
      [...own, [responseTo(readToySamples[0]?.reading), imitated]],
      [[responseTo(readToySamples[1]?.reading), imitated]],
      own,
    ]);
    expect(groups[0]?.[2]?.samplerLogprobs).toHaveLength(imitated.length);
  });

  it('stand once beside each of two groups of one prompt', async () => {
    const first = await groupOf(readToySamples[0]!, 'trained');
    const rollouts = first.rollouts.map(({ rollout, outcome }, i) => ({
      rollout: { ...rollout, key: `again/${i}` },
      outcome,
    }));
    const again = { ...first, rollouts };
    const { groups } = await withShownReadings(
      thinkingToyEngine(),
      [first, again],
      [trainedOf(first), trainedOf(again)],
      { weight: 1 },
      signal,
    );
    const keys = groups.map((group) => group.slice(0, 2).map(({ key }) => key));
    expect(keys).toEqual([
      [`${readToySamples[0]?.id}/0`, `${readToySamples[0]?.id}/1`],
      ['again/0', 'again/1'],
    ]);
  });

  it('are none where the algorithm does not ask for them', async () => {
    const group = await groupOf(readToySamples[0]!, 'trained');
    const trained = [trainedOf(group)];
    const { groups } = await withShownReadings(
      thinkingToyEngine(),
      [group],
      trained,
      undefined,
      signal,
    );
    expect(groups).toBe(trained);
  });

  it('are learned though nothing is rewarded', async () => {
    const nothing = toyReward((outcome) =>
      outcome.kind === 'scored' ? { ...outcome, reward: 0 } : outcome,
    );
    const directory = join(folder, 'learned');
    const facts = { kind: 'train', config: {}, facts: {} } as const;
    const writer = await RunWriter.create(directory, facts, [], () => 0);
    const engine = thinkingToyEngine();
    const parts = {
      config: { ...toyConfig, iterations: 40 },
      algorithm: toyAlgorithm({ maxSampleRounds: 1, showReadings: { weight: 1 } }),
      reward: nothing,
      samples: sampleSetOf(readToySamples),
    };
    await train(toyTraining(writer, parts, engine), signal);
    await writer.close('finished');
    const logprobs = (await readMetrics(directory)).flatMap(
      ({ values }) => values['rollout/shownReadingLogprob'] ?? [],
    );
    expect(logprobs[0]).toBeLessThan(-1);
    expect(logprobs.at(-1)).toBeGreaterThan(-0.2);
  });
});
