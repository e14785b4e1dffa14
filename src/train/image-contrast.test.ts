import { describe, expect, it } from 'vitest';
import { metricValues } from '../core/metrics.ts';
import type { Sample } from '../core/sample.ts';
import { phantomSample } from '../data/phantoms/study.ts';
import type { Engine, Sequence } from '../engine/engine.ts';
import type { Prompt } from '../model/prompt.ts';
import type { PreparePrompt } from '../rollout/prepare-prompts.ts';
import type { CollectedGroup } from './collect-groups.ts';
import { imageBonuses } from './image-contrast.ts';

const { signal } = new AbortController();
const contrast = { weight: 0.5, against: 'other' } as const;
const studies = [0, 1, 2].map((index) => phantomSample({ seed: 9, split: 'train', index }));

/** Prompts that know which image they show. */
function preparation() {
  const shown = new Map<Prompt, string>();
  const prepare: PreparePrompt = async (sample) => {
    const prompt = { tokens: new Int32Array(2), images: [] };
    shown.set(prompt, sample.images[0]?.name ?? 'none');
    return { kind: 'prepared', sample, prompt };
  };
  return { shown, prepare };
}

/** Every token has the same logprob, by the image of its prompt. */
function engineOf(shown: ReadonlyMap<Prompt, string>, logprobOf: (image: string) => number) {
  const asked: Sequence[] = [];
  const engine = {
    guarantees: { samplerLogprobs: 'exact', losses: [] },
    logprobs: async (sequences: readonly Sequence[]) => {
      asked.push(...sequences);
      return sequences.map(({ prompt, completion }) =>
        new Float32Array(completion.length).fill(logprobOf(shown.get(prompt) ?? 'own')),
      );
    },
  } as unknown as Engine;
  return { engine, asked };
}

function groupOf(sample: Sample, ownLogprob: number): CollectedGroup {
  const prompt = { tokens: new Int32Array(2), images: [] };
  const rollouts = [0, 1].map((index) => ({
    rollout: {
      key: `${sample.id}/${index}`,
      sample,
      prompt,
      completion: new Int32Array(3),
      text: '',
      samplerLogprobs: new Float32Array(3).fill(ownLogprob),
      stopReason: 'stop' as const,
    },
    outcome: { kind: 'scored' as const, reward: index, components: {} as never },
  }));
  return { use: 'trained', rollouts };
}

describe('the bonus for the need of the image', () => {
  it('grows with how much less likely a completion is with the image of another prompt', async () => {
    const { shown, prepare } = preparation();
    const { engine } = engineOf(shown, (image) =>
      image === studies[1]?.images[0]?.name ? -1 : -3,
    );
    const groups = studies.map((study) => groupOf(study, -1));
    const { byKey, metrics } = await imageBonuses(engine, groups, contrast, prepare, signal);
    // The first is asked with the image of the second, with which it is as likely as with its own.
    expect(byKey.get(`${studies[0]?.id}/0`)).toBe(0);
    expect(byKey.get(`${studies[1]?.id}/1`)).toBeCloseTo(0.5 * (1 - Math.exp(-2)), 6);
    expect(byKey.get(`${studies[2]?.id}/0`)).toBeCloseTo(0.5 * (1 - Math.exp(-2)), 6);
    expect(metricValues(metrics)['rollout/imageContrast']).toBeCloseTo(4 / 3, 6);
  });

  it('is never below 0 and never reaches its weight', async () => {
    for (const [other, bonus] of [
      [-0.1, 0],
      [-40, 0.5],
    ] as const) {
      const { shown, prepare } = preparation();
      const { engine } = engineOf(shown, () => other);
      const groups = studies.map((study) => groupOf(study, -1));
      const { byKey } = await imageBonuses(engine, groups, contrast, prepare, signal);
      for (const value of byKey.values()) expect(value).toBeCloseTo(bonus, 6);
    }
  });

  it('compares with a grey image where that is asked for', async () => {
    const { shown, prepare } = preparation();
    const { engine } = engineOf(shown, () => -2);
    const group = groupOf(studies[0] as Sample, -1);
    const grey = { weight: 0.5, against: 'grey' } as const;
    const { byKey } = await imageBonuses(engine, [group], grey, prepare, signal);
    expect([...shown.values()]).toEqual([`grey in place of ${studies[0]?.images[0]?.name}`]);
    expect(byKey.size).toBe(2);
  });

  it('is for no question without images, and for none that no other image stands against', async () => {
    const { shown, prepare } = preparation();
    const { engine, asked } = engineOf(shown, () => -2);
    const text = { ...(studies[1] as Sample), images: [] };
    const groups = [groupOf(studies[0] as Sample, -1), groupOf(text, -1)];
    const { byKey, metrics } = await imageBonuses(engine, groups, contrast, prepare, signal);
    expect(byKey.size).toBe(0);
    expect(asked).toEqual([]);
    expect(metricValues(metrics)['rollout/imageBonus']).toBeNull();
  });

  it('asks the engine for the policy of the completions where its sampler is not exact', async () => {
    const { shown, prepare } = preparation();
    const { engine, asked } = engineOf(shown, (image) => (image === 'own' ? -1 : -2));
    const inexact = {
      ...engine,
      guarantees: { ...engine.guarantees, samplerLogprobs: 'approximate' },
    };
    const groups = studies.map((study) => groupOf(study, -9));
    const { metrics } = await imageBonuses(inexact as Engine, groups, contrast, prepare, signal);
    expect(asked).toHaveLength(12);
    expect(metricValues(metrics)['rollout/imageContrast']).toBeCloseTo(1, 6);
  });

  it('asks nobody where it is not wanted', async () => {
    const { shown, prepare } = preparation();
    const { engine, asked } = engineOf(shown, () => -2);
    const groups = studies.map((study) => groupOf(study, -1));
    const none = await imageBonuses(engine, groups, undefined, prepare, signal);
    expect(none).toEqual({ byKey: new Map(), metrics: {} });
    expect(asked).toEqual([]);
  });
});
