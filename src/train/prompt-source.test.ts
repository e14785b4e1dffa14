import { expect, it } from 'vitest';
import type { PreparePrompt } from '../rollout/prepare-prompts.ts';
import { toySamples } from './loop.fixture.ts';
import { createPromptSource } from './prompt-source.ts';
import { sampleSetOf } from './sample-order.ts';

const samples = sampleSetOf(toySamples);
const prepared: PreparePrompt = async (sample) => ({
  kind: 'prepared',
  sample,
  prompt: { tokens: Int32Array.of(1), images: [] },
});

it('prompts prepared ahead are those drawn next, each prepared once', async () => {
  const asked: string[] = [];
  const prepare: PreparePrompt = (sample) => {
    asked.push(sample.id);
    return prepared(sample);
  };
  const source = createPromptSource(samples, prepare, 1);
  const first = await source.take(2, 0);
  const second = await source.take(2, first.draws);
  const drawn = [...first.prompts, ...second.prompts];
  expect(drawn.map(({ draw }) => draw)).toEqual([0, 1, 2, 3]);
  expect(asked.slice(0, 4)).toEqual(drawn.map(({ sample }) => sample.id));
  expect(asked).toHaveLength(6);
  const fresh = await createPromptSource(samples, prepared, 1).take(2, 2);
  expect(second.prompts).toEqual(fresh.prompts);
});
