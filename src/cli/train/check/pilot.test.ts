import { describe, expect, it } from 'vitest';
import { trainConfigSchema } from '../../../config/train-config.ts';
import { createTestClock } from '../../../core/async/test-clock.fixture.ts';
import {
  toyAlgorithm,
  toyEngine,
  toyPreparation,
  toyReward,
  toySamples,
  withoutJudge,
} from '../../../train/loop.fixture.ts';
import { sampleSetOf } from '../../../train/sample-order.ts';
import { inspectHeadroom } from './inspect-headroom.ts';
import { type PilotParts, runPilot } from './pilot.ts';

const { signal } = new AbortController();
const settings = {
  seed: 3,
  prompts: 8,
  promptsPerIteration: 3,
  groupSize: 6,
  maxCompletionTokens: 3,
};
const config = trainConfigSchema.parse({
  model: 'toy',
  data: { train: 'toy.jsonl' },
  rollout: { promptsPerIteration: 3, groupSize: 6, maxCompletionTokens: 3 },
});

function parts(changes: Partial<PilotParts> = {}): PilotParts {
  const engine = changes.engine ?? toyEngine();
  return {
    engine,
    samples: sampleSetOf(toySamples),
    prepare: toyPreparation(engine, settings.maxCompletionTokens),
    reward: toyReward(),
    algorithm: toyAlgorithm(),
    usage: () => ({}),
    clock: createTestClock(),
    onProgress: () => {},
    ...changes,
  };
}

describe('a pilot', () => {
  it('samples as many groups as wanted, as many at once as an iteration has, and leaves the weights as they are', async () => {
    const calls: string[] = [];
    const engine = toyEngine({ onCall: (verb) => void calls.push(verb) });
    const prepared = await toyPreparation(engine, 3)(toySamples[0]!);
    if (prepared.kind === 'rejected') throw new Error('the prompt fits');
    const sequence = { prompt: prepared.prompt, completion: Int32Array.of(0, 1) };
    const before = await engine.logprobs([sequence], 'policy', signal);
    const pilot = await runPilot(settings, parts({ engine }), signal);
    expect(pilot.groups).toHaveLength(8);
    expect(pilot.groups.every(({ rollouts }) => rollouts.length === 6)).toBe(true);
    const questions = pilot.groups.map(({ rollouts }) => rollouts[0]?.rollout.sample.id);
    expect(new Set(questions).size).toBe(8);
    // The first is a warm-up.
    expect(calls.filter((verb) => verb === 'sample')).toHaveLength(1 + 3);
    expect(pilot).toMatchObject({ blind: [], updated: 3 });
    expect(await engine.logprobs([sequence], 'policy', signal)).toEqual(before);
    expect(calls).not.toContain('save');
  });

  it('asks for no more prompts than there are rows', async () => {
    const pilot = await runPilot({ ...settings, prompts: 64 }, parts(), signal);
    expect(pilot.groups).toHaveLength(toySamples.length);
  });
});

describe('headroom', () => {
  it('is the share of groups whose rewards differ, beside what is right now and then', async () => {
    const { facts } = inspectHeadroom(config, await runPilot(settings, parts(), signal));
    expect(facts?.differing.value).toBeGreaterThan(0.8);
    expect(facts?.passAt1?.value).toBeLessThan(facts?.passAtGroupSize?.value ?? 0);
    expect(facts?.trained).toBe(facts?.differing.value);
  });

  it('is none where all rewards are equal, and says so before training', async () => {
    const reward = toyReward((outcome) => ({ ...outcome, kind: 'scored', reward: 0 }) as never);
    const section = inspectHeadroom(config, await runPilot(settings, parts({ reward }), signal));
    expect(section.verdict).toBe('look');
    expect(section.remarks[0]?.text).toMatch(/^No headroom: only in 0 of 8 groups .*too hard/);
    expect(section.facts).toMatchObject({ trained: 0, lacking: 3, drawn: 60 });
  });

  it('stops a run whose completions get no score', async () => {
    const reward = toyReward(withoutJudge);
    const section = inspectHeadroom(config, await runPilot(settings, parts({ reward }), signal));
    expect(section.verdict).toBe('stops');
    expect(section.facts).toMatchObject({ unscored: 1, passAt1: null, meanReward: null });
    expect(section.remarks[0]?.text).toMatch(/^100\.0 % of the completions have no score/);
  });
});
