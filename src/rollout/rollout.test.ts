import { describe, expect, test } from 'vitest';
import type { Message } from '../core/message.ts';
import type { Sample } from '../core/sample.ts';
import { createScriptedEngine } from '../engine/scripted/scripted-engine.fixture.ts';
import { createPromptPreparation } from './prepare-prompts.ts';
import { sampleGroups } from './rollout.ts';

const sample: Sample = {
  id: 'study-1',
  source: 'test',
  images: [],
  problem: 'which side?',
  modality: 'X_RAY',
  referenceAnswer: 'left',
  accepted: [],
};
const render = ({ problem }: Sample) => [
  { role: 'user' as const, content: [{ type: 'text' as const, text: problem }] },
];
const settings = { groupSize: 4, maxCompletionTokens: 3, temperature: 1, topP: 1, topK: 0 };

describe('sampling groups', () => {
  test('gives each prompt a group of keyed rollouts that share its prompt', async () => {
    const engine = createScriptedEngine({ pieces: ['left', 'right'] });
    const prepared = await createPromptPreparation(engine.model, render, 3)(sample);
    if (prepared.kind === 'rejected') throw new Error('the prompt fits');
    const requests = ['a', 'b'].map((key) => ({ ...prepared, key }));
    const { signal } = new AbortController();
    const keys: string[] = [];
    for await (const { position, group } of sampleGroups(engine, requests, settings, signal)) {
      expect(group.sample).toBe(sample);
      for (const rollout of group.rollouts) {
        keys.push(rollout.key);
        expect(rollout.prompt).toBe(prepared.prompt);
        expect(rollout.samplerLogprobs).toHaveLength(rollout.completion.length);
        expect(rollout.key.startsWith(position === 0 ? 'a/' : 'b/')).toBe(true);
      }
    }
    expect(keys).toEqual(['a/0', 'a/1', 'a/2', 'a/3', 'b/0', 'b/1', 'b/2', 'b/3']);
  });
});

describe('preparing prompts', () => {
  test('refuses completions for which the context has no room, instead of every sample', () => {
    const { model } = createScriptedEngine({ pieces: [], contextLength: 20 });
    for (const tokens of [20, 21, 4096]) {
      expect(() => createPromptPreparation(model, render, tokens)).toThrow(
        `model scripted: expected a context of more than the ${tokens} tokens that a completion may have, got 20 tokens`,
      );
    }
  });

  test('rejects a prompt that leaves no room for the completion', async () => {
    const engine = createScriptedEngine({ pieces: [], contextLength: 20 });
    const roomy = await createPromptPreparation(engine.model, render, 3)(sample);
    expect(roomy.kind).toBe('prepared');
    const tight = await createPromptPreparation(engine.model, render, 4)(sample);
    expect(tight).toMatchObject({ kind: 'rejected', problem: { got: '17' } });
  });

  test('encodes a prompt once while the cache has room, again when it was dropped', async () => {
    const { model } = createScriptedEngine({ pieces: [] });
    let encoded = 0;
    const encode: typeof model.processor.encode = (messages) => {
      encoded++;
      return model.processor.encode(messages);
    };
    const counting = { ...model, processor: { ...model.processor, encode } };
    const prepare = createPromptPreparation(counting, render, 3, 100);
    await prepare(sample);
    await prepare({ ...sample });
    expect(encoded).toBe(1);
    await prepare({ ...sample, problem: 'which lobe?' });
    await prepare(sample);
    expect(encoded).toBe(3);
  });

  test('asks each of two samples with one id its own question about its own image', async () => {
    const { model } = createScriptedEngine({ pieces: [] });
    const withImages = ({ problem, images }: Sample): readonly Message[] => [
      {
        role: 'user',
        content: [
          ...images.map((image) => ({ type: 'image' as const, image })),
          { type: 'text', text: problem },
        ],
      },
    ];
    const image = (value: number) => ({ bytes: Uint8Array.of(value), name: 'scan.png' });
    const prepare = createPromptPreparation(model, withImages, 3);
    for (const one of [
      sample,
      { ...sample, problem: 'which lobe?' },
      { ...sample, images: [image(1)] },
      { ...sample, images: [image(2)] },
    ]) {
      expect(await prepare(one)).toMatchObject({
        kind: 'prepared',
        prompt: await model.processor.encode(withImages(one)),
      });
    }
  });
});
