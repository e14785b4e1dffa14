import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeMetrics, metricValues } from '../core/metrics.ts';
import { rngFromKey } from '../core/rng.ts';
import type { LossPart } from '../engine/engine.ts';
import { klPenalties } from './kl.ts';
import { type LossRollout, lossTerms, type PolicyLossSettings, policyLoss } from './policy-loss.ts';
import { type PolicyLossKind, tokenLosses } from './token-losses.ts';

type GoldenCase = {
  /** The oldest file knows not all of them. */
  readonly settings: Partial<PolicyLossSettings>;
  readonly advantages: readonly number[];
  readonly oldLogprobs: readonly number[][];
  readonly policyLogprobs: readonly number[][];
  readonly referenceLogprobs: readonly number[][];
  readonly samplerLogprobs?: readonly number[][];
  readonly loss: number;
  readonly gradients: readonly number[][];
};

function goldenCases(name: string): readonly GoldenCase[] {
  const path = new URL(`../../test/golden/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly cases: readonly GoldenCase[] })
    .cases;
}

const kinds = Object.keys(tokenLosses) as PolicyLossKind[];

const settings: PolicyLossSettings = {
  kind: 'clip',
  clipLow: 0.2,
  clipHigh: 0.3,
  clipDual: 3,
  lossAverage: 'token',
  klCoefficient: 0,
  klEstimator: 'k3',
  temperaturePositive: 1,
  temperatureNegative: 1.05,
  maxCompletionTokens: 10,
  klUnbiased: false,
  samplerCorrection: 'none',
  entropyCoefficient: 0,
};

function inputsOf(logprobs: readonly ArrayLike<number>[]) {
  return logprobs.map((row, index) => ({ index, policyLogprobs: Float32Array.from(row) }));
}

function expectGradients(part: LossPart, gradients: readonly number[][]) {
  for (const [i, row] of gradients.entries()) {
    for (const [t, value] of row.entries()) expect(part.gradients[i]?.[t]).toBeCloseTo(value, 6);
  }
}

describe.each([
  ['torch', 'policy-loss'],
  ['torch, all kinds', 'policy-loss-2'],
  ['TRL', 'policy-loss-trl'],
])('policyLoss against %s', (_, file) => {
  it.each(
    goldenCases(file).map((one) => {
      const { kind, lossAverage, klCoefficient, klEstimator, samplerCorrection } = one.settings;
      const correction = JSON.stringify(samplerCorrection);
      return [
        `${kind}, ${lossAverage}, KL ${klCoefficient} ${klEstimator}, sampler ${correction}`,
        one,
      ] as const;
    }),
  )('agrees in value and gradient: %s', (_, one) => {
    const rollouts = one.oldLogprobs.map((row, i) => ({
      tokens: row.length,
      oldLogprobs: Float32Array.from(row),
      advantage: one.advantages[i] ?? 0,
      referenceLogprobs: Float32Array.from(one.referenceLogprobs[i] ?? []),
      ...(one.samplerLogprobs
        ? { samplerLogprobs: Float32Array.from(one.samplerLogprobs[i] ?? []) }
        : {}),
    }));
    const part = policyLoss(
      { ...settings, ...one.settings },
      rollouts,
    )(inputsOf(one.policyLogprobs));
    expect(part.loss).toBeCloseTo(one.loss, 6);
    expectGradients(part, one.gradients);
  });
});

/** Rollouts whose ratios stay clear of every kink, so that differences are smooth. */
function smoothBatch(spread: number) {
  const rng = rngFromKey('smooth');
  const row = (length: number, around: (t: number) => number) =>
    Float32Array.from({ length }, (_, t) => around(t));
  const rollouts = [4, 6, 3].map((length, i) => ({
    tokens: length,
    oldLogprobs: row(length, () => -1 - rng.next()),
    advantage: i % 2 ? -0.8 : 1.1,
    referenceLogprobs: row(length, () => -1 - rng.next()),
    samplerLogprobs: row(length, () => -1 - rng.next()),
  }));
  const policy = rollouts.map(({ oldLogprobs }) =>
    row(oldLogprobs.length, (t) => (oldLogprobs[t] ?? 0) + spread * (rng.next() - 0.5)),
  );
  return { rollouts, policy };
}

describe('policyLoss', () => {
  it.each<Partial<PolicyLossSettings>>([
    { kind: 'clip', klEstimator: 'k1' },
    { kind: 'clip', lossAverage: 'sequence', klEstimator: 'k2' },
    { kind: 'clip', lossAverage: 'dr-grpo', klUnbiased: true },
    { kind: 'clip', klEstimator: 'k1', klUnbiased: true },
    { kind: 'clip', samplerCorrection: { low: 0.8, high: 1.25 } },
    { kind: 'gspo' },
    { kind: 'gspo', lossAverage: 'sequence' },
    { kind: 'gspo', samplerCorrection: { cap: 1.1, over: 'sequence' } },
    { kind: 'luspo', lossAverage: 'sequence' },
    { kind: 'reinforce', lossAverage: 'sequence', klEstimator: 'k2', klUnbiased: true },
    { kind: 'sapo', lossAverage: 'sequence', temperatureNegative: 2 },
    { kind: 'sapo', samplerCorrection: { cap: 1.1, over: 'token' } },
  ])('has the gradient that central differences show: %j', (changes) => {
    const { rollouts, policy } = smoothBatch(0.1);
    const loss = policyLoss({ ...settings, klCoefficient: 0.2, ...changes }, rollouts);
    const analytic = loss(inputsOf(policy)).gradients;
    const step = 2 ** -10;
    for (const [i, row] of policy.entries()) {
      for (let t = 0; t < row.length; t++) {
        const moved = (by: number) =>
          loss(inputsOf(policy.map((p, j) => p.map((v, u) => (i === j && t === u ? v + by : v)))))
            .loss;
        const numeric = (moved(step) - moved(-step)) / (2 * step);
        expect(analytic[i]?.[t]).toBeCloseTo(numeric, 4);
      }
    }
  });

  it('is minus the mean advantage while the policy has not moved, with every token pulling equally', () => {
    const { rollouts } = smoothBatch(0);
    const old = rollouts.map(({ oldLogprobs }) => oldLogprobs);
    const part = policyLoss(settings, rollouts)(inputsOf(old));
    const tokens = rollouts.flatMap(({ oldLogprobs, advantage }) =>
      [...oldLogprobs].map(() => advantage),
    );
    const mean = tokens.reduce((sum, advantage) => sum + advantage, 0) / tokens.length;
    expect(part.loss).toBeCloseTo(-mean, 6);
    expectGradients(
      part,
      rollouts.map(({ oldLogprobs, advantage }) =>
        [...oldLogprobs].map(() => -advantage / tokens.length),
      ),
    );
    expect(metricValues(part.metrics)).toMatchObject({
      'update/ratio': 1,
      'update/clipFractionLow': 0,
      'update/clipFractionHigh': 0,
      'update/clipFractionDual': 0,
      'update/approxKl': 0,
    });
  });

  it.each(kinds)(
    'takes the policy for the old one in a first step, where that is not given: %s',
    (kind) => {
      const { rollouts, policy } = smoothBatch(0.5);
      const given = rollouts.map((rollout, i) => ({ ...rollout, oldLogprobs: policy[i]! }));
      const absent = rollouts.map(({ oldLogprobs: _, ...rollout }) => rollout);
      const [told, own] = [given, absent].map((list) =>
        policyLoss({ ...settings, kind }, list)(inputsOf(policy)),
      );
      expect(own).toEqual(told);
    },
  );

  it.each(
    kinds.flatMap((kind) =>
      (['token', 'sequence', 'dr-grpo'] as const).map(
        (lossAverage) => [kind, lossAverage] as const,
      ),
    ),
  )('adds up over micro-batches: %s, %s', (kind, lossAverage) => {
    const { rollouts, policy } = smoothBatch(1);
    const samplerCorrection = { low: 0.8, high: 1.25 };
    const loss = policyLoss({ ...settings, kind, lossAverage, samplerCorrection }, rollouts);
    const whole = loss(inputsOf(policy));
    const parts = inputsOf(policy).map((input) => loss([input]));
    expect(parts.reduce((sum, part) => sum + part.loss, 0)).toBeCloseTo(whole.loss, 12);
    expect(parts.flatMap((part) => part.gradients)).toEqual(whole.gradients);
    const merged = metricValues(mergeMetrics(parts.map((part) => part.metrics)));
    for (const [key, value] of Object.entries(metricValues(whole.metrics))) {
      expect(merged[key]).toBeCloseTo(value ?? Number.NaN, 12);
    }
  });

  it.each([
    ['a good token that is already much likelier', 1, 0.5, 'High'],
    ['a bad token that is already much less likely', -1, -0.5, 'Low'],
    ['a bad token that has become far too likely', -1, 2, 'Dual'],
  ])('gives no gradient to %s', (_, advantage, logRatio, fraction) => {
    const rollouts = [{ tokens: 1, oldLogprobs: new Float32Array([-3]), advantage }];
    const part = policyLoss(settings, rollouts)(inputsOf([[-3 + logRatio]]));
    expect(part.gradients[0]?.[0]).toBe(0);
    for (const each of ['High', 'Low', 'Dual']) {
      const share = metricValues(part.metrics)[`update/clipFraction${each}`];
      expect(share).toBe(each === fraction ? 1 : 0);
    }
  });

  it('keeps a gradient on every token under cispo', () => {
    const rollouts = [{ tokens: 2, oldLogprobs: new Float32Array([-3, -3]), advantage: 1 }];
    const loss = policyLoss({ ...settings, kind: 'cispo' }, rollouts);
    const part = loss(inputsOf([[-1, -5]]));
    expectGradients(part, [[-1.3 / 2, -0.8 / 2]]);
  });

  it('refuses a KL penalty without reference logprobs', () => {
    const rollouts = [{ tokens: 1, oldLogprobs: new Float32Array([-1]), advantage: 1 }];
    const loss = policyLoss({ ...settings, klCoefficient: 0.1 }, rollouts);
    expect(() => loss(inputsOf([[-1]]))).toThrow(/reference logprob/);
  });

  it.each(kinds)('does not depend on the order of the rollouts: %s', (kind) => {
    const { rollouts, policy } = smoothBatch(0.5);
    const lossOf = (list: LossRollout[]) => policyLoss({ ...settings, kind }, list);
    const forwards = lossOf(rollouts)(inputsOf(policy));
    const backwards = lossOf(rollouts.toReversed())(inputsOf(policy.toReversed()));
    expect(backwards.loss).toBeCloseTo(forwards.loss, 12);
    expect(backwards.gradients.toReversed()).toEqual(forwards.gradients);
  });

  it('gives every token one weight under dr-grpo, however long its completion is', () => {
    const { rollouts } = smoothBatch(0);
    const part = policyLoss(
      { ...settings, lossAverage: 'dr-grpo' },
      rollouts,
    )(inputsOf(rollouts.map(({ oldLogprobs }) => oldLogprobs)));
    expectGradients(
      part,
      rollouts.map(({ tokens, advantage }) => Array(tokens).fill(-advantage / (3 * 10))),
    );
  });

  it('gives, times the ratio, k3 the gradient of the KL where the policy has not moved: its log ratio to the reference', () => {
    const { rollouts } = smoothBatch(0);
    const still = rollouts.map((rollout) => ({ ...rollout, advantage: 0 }));
    const penalty = { klCoefficient: 1, klUnbiased: true, klEstimator: 'k3' } as const;
    const part = policyLoss(
      { ...settings, ...penalty },
      still,
    )(inputsOf(rollouts.map(({ oldLogprobs }) => oldLogprobs)));
    expectGradients(
      part,
      rollouts.map(({ oldLogprobs, referenceLogprobs }) =>
        [...oldLogprobs].map((old, t) => (old - (referenceLogprobs[t] ?? 0)) / 13),
      ),
    );
  });

  it.each(kinds)('gives no gradient to a token that the sampler correction masks: %s', (kind) => {
    const rollouts = [
      {
        tokens: 3,
        oldLogprobs: new Float32Array([-1, -1, -1]),
        samplerLogprobs: new Float32Array([-1, -3, 0]),
        advantage: 1,
      },
    ];
    const samplerCorrection = { low: 0.5, high: 5 };
    const part = policyLoss(
      { ...settings, kind, samplerCorrection },
      rollouts,
    )(inputsOf([[-1.01, -1.02, -0.99]]));
    expect(part.gradients[0]?.[0]).toBeLessThan(0);
    expect([...(part.gradients[0] ?? [])].slice(1).map(Math.abs)).toEqual([0, 0]);
    expect(metricValues(part.metrics)['update/samplerCut']).toBeCloseTo(2 / 3, 12);
  });

  it.each([
    ['the mean of its ratios lies inside, though single ones do not', [-1, -3, 1], [1, 1, 1]],
    ['it lies outside', [-3, -3, 0], [0, 0, 0]],
  ])('drops or keeps a whole completion, where asked to: %s', (_, sampler, kept) => {
    const old = new Float32Array([-1, -1, -1]);
    const rollouts = [
      { tokens: 3, oldLogprobs: old, samplerLogprobs: new Float32Array(sampler), advantage: 1 },
    ];
    const samplerCorrection = { low: 0.5, high: 2, over: 'sequence' } as const;
    const part = policyLoss({ ...settings, samplerCorrection }, rollouts)(inputsOf([[...old]]));
    const weights = sampler.map((one, t) => kept[t]! * Math.exp(-1 - one));
    expectGradients(part, [weights.map((weight) => -weight / 3)]);
    expect(metricValues(part.metrics)['update/samplerCut']).toBe(kept[0] === 1 ? 0 : 1);
  });

  it.each([
    ['token', [4, 6, 3].map(() => 1 / 13)],
    ['sequence', [4, 6, 3].map((length) => 1 / (3 * length))],
    ['dr-grpo', [4, 6, 3].map(() => 1 / 30)],
  ] as const)('rewards entropy as it averages the loss: %s', (lossAverage, weights) => {
    const { rollouts, policy } = smoothBatch(0.5);
    const inputs = inputsOf(policy).map((input) => ({
      ...input,
      policyEntropies: input.policyLogprobs.map((logprob) => -logprob),
    }));
    const [without, withBonus] = [0, 0.1].map((entropyCoefficient) =>
      policyLoss({ ...settings, lossAverage, entropyCoefficient }, rollouts),
    );
    const [plain, part] = [without!(inputs), withBonus!(inputs)];
    const bonus = inputs.reduce(
      (total, { policyEntropies }, i) =>
        total + weights[i]! * policyEntropies.reduce((sum, entropy) => sum + entropy, 0),
      0,
    );
    expect(part.loss).toBeCloseTo(plain.loss - 0.1 * bonus, 6);
    expect(part.gradients).toEqual(plain.gradients);
    part.entropyGradients?.forEach((row, i) => {
      for (const value of row) expect(value).toBeCloseTo(-0.1 * weights[i]!, 6);
    });
    expect([without?.movesEntropies, withBonus?.movesEntropies]).toEqual([false, true]);
    expect(plain.entropyGradients).toBeUndefined();
    expect(metricValues(plain.metrics)['update/entropy']).toBeGreaterThan(0);
  });

  it('refuses an entropy bonus where the engine does not tell entropies', () => {
    const { rollouts, policy } = smoothBatch(0);
    const loss = policyLoss({ ...settings, entropyCoefficient: 0.1 }, rollouts);
    expect(() => loss(inputsOf(policy))).toThrow(/entropy of every token/);
  });

  it.each(kinds)('takes the advantages of tokens in place of the one: %s', (kind) => {
    const { rollouts } = smoothBatch(0);
    const inputs = inputsOf(rollouts.map(({ oldLogprobs }) => oldLogprobs));
    const alike = rollouts.map(({ advantage, ...rollout }) => ({
      ...rollout,
      advantage: 0,
      tokenAdvantages: new Float32Array(rollout.tokens).fill(advantage),
    }));
    const one = policyLoss({ ...settings, kind }, rollouts)(inputs);
    const each = policyLoss({ ...settings, kind }, alike)(inputs);
    expect(each.loss).toBeCloseTo(one.loss, 6);
    expectGradients(
      each,
      one.gradients.map((row) => [...row]),
    );
    const [first] = alike;
    first?.tokenAdvantages.fill(0);
    const other = policyLoss({ ...settings, kind }, alike)(inputs);
    expect([...(other.gradients[0] ?? [])].every((slope) => Math.abs(slope) === 0)).toBe(true);
    expect(lossTerms({ ...settings, kind }, alike)).toBeUndefined();
  });

  it('leaves an engine that knows the loss no part in a sampler correction, a KL penalty or an entropy bonus', () => {
    const { rollouts } = smoothBatch(0);
    expect(lossTerms(settings, rollouts)?.name).toBe('clip');
    const corrected = { ...settings, samplerCorrection: { low: 0.5, high: 5 } };
    expect(lossTerms(corrected, rollouts)).toBeUndefined();
    expect(lossTerms({ ...settings, klCoefficient: 0.1 }, rollouts)).toBeUndefined();
    expect(lossTerms({ ...settings, entropyCoefficient: 0.1 }, rollouts)).toBeUndefined();
  });
});

describe('a gradient that does not depend on the policy', () => {
  const rows = [
    [-1, -0.5, -3],
    [-2, -0.1],
  ];
  const fresh: readonly LossRollout[] = [
    { tokens: 3, advantage: 0.7 },
    { tokens: 2, advantage: -1.3 },
  ];
  const known = fresh.map((rollout, i) => ({
    ...rollout,
    oldLogprobs: Float32Array.from(rows[i] ?? []),
  }));

  it.each(kinds)('is told of %s in the first step, and is the one of the loss', (kind) => {
    const loss = policyLoss({ ...settings, kind }, fresh);
    const { gradients } = loss(inputsOf(rows));
    const told = fresh.map(({ tokens }, index) => loss.fixedGradient?.(index, tokens));
    expect(told).toEqual(gradients);
  });

  it('is told of reinforce in every step, and of no other kind', () => {
    const fixed = kinds.filter((kind) => policyLoss({ ...settings, kind }, known).fixedGradient);
    expect(fixed).toEqual(['reinforce']);
  });

  it.each<Partial<PolicyLossSettings>>([
    { klCoefficient: 0.1 },
    { samplerCorrection: { low: 0.5, high: 5 } },
    { entropyCoefficient: 0.01 },
  ])('is not told with %o, which looks at the policy', (more) => {
    expect(policyLoss({ ...settings, ...more }, fresh).fixedGradient).toBeUndefined();
  });
});

it('k3 is never negative and zero only where the models agree', () => {
  const logprob = fc.double({ min: -40, max: 0, noNaN: true });
  fc.assert(
    fc.property(logprob, logprob, (policy, reference) => {
      expect(klPenalties.k3(policy, reference).value).toBeGreaterThanOrEqual(0);
      expect(klPenalties.k3(policy, policy)).toMatchObject({ value: 0, gradient: 0 });
    }),
  );
});
