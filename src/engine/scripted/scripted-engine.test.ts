import { describe, expect, test } from 'vitest';
import type { Engine, Loss, SampleRequest } from '../engine.ts';
import { createScriptedEngine } from './scripted-engine.fixture.ts';

const pieces = ['<X_RAY>', 'left', 'right', ' lung'];
const { signal } = new AbortController();
const adam = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 0,
};

const question = (text: string) => [
  { role: 'user' as const, content: [{ type: 'text' as const, text }] },
];

async function requestFor(engine: Engine, keys: readonly string[]): Promise<SampleRequest> {
  const prompt = await engine.model.processor.encode(question('which side?'));
  return { prompt, keys, maxTokens: 6, temperature: 1, topP: 1, topK: 0 };
}

async function sample(engine: Engine, request: SampleRequest) {
  for await (const group of engine.sample([request], signal)) return group.completions;
  throw new Error('no group');
}

/** Minus the summed logprob, so that the policy imitates. */
const imitate: Loss = (inputs) => ({
  loss: -inputs.reduce((sum, i) => sum + i.policyLogprobs.reduce((a, b) => a + b, 0), 0),
  gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => -1)),
  metrics: {},
});

describe('the scripted engine', () => {
  test('follows the gradient that a loss gives it', async () => {
    const engine = createScriptedEngine({ pieces });
    const { prompt } = await requestFor(engine, []);
    const completion = engine.model.processor.encodeCompletion('<X_RAY>left lung', true);
    const losses: number[] = [];
    for (let step = 0; step < 100; step++) {
      const { loss } = await engine.forwardBackward([{ prompt, completion }], imitate, signal);
      losses.push(loss);
      await engine.optimStep(adam);
    }
    expect(losses[0]).toBeCloseTo(4 * Math.log(5), 5);
    expect(losses.at(-1)).toBeLessThan(0.1);
    const [greedy] = await sample(engine, {
      ...(await requestFor(engine, ['any'])),
      temperature: 0,
    });
    expect(engine.model.processor.decode(greedy?.tokens ?? [])).toBe('<X_RAY>left lung');
    expect(greedy?.stopReason).toBe('stop');
  });

  test('fails where it is told to', async () => {
    const engine = createScriptedEngine({
      pieces,
      onCall: (verb, count) => {
        if (verb === 'optimStep' && count === 2) throw new Error('out of memory');
      },
    });
    await engine.optimStep(adam);
    await expect(engine.optimStep(adam)).rejects.toThrow('out of memory');
  });
});
