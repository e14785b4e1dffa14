/**
 * What every engine promises, told through the Engine interface alone. An engine's test calls
 * `describeEngine` with how to open it; a promise it cannot keep is skipped with the reason.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rngFromKey } from '../../src/core/rng.ts';
import type {
  AdamParameters,
  Completion,
  Engine,
  Loss,
  LossInput,
  SampleRequest,
  Sequence,
  StepReport,
} from '../../src/engine/engine.ts';
import type { ImagePatches, Prompt } from '../../src/model/prompt.ts';

export type EngineFixture = {
  /** A fresh engine at its starting weights. */
  readonly open: () => Promise<Engine>;
  /** The same weights computed another way (packing, micro-batches), by name. */
  readonly variants: Readonly<Record<string, () => Promise<Engine>>>;
  /**
   * What two ways of computing the same logprob may differ by, and relatively two of the same gradient's
   * norm, where the engine rounds more coarsely than float32.
   * @default 1e-5
   */
  readonly rounding?: number;
  /** What a logprob may differ by after a training that was resumed, where sums have no fixed order. @default 0 */
  readonly resumedRounding?: number;
  /** At least two prompts of different length. */
  readonly prompts: () => Promise<readonly Prompt[]>;
  /** A prompt with an image, or why there is none. */
  readonly imagePrompt: (() => Promise<Prompt>) | { readonly skip: string };
  /** Named parameters in a directory written by `save`, or why they cannot be reached. */
  readonly weights:
    | {
        readonly read: (directory: string) => Promise<Record<string, Float32Array>>;
        readonly write: (directory: string, values: Record<string, Float32Array>) => Promise<void>;
        /** Step along a parameter's direction for finite differences. */
        readonly differenceStep: number;
      }
    | { readonly skip: string };
};

const noAbort = new AbortController().signal;
const adam: AdamParameters = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};

/** AdamW whose epsilon dwarfs the gradient is plain gradient descent with rate `rate`. */
const plainStep = (rate: number): AdamParameters => ({
  ...adam,
  learningRate: rate * 1e12,
  epsilon: 1e12,
  weightDecay: 0,
  maxGradNorm: 0,
});

/** −Σ weight·logprob with fixed uneven weights, so that every token counts differently. */
const weightedLoss: Loss = (inputs) => {
  const weights = inputs.map(({ index, policyLogprobs }) =>
    policyLogprobs.map((_, t) => Math.sin(1 + index * 7 + t)),
  );
  const loss = inputs.reduce(
    (total, { policyLogprobs }, i) =>
      total - policyLogprobs.reduce((sum, value, t) => sum + value * weights[i]![t]!, 0),
    0,
  );
  return { loss, gradients: weights.map((row) => row.map((value) => -value)), metrics: {} };
};

/** Σ weight·entropy, likewise. */
const entropyLoss: Loss = Object.assign(
  (inputs: readonly LossInput[]) => {
    const weights = inputs.map(({ index, policyLogprobs }) =>
      policyLogprobs.map((_, t) => Math.sin(1 + index * 7 + t)),
    );
    const entropies = inputs.map(({ policyEntropies }) => [...policyEntropies!]);
    for (const entropy of entropies.flat()) expect(entropy).toBeGreaterThanOrEqual(-1e-5);
    return {
      loss: entropies
        .flatMap((row, i) => row.map((value, t) => value * weights[i]![t]!))
        .reduce((a, b) => a + b, 0),
      gradients: weights.map((row) => row.map(() => 0)),
      entropyGradients: weights,
      metrics: {},
    };
  },
  { movesEntropies: true },
);

export function describeEngine(name: string, fixture: EngineFixture): void {
  const { rounding = 1e-5, resumedRounding = 0 } = fixture;
  describe(`the ${name} engine`, () => {
    let engine: Engine;
    let prompts: readonly Prompt[];
    let directory: string;

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'medix-engine-'));
      engine = await fixture.open();
      const image = fixture.imagePrompt;
      prompts = [...(await fixture.prompts()), ...('skip' in image ? [] : [await image()])];
    });
    afterAll(async () => {
      await engine.close();
      await rm(directory, { recursive: true });
    });

    it('gives the logprobs of sampling again when it scores the same tokens', async (test) => {
      const moving = await fixture.open();
      if (moving.guarantees.samplerLogprobs !== 'exact') test.skip('its sampler is approximate');
      for (let steps = 0; steps < 2; steps++) {
        const { sequences, completions } = await rollouts(moving, prompts);
        const scored = await moving.logprobs(sequences, 'policy', noAbort);
        completions.forEach(({ logprobs }, i) => {
          expect(difference(logprobs, scored[i]!)).toBeLessThan(1e-4);
        });
        await trainSteps(moving, sequences, 1);
      }
      await moving.close();
    });

    it('shows a loss the same logprobs as it scores', async () => {
      const { sequences } = await rollouts(engine, prompts);
      const scored = await engine.logprobs(sequences, 'policy', noAbort);
      const seen: Float32Array[] = [];
      await engine.forwardBackward(
        sequences,
        (inputs) => {
          for (const { index, policyLogprobs } of inputs) seen[index] = policyLogprobs;
          return weightedLoss(inputs);
        },
        noAbort,
      );
      await engine.optimStep({ ...adam, learningRate: 0 });
      sequences.forEach((_, i) => {
        expect(difference(seen[i]!, scored[i]!)).toBeLessThan(1e-5);
      });
    });

    it('scores with the reference weights before and after the policy moves', async () => {
      const moving = await fixture.open();
      const { sequences } = await rollouts(moving, prompts);
      const before = await moving.logprobs(sequences, 'policy', noAbort);
      await moving.forwardBackward(sequences, weightedLoss, noAbort);
      await moving.optimStep(adam);
      const reference = await moving.logprobs(sequences, 'reference', noAbort);
      const policy = await moving.logprobs(sequences, 'policy', noAbort);
      await moving.close();
      sequences.forEach((_, i) => {
        expect(difference(reference[i]!, before[i]!)).toBeLessThan(1e-6);
      });
      expect(sequences.some((_, i) => difference(policy[i]!, before[i]!) > 1e-4)).toBe(true);
    });

    it('draws the same tokens for the same key, whatever else is in the batch', async () => {
      const all = await sampleAll(engine, requestsFor(prompts));
      const reversed = await sampleAll(engine, requestsFor(prompts).toReversed());
      const alone = await sampleAll(engine, [requestsFor(prompts).at(-1)!]);
      const tokens = (group: readonly Completion[]) => group.map((one) => [...one.tokens]);
      expect(reversed.toReversed().map(tokens)).toEqual(all.map(tokens));
      expect(tokens(alone[0]!)).toEqual(tokens(all.at(-1)!));
    });

    it('draws different tokens for different keys', async () => {
      const [group] = await sampleAll(engine, [request(prompts[0]!, ['a', 'b', 'c', 'd'])]);
      expect(new Set(group!.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(1);
    });

    it('streams the tokens it returns', async () => {
      const streamed: number[][] = [[], []];
      const [group] = await sampleAll(engine, [
        {
          ...request(prompts[0]!, ['a', 'b']),
          onToken: (completion, token) => streamed[completion]!.push(token),
        },
      ]);
      expect(streamed).toEqual(group!.map(({ tokens }) => [...tokens]));
    });

    it('ends a completion at a stop token or at the limit, and says which', async () => {
      const { completions } = await rollouts(engine, prompts);
      for (const { tokens, stopReason } of completions) {
        const stopped = engine.model.processor.stopTokens.includes(tokens.at(-1)!);
        expect(stopReason).toBe(stopped ? 'stop' : 'length');
        if (stopReason === 'length') expect(tokens.length).toBe(maxTokens);
      }
    });

    it('draws the most likely token at temperature 0', async () => {
      const greedy = { ...request(prompts[0]!, ['x', 'y']), temperature: 0 };
      const [group] = await sampleAll(engine, [greedy]);
      expect([...group![0]!.tokens]).toEqual([...group![1]!.tokens]);
    });

    it('refuses a prompt longer than its context, naming the limit', async () => {
      const long = { ...prompts[0]!, images: [], tokens: new Int32Array(1_000_000).fill(10) };
      await expect(sampleAll(engine, [request(long, ['a'])])).rejects.toThrow(
        String(engine.model.contextLength),
      );
    });

    it('stops sampling when aborted', async () => {
      const abort = new AbortController();
      const stopping = {
        ...request(prompts[0]!, ['a']),
        onToken: () => abort.abort(new Error('stopped by test')),
      };
      const sampling = (async () => {
        for await (const _ of engine.sample([stopping, ...requestsFor(prompts)], abort.signal));
      })();
      await expect(sampling).rejects.toThrow('stopped by test');
    });

    const image = fixture.imagePrompt;
    it.skipIf('skip' in image)(
      `changes its logprobs when the image changes${'skip' in image ? ` (${image.skip})` : ''}`,
      async () => {
        const prompt = prompts.at(-1)!;
        const completion = Int32Array.of(20, 21, 22);
        const inverted: ImagePatches[] = prompt.images.map(({ grid, patches }) => ({
          grid,
          patches: patches.map((value) => -value),
        }));
        const [seen, other] = await engine.logprobs(
          [
            { prompt, completion },
            { prompt: { ...prompt, images: inverted }, completion },
          ],
          'policy',
          noAbort,
        );
        expect(difference(seen!, other!)).toBeGreaterThan(1e-3);
      },
    );

    it('adds gradients up over calls', async () => {
      const { sequences } = await rollouts(engine, prompts);
      const half = Math.ceil(sequences.length / 2);
      const shifted: Loss = (inputs) =>
        weightedLoss(inputs.map((input) => ({ ...input, index: input.index + half })));
      const whole = await stepped(fixture.open, async (fresh) => {
        await fresh.forwardBackward(sequences, weightedLoss, noAbort);
      });
      const parts = await stepped(fixture.open, async (fresh) => {
        await fresh.forwardBackward(sequences.slice(0, half), weightedLoss, noAbort);
        await fresh.forwardBackward(sequences.slice(half), shifted, noAbort);
      });
      expect(Math.abs(whole.gradNorm - parts.gradNorm)).toBeLessThan(
        rounding * (1 + whole.gradNorm),
      );
    });

    for (const [variant, open] of Object.entries(fixture.variants)) {
      it(`computes the same with ${variant}`, async () => {
        const { sequences } = await rollouts(engine, prompts);
        const other = await open();
        const [ours, theirs] = await Promise.all([
          engine.logprobs(sequences, 'policy', noAbort),
          other.logprobs(sequences, 'policy', noAbort),
        ]);
        const sampled = (await sampleAll(other, requestsFor(prompts))).flat();
        await other.close();
        ours.forEach((row, i) => {
          expect([...sampled[i]!.tokens]).toEqual([...sequences[i]!.completion]);
          expect(difference(row, theirs[i]!)).toBeLessThan(rounding);
        });
        const learn = async (fresh: Engine) => {
          await fresh.forwardBackward(sequences, weightedLoss, noAbort);
        };
        const [a, b] = [await stepped(fixture.open, learn), await stepped(open, learn)];
        expect(Math.abs(a.gradNorm - b.gradNorm)).toBeLessThan(rounding * (1 + a.gradNorm));
        const after = async (fresh: Engine) => fresh.logprobs(sequences, 'policy', noAbort);
        const [movedA, movedB] = [
          await afterPlainStep(fixture.open, learn, after, a.gradNorm),
          await afterPlainStep(open, learn, after, a.gradNorm),
        ];
        movedA.forEach((row, i) => {
          // AdamW's step does not shrink with a gradient that is all rounding.
          expect(difference(row, movedB[i]!)).toBeLessThan(10 * rounding);
        });
      });
    }

    it('changes nothing on a gradient that is not finite', async () => {
      const fresh = await fixture.open();
      const { sequences } = await rollouts(fresh, prompts);
      const before = await fresh.logprobs(sequences, 'policy', noAbort);
      const broken: Loss = (inputs) => ({
        ...weightedLoss(inputs),
        gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => Number.NaN)),
      });
      await fresh.forwardBackward(sequences, broken, noAbort);
      expect(await fresh.optimStep(adam)).toEqual({ kind: 'skipped-nonfinite' });
      const after = await fresh.logprobs(sequences, 'policy', noAbort);
      before.forEach((row, i) => {
        expect(difference(row, after[i]!)).toBe(0);
      });
      await fresh.forwardBackward(sequences, weightedLoss, noAbort);
      expect((await fresh.optimStep(adam)).kind).toBe('applied');
      await fresh.close();
    });

    it('has the gradient of a loss in its entropies', async (test) => {
      if (!engine.guarantees.entropies) test.skip('it does not tell entropies');
      const fresh = await fixture.open();
      const { sequences } = await rollouts(fresh, prompts);
      await trainSteps(fresh, sequences, 2);
      // Without momentum, which the steps before have left.
      const stepOf = (rate: number) => ({ ...plainStep(rate), beta1: 0 });
      const start = join(directory, 'entropies');
      const handle = await fresh.save(start);
      await fresh.forwardBackward(sequences, entropyLoss, noAbort);
      const still = await fresh.optimStep(stepOf(0));
      const norm = normOf(still);
      const lossAfter = async (rate: number) => {
        await fresh.load(handle, start);
        await fresh.forwardBackward(sequences, entropyLoss, noAbort);
        await fresh.optimStep(stepOf(rate));
        const { loss } = await fresh.forwardBackward(sequences, entropyLoss, noAbort);
        await fresh.optimStep(stepOf(0));
        return loss;
      };
      const step = 0.01 / norm;
      const slope = ((await lossAfter(-step)) - (await lossAfter(step))) / (2 * step);
      await fresh.close();
      expect(Math.abs(slope - norm * norm)).toBeLessThan(0.02 * norm * norm);
    });

    it('refuses a checkpoint that another kind of engine made', async () => {
      const first = await fixture.open();
      const checkpoint = join(directory, 'foreign');
      const handle = await first.save(checkpoint);
      await expect(first.load({ ...handle, engine: 'another' }, checkpoint)).rejects.toThrow(
        /expected a checkpoint of the .* engine, got one of the another engine/,
      );
      await first.close();
    });

    it(`continues after save and load to the same ${resumedRounding === 0 ? 'bits' : 'numbers'}`, async () => {
      const first = await fixture.open();
      const { sequences } = await rollouts(first, prompts);
      await trainSteps(first, sequences, 2);
      const checkpoint = join(directory, 'checkpoint');
      const handle = await first.save(checkpoint);
      await trainSteps(first, sequences, 2);
      const expected = await first.logprobs(sequences, 'policy', noAbort);
      await first.close();
      const second = await fixture.open();
      await trainSteps(second, sequences, 1);
      await second.load(handle, checkpoint);
      await trainSteps(second, sequences, 2);
      const actual = await second.logprobs(sequences, 'policy', noAbort);
      await second.close();
      expected.forEach((row, i) => {
        expect(difference(row, actual[i]!)).toBeLessThanOrEqual(resumedRounding);
      });
    });

    const weights = fixture.weights;
    it.skipIf('skip' in weights)(
      `has the gradient that finite differences give, parameter by parameter${'skip' in weights ? ` (${weights.skip})` : ''}`,
      async () => {
        if ('skip' in weights) return;
        const fresh = await fixture.open();
        const { sequences } = await rollouts(fresh, prompts);
        const start = join(directory, 'start');
        const handle = await fresh.save(start);
        const before = await weights.read(start);
        const report = await fresh.forwardBackward(sequences, weightedLoss, noAbort);
        const stepReport = await fresh.optimStep(plainStep(1));
        const moved = join(directory, 'moved');
        await fresh.save(moved);
        const after = await weights.read(moved);
        const norm = normOf(stepReport);
        expect(Number.isFinite(report.loss)).toBe(true);
        const lossAt = async (name: string, direction: Float32Array, distance: number) => {
          const shifted = before[name]!.map((value, i) => value + distance * direction[i]!);
          await weights.write(start, { ...before, [name]: shifted });
          await fresh.load(handle, start);
          const scored = await fresh.logprobs(sequences, 'policy', noAbort);
          return weightedLoss(scored.map((policyLogprobs, index) => ({ index, policyLogprobs })))
            .loss;
        };
        const h = weights.differenceStep;
        for (const [name, values] of Object.entries(before)) {
          const direction = randomDirection(values.length, name);
          const gradient = values.map((value, i) => value - after[name]![i]!);
          const analytic = gradient.reduce((total, g, i) => total + g * direction[i]!, 0);
          const forward = await lossAt(name, direction, h);
          const backward = await lossAt(name, direction, -h);
          const numeric = (forward - backward) / (2 * h);
          expect(Math.abs(numeric - analytic), name).toBeLessThan(2e-3 * norm);
        }
        await fresh.close();
      },
    );
  });
}

const maxTokens = 12;

function request(prompt: Prompt, keys: readonly string[]): SampleRequest {
  return { prompt, keys, maxTokens, temperature: 1, topP: 1, topK: 0 };
}

function requestsFor(prompts: readonly Prompt[]): SampleRequest[] {
  return prompts.map((prompt, p) =>
    request(
      prompt,
      Array.from({ length: 2 + (p % 3) }, (_, k) => `prompt ${p}/completion ${k}`),
    ),
  );
}

async function sampleAll(engine: Engine, requests: readonly SampleRequest[]) {
  const groups: (readonly Completion[])[] = [];
  for await (const group of engine.sample(requests, noAbort)) {
    groups[group.request] = group.completions;
  }
  return groups;
}

async function rollouts(engine: Engine, prompts: readonly Prompt[]) {
  const groups = await sampleAll(engine, requestsFor(prompts));
  const completions = groups.flat();
  const sequences: Sequence[] = groups.flatMap((group, p) =>
    group.map(({ tokens }) => ({ prompt: prompts[p]!, completion: tokens })),
  );
  return { sequences, completions };
}

async function stepped(open: () => Promise<Engine>, learn: (engine: Engine) => Promise<void>) {
  const engine = await open();
  await learn(engine);
  const report = await engine.optimStep(adam);
  await engine.close();
  return { gradNorm: normOf(report) };
}

function normOf(report: StepReport): number {
  if (report.kind !== 'applied') throw new Error(`step was ${report.kind}`);
  if (report.gradNorm === undefined) throw new Error('the engine tells no norm');
  return report.gradNorm;
}

async function afterPlainStep<T>(
  open: () => Promise<Engine>,
  learn: (engine: Engine) => Promise<void>,
  look: (engine: Engine) => Promise<T>,
  gradNorm: number,
): Promise<T> {
  const engine = await open();
  await learn(engine);
  await engine.optimStep(plainStep(0.05 / gradNorm));
  const result = await look(engine);
  await engine.close();
  return result;
}

async function trainSteps(engine: Engine, sequences: readonly Sequence[], steps: number) {
  for (let step = 0; step < steps; step++) {
    await engine.forwardBackward(sequences, weightedLoss, noAbort);
    await engine.optimStep(adam);
  }
}

function randomDirection(size: number, key: string): Float32Array {
  const rng = rngFromKey(key);
  const direction = Float32Array.from({ length: size }, () => rng.normal());
  const norm = Math.sqrt(direction.reduce((total, value) => total + value * value, 0));
  return direction.map((value) => value / norm);
}

function difference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}
