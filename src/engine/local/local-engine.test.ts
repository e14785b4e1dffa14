import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../model/files/safetensors.ts';
import { type NamedTensor, writeSafetensors } from '../../model/files/write-safetensors.ts';
import { tinyModelDirectory } from '../../model/tiny-model.fixture.ts';
import type { CheckpointHandle, Engine, Loss } from '../engine.ts';
import { openLocalEngine } from './local-engine.ts';
import { noParameter } from './open-network.ts';

const never = new AbortController().signal;

describe('a checkpoint of the local engine', () => {
  let engine: Engine;
  let checkpoint: string;
  let handle: CheckpointHandle;
  beforeAll(async () => {
    engine = await openLocalEngine(tinyModelDirectory);
    checkpoint = await mkdtemp(join(tmpdir(), 'medix-checkpoint-'));
    handle = await engine.save(checkpoint);
  });
  afterAll(async () => {
    await engine.close();
    await rm(checkpoint, { recursive: true });
  });

  it.each([
    ['cut off', '{"steps"'],
    ['empty', ''],
    ['of another kind', '{"steps":-1}'],
  ])('whose state is %s is one clear error that names the file', async (_, text) => {
    await writeFile(join(checkpoint, 'engine.json'), text);
    await expect(engine.load(handle, checkpoint)).rejects.toMatchObject({
      boundary: 'engine',
      problems: [
        {
          where: join(checkpoint, 'engine.json'),
          expected: 'the state of a local engine',
          next: 'resume from another checkpoint',
        },
      ],
    });
  });

  it('without a state is the same error', async () => {
    await rm(join(checkpoint, 'engine.json'));
    await expect(engine.load(handle, checkpoint)).rejects.toThrow(
      /the state of a local engine, got no such file/,
    );
  });
});

describe('parameters that training does not change', () => {
  const loss: Loss = (inputs) => ({
    loss: 0,
    gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => -1)),
    metrics: {},
  });
  const adam = { learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
  const isTrained = (name: string) => name.includes('mlp.down_proj');

  it('keep their bits, and are in no checkpoint', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'medix-frozen-'));
    const engine = await openLocalEngine(tinyModelDirectory, {
      network: { kind: 'whole', trained: /mlp\.down_proj/ },
    });
    try {
      const text = { type: 'text', text: 'Which side?' } as const;
      const prompt = await engine.model.processor.encode([{ role: 'user', content: [text] }]);
      const sequence = { prompt, completion: Int32Array.of(5, 6, 7) };
      const before = await engine.logprobs([sequence], 'policy', never);
      await engine.forwardBackward([sequence], loss, never);
      await engine.optimStep({ ...adam, weightDecay: 0, maxGradNorm: 0 });
      const [policy] = await engine.logprobs([sequence], 'policy', never);
      const [reference] = await engine.logprobs([sequence], 'reference', never);
      expect(policy).not.toEqual(before[0]);
      expect(reference).toEqual(before[0]);

      await engine.save(join(folder, 'checkpoint'));
      await engine.exportModel(join(folder, 'model'));
      const saved = await openSafetensors(join(folder, 'checkpoint', 'model.safetensors'));
      expect([...saved.tensors.keys()].every(isTrained)).toBe(true);
      await saved.close();
      const start = await openSafetensors(tinyModelDirectory);
      const exported = await openSafetensors(join(folder, 'model'));
      for (const name of start.tensors.keys()) {
        const isSame =
          Buffer.compare(
            Buffer.from((await start.read(name)).buffer),
            Buffer.from((await exported.read(name)).buffer),
          ) === 0;
        expect(isSame, name).toBe(!isTrained(name));
      }
      await Promise.all([start.close(), exported.close()]);
    } finally {
      await engine.close();
      await rm(folder, { recursive: true });
    }
  });
});

describe('weights that are no numbers', () => {
  const spoil = async (value: number, tensor = 'model.language_model.norm.weight') => {
    const folder = await mkdtemp(join(tmpdir(), 'medix-nan-'));
    await cp(tinyModelDirectory, folder, { recursive: true });
    const store = await openSafetensors(tinyModelDirectory);
    const tensors: NamedTensor[] = [];
    for (const [name, { shape }] of store.tensors) {
      const data = await store.read(name);
      if (name === tensor) data[1] = value;
      tensors.push({ name, shape, data });
    }
    await store.close();
    await writeSafetensors(join(folder, 'model.safetensors'), tensors);
    return folder;
  };

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'are refused when the model is opened: %s',
    async (value) => {
      const folder = await spoil(value);
      await expect(openLocalEngine(folder)).rejects.toMatchObject({
        boundary: 'model',
        problems: [
          {
            where: `${folder}/model.safetensors: model.language_model.norm.weight`,
            got: expect.stringMatching(`^${value} \\(1 of \\d+ values are NaN or infinite\\)$`),
          },
        ],
      });
      await expect(
        openLocalEngine(folder, { network: { kind: 'whole', trained: noParameter } }),
      ).rejects.toThrow(/norm\.weight/);
      await rm(folder, { recursive: true });
    },
  );

  it('are refused when a checkpoint is loaded', async () => {
    const engine = await openLocalEngine(tinyModelDirectory);
    const checkpoint = await mkdtemp(join(tmpdir(), 'medix-nan-'));
    const handle = await engine.save(checkpoint);
    const spoiled = await spoil(Number.NaN);
    await cp(join(spoiled, 'model.safetensors'), join(checkpoint, 'model.safetensors'));
    await expect(engine.load(handle, checkpoint)).rejects.toThrow(
      /norm\.weight: expected weights that are finite numbers, got NaN/,
    );
    await engine.close();
    for (const folder of [spoiled, checkpoint]) await rm(folder, { recursive: true });
  });

  it('do not become a model', async () => {
    const engine = await openLocalEngine(tinyModelDirectory);
    const folder = await mkdtemp(join(tmpdir(), 'medix-nan-'));
    const prompt = await engine.model.processor.encode([
      { role: 'user', content: [{ type: 'text', text: 'Which side?' }] },
    ]);
    const loss: Loss = (inputs) => ({
      loss: 0,
      gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => -1)),
      metrics: {},
    });
    await engine.forwardBackward([{ prompt, completion: Int32Array.of(5) }], loss, never);
    const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 0 };
    await engine.optimStep({ ...adam, learningRate: 1e39 });
    await expect(engine.exportModel(join(folder, 'model'))).rejects.toThrow(
      /expected weights that are finite numbers/,
    );
    await engine.close();
    await rm(folder, { recursive: true });
  });
});
