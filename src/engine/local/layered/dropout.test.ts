import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { rngFromKey } from '../../../core/rng.ts';
import { readModelFiles } from '../../../model/files/model-files.ts';
import {
  largestDifference,
  tinyCases,
  tinyConfig,
  tinyModelDirectory,
  tinyPrompt,
} from '../../../model/tiny-model.fixture.ts';
import type { AdamParameters, Loss } from '../../engine.ts';
import { branchGroups, updateBatch } from '../batch.ts';
import { openLocalEngine } from '../local-engine.ts';
import { createModel } from '../model-directory.ts';
import type { Network, TargetFacts } from '../network.ts';
import { openNetwork } from '../open-network.ts';
import { createParameterBuffer } from '../weights/parameter-buffer.ts';

const never = new AbortController().signal;
const parent = await mkdtemp(join(tmpdir(), 'medix-dropout-'));
afterAll(() => rm(parent, { recursive: true }));

/** With a head of its own, which may have factors too. */
const tied = await tinyConfig();
const config = { ...tied, text: { ...tied.text, tieWordEmbeddings: false } };
const directory = join(parent, 'model');
await createModel(directory, config, await readModelFiles(tinyModelDirectory), 1);
const files = await readModelFiles(directory);

const factors = { rank: 4, alpha: 8, rankStabilized: false, targets: '.*' };
const withDropout = (dropout: number, base: 'f32' | 'int8' = 'f32', keptBytes = 0) =>
  ({
    kind: 'layered',
    base,
    adapter: { settings: { ...factors, dropout }, seed: 1 },
    cache: parent,
    keptBytes,
  }) as const;

/** With factors that are not 0, so that all of their gradients are there. */
async function open(options: Parameters<typeof openNetwork>[3]): Promise<Network> {
  const network = await openNetwork(directory, config, files, options);
  const rng = rngFromKey('factors');
  const { flat } = network.trained;
  for (let i = 0; i < flat.length; i++) flat[i] = 0.05 * rng.normal();
  return network;
}

const tiny = tinyCases.find(({ name }) => name === 'two-images')!;
const sequence = { prompt: await tinyPrompt(tiny), completion: Int32Array.from(tiny.greedy) };
const batch = updateBatch(branchGroups([sequence], true), config);

/** The sum of all logprobs in a pass that trains, and its gradient. */
async function train(network: Network, key: string) {
  const gradient = createParameterBuffer(network.trained.specs);
  let logprobs = new Float32Array();
  const gradients = (facts: TargetFacts) => {
    logprobs = Float32Array.from(facts.logprobs);
    return { logprobs: logprobs.map(() => 1) };
  };
  await network.accumulate(batch, { movesEntropies: false, gradients }, gradient, never, key);
  return { logprobs, gradient, loss: logprobs.reduce((sum, value) => sum + value, 0) };
}

describe('dropout', () => {
  it('has the gradient of a pass with its masks', async () => {
    const network = await open(withDropout(0.3));
    const { gradient } = await train(network, '7/2');
    const rng = rngFromKey('direction');
    for (const { name } of network.trained.specs.filter(
      ({ name }, i) => i % 5 === 0 || name.startsWith('lm_head'),
    )) {
      const weights = network.trained.views[name]!;
      const before = weights.slice();
      const direction = before.map(() => rng.normal());
      const lossAt = async (step: number) => {
        weights.set(before.map((value, i) => value + step * direction[i]!));
        return (await train(network, '7/2')).loss;
      };
      const slope = ((await lossAt(2e-3)) - (await lossAt(-2e-3))) / 4e-3;
      weights.set(before);
      const expected = direction.reduce((sum, d, i) => sum + d * gradient.views[name]![i]!, 0);
      expect(Math.abs(slope - expected), name).toBeLessThan(5e-3 * (1 + Math.abs(expected)));
    }
    await network.close();
  });

  it.each(['f32', 'int8'] as const)('is the same where a pass over %s runs again', async (base) => {
    const again = await open(withDropout(0.3, base));
    const kept = await open(withDropout(0.3, base, 1e9));
    const [first, second] = [await train(again, '0/0'), await train(kept, '0/0')];
    expect(first.logprobs).toEqual(second.logprobs);
    expect(first.gradient.flat).toEqual(second.gradient.flat);
    expect((await train(again, '0/0')).gradient.flat).toEqual(first.gradient.flat);
    expect((await train(again, '0/1')).logprobs).not.toEqual(first.logprobs);
    await again.close();
    await kept.close();
  });

  it('is in passes that train alone, and at 0 in none', async () => {
    const [with0, with5] = [await open(withDropout(0)), await open(withDropout(0.5))];
    const plain = await open({
      ...withDropout(0),
      adapter: { settings: factors, seed: 1 },
    });
    for (const weights of ['policy', 'reference'] as const) {
      const expected = await plain.score(batch, weights, never);
      expect(await with0.score(batch, weights, never)).toEqual(expected);
      expect(largestDifference(await with5.score(batch, weights, never), expected)).toBeLessThan(
        1e-6,
      );
    }
    const expected = await train(plain, '0/0');
    const actual = await train(with0, '0/1');
    expect(actual.logprobs).toEqual(expected.logprobs);
    expect(actual.gradient.flat).toEqual(expected.gradient.flat);
    expect(
      largestDifference((await train(with5, '0/0')).logprobs, expected.logprobs),
    ).toBeGreaterThan(1e-3);
    await Promise.all([with0, with5, plain].map((network) => network.close()));
  });

  it('goes on with the same masks after a resumption', async () => {
    const open = () => openLocalEngine(directory, { network: withDropout(0.3) });
    const [whole, resumed] = [await open(), await open()];
    const loss: Loss = (inputs) => ({
      loss: 0,
      gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => -1)),
      metrics: {},
    });
    const adam: AdamParameters = {
      learningRate: 1e-2,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      weightDecay: 0,
      maxGradNorm: 1,
    };
    const step = async (engine: typeof whole) => {
      for (let part = 0; part < 2; part++) await engine.forwardBackward([sequence], loss, never);
      await engine.optimStep(adam);
    };
    await step(whole);
    const folder = join(parent, 'checkpoint');
    const handle = await whole.save(folder);
    await step(whole);
    // What it has done before does not matter.
    await resumed.forwardBackward([sequence], loss, never);
    await resumed.load(handle, folder);
    await step(resumed);
    const [a, b] = await Promise.all(
      [whole, resumed].map(async (engine) => {
        return (await engine.logprobs([sequence], 'policy', never))[0]!;
      }),
    );
    expect(a).toEqual(b);
    await whole.close();
    await resumed.close();
  });
});
