import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../model/files/safetensors.ts';
import { tinyModelDirectory } from '../../model/tiny-model.fixture.ts';
import type { CheckpointHandle, Engine, Loss } from '../engine.ts';
import { openLocalEngine } from './local-engine.ts';

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
      /the state of a local engine, got ENOENT/,
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
      network: { kind: 'whole', isTrained },
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
