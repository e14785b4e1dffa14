import { expect, it } from 'vitest';
import { openLocalEngine } from '../engine/local/local-engine.ts';
import { tinyCases, tinyMessages, tinyModelDirectory } from '../model/tiny-model.fixture.ts';
import { crossEntropyLoss } from '../update/cross-entropy.ts';

const steps = 8;
const adam = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 1,
};

it('the local engine learns to imitate demonstrations about texts and images', async () => {
  const { signal } = new AbortController();
  const engine = await openLocalEngine(tinyModelDirectory);
  const { processor } = engine.model;
  const sequences = await Promise.all(
    tinyCases.slice(0, 4).map(async (tiny, i) => ({
      prompt: await processor.encode(tinyMessages(tiny)),
      completion: processor.encodeCompletion(['left lung', 'right lung'][i % 2]!, true),
    })),
  );
  const loss = crossEntropyLoss(sequences.map(({ completion }) => completion.length));
  const losses: number[] = [];
  for (let step = 0; step <= steps; step++) {
    losses.push((await engine.forwardBackward(sequences, loss, signal)).loss);
    await engine.optimStep(adam);
  }
  expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);

  const greedy = { keys: ['any'], maxTokens: 24, temperature: 0, topP: 1, topK: 0 };
  const requests = sequences.map(({ prompt }) => ({ prompt, ...greedy }));
  for await (const { request, completions } of engine.sample(requests, signal)) {
    expect(completions[0]?.tokens).toEqual(sequences[request]?.completion);
  }
  await engine.close();
});
