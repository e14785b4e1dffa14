/** Losses that a server computes by itself: the policy must come to where the engine of this process brings it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { defined } from '../../src/core/errors.ts';
import type { Engine, Sequence } from '../../src/engine/engine.ts';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import type { NormalisationName } from '../../src/engine/tinker/normalisation.ts';
import type { OwnLossName } from '../../src/engine/tinker/own-losses.ts';
import { createTinkerEngine } from '../../src/engine/tinker/tinker-engine.ts';
import {
  type ServerScript,
  startTinkerServer,
  type TinkerServer,
} from '../../src/engine/tinker/tinker-server.fixture.ts';
import { tinyCases, tinyModelDirectory, tinyPrompt } from '../../src/model/tiny-model.fixture.ts';
import { startTinyService, tinyFiles } from '../../src/server/engine/served-engine.fixture.ts';
import { connectTinker } from '../../src/tinker/client.ts';
import { crossEntropyLoss } from '../../src/update/cross-entropy.ts';
import {
  type LossRollout,
  lossTerms,
  type PolicyLossSettings,
  policyLoss,
} from '../../src/update/policy-loss.ts';

const never = new AbortController().signal;
const folder = await mkdtemp(join(tmpdir(), 'medix-losses-'));
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => rm(folder, { recursive: true }));

const prompts = await Promise.all(
  tinyCases.filter(({ name }) => ['text-only', 'enlarged'].includes(name)).map(tinyPrompt),
);
const sequences: readonly Sequence[] = prompts.flatMap((prompt, i) =>
  [
    [20, 21, 22],
    [23, 24 + i],
  ].map((completion) => ({ prompt, completion: Int32Array.from(completion) })),
);
/** The second one moves nothing. */
const advantages = [0.7, 0, -1.3, 0.4];

const settings: PolicyLossSettings = {
  kind: 'clip',
  clipLow: 0.2,
  clipHigh: 0.3,
  clipDual: 1e9,
  lossAverage: 'token',
  klCoefficient: 0,
  klEstimator: 'k3',
  temperaturePositive: 1,
  temperatureNegative: 1,
  maxCompletionTokens: 10,
  klUnbiased: false,
  samplerCorrection: 'none',
  entropyCoefficient: 0,
};

/** Two steps on the same rollouts, as of two epochs: in the second one ratios have moved. */
async function twoSteps(engine: Engine, kind: PolicyLossSettings['kind']) {
  const rollouts: readonly LossRollout[] = sequences.map(({ completion }, i) => ({
    tokens: completion.length,
    advantage: advantages[i] ?? 0,
  }));
  const own = { ...settings, kind };
  const old = await engine.logprobs(sequences, 'policy', never);
  const known = rollouts.map((rollout, i) => ({ ...rollout, oldLogprobs: old[i]! }));
  const terms = lossTerms(own, known);
  const later = policyLoss(own, known);
  const reports: unknown[] = [];
  for (const loss of [
    policyLoss(own, rollouts),
    engine.guarantees.losses.includes(kind) && terms ? Object.assign(later, { terms }) : later,
  ]) {
    reports.push((await engine.forwardBackward(sequences, loss, never)).loss);
    reports.push(normOf(await engine.optimStep(adam)));
  }
  return { reports, logprobs: await engine.logprobs(sequences, 'policy', never) };
}

const adam = {
  learningRate: 1e-2,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-5,
  weightDecay: 0,
  maxGradNorm: 1,
};

function normOf(report: Awaited<ReturnType<Engine['optimStep']>>) {
  return report.kind === 'applied' ? report.gradNorm : report.kind;
}

async function here<T>(use: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await openLocalEngine(tinyModelDirectory);
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

const normalisations = {
  sum: 'sum over tokens',
  mean: 'mean over the tokens of a sequence, mean over the sequences of a step',
} as const satisfies Record<string, NormalisationName>;

async function engineAt(
  url: string,
  average: keyof typeof normalisations,
  losses: readonly OwnLossName[] = ['ppo', 'cispo'],
): Promise<Engine> {
  const engine = createTinkerEngine({
    ...tinyFiles,
    client: await connectTinker({ url }),
    baseModel: 'tiny',
    rank: 0,
    findings: { normalisation: normalisations[average], losses },
  });
  closing.push(engine.close);
  return engine;
}

async function scripted(script: ServerScript): Promise<TinkerServer> {
  const open = () => openLocalEngine(tinyModelDirectory);
  const server = await startTinkerServer(open, tinyFiles.images, script);
  closing.push(server.close);
  return server;
}

function expectSame(
  actual: { readonly reports: readonly unknown[]; readonly logprobs: readonly Float32Array[] },
  wanted: typeof actual,
) {
  wanted.reports.forEach((value, i) => {
    expect(actual.reports[i]).toBeCloseTo(Number(value), 4);
  });
  wanted.logprobs.forEach((row, i) => {
    row.forEach((value, t) => {
      expect(actual.logprobs[i]![t]!).toBeCloseTo(value, 4);
    });
  });
}

it.each(['clip', 'cispo'] as const)(
  'the engine service computes two steps of %s, images among them, as the engine in this process does',
  async (kind) => {
    const service = await startTinyService(join(folder, kind));
    closing.push(service.close);
    const there = await twoSteps(await engineAt(service.url, 'sum'), kind);
    expectSame(there, await here((engine) => twoSteps(engine, kind)));
  },
);

it.each(['clip', 'cispo'] as const)(
  'a server that averages computes two steps of %s likewise, without a forward pass for either',
  async (kind) => {
    const server = await scripted({ averages: true });
    const engine = await engineAt(server.url, 'mean');
    const there = await twoSteps(engine, kind);
    expectSame(there, await here((engine) => twoSteps(engine, kind)));
    // Before the first step, and after the last.
    expect(server.forwards).toBe(2);
  },
);

it('a bound for negative advantages, which the protocol does not know, is computed here', async () => {
  const server = await scripted({});
  const engine = await engineAt(server.url, 'sum');
  const [old] = await Promise.all([engine.logprobs(sequences, 'policy', never)]);
  const known = sequences.map(({ completion }, i) => ({
    ...{ tokens: completion.length, advantage: advantages[i] ?? 0, oldLogprobs: old[i]! },
  }));
  const dual = { ...settings, clipDual: 3 };
  const loss = Object.assign(policyLoss(dual, known), {
    terms: defined(lossTerms(dual, known), 'terms'),
  });
  await engine.forwardBackward(sequences, loss, never);
  expect(server.forwards).toBe(2);
  expect(server.applied).toEqual([]);
});

/** Two calls before one step, the second of which changes what the first is divided by. */
async function addedUp(engine: Engine) {
  const half = sequences.slice(0, 2);
  const rest = sequences.slice(2);
  for (const part of [half, rest]) {
    const loss = crossEntropyLoss(part.map(({ completion }) => completion.length));
    await engine.forwardBackward(part, loss, never);
  }
  const reports = [normOf(await engine.optimStep(adam))];
  return { reports, logprobs: await engine.logprobs(sequences, 'policy', never) };
}

it.each(['sum', 'mean'] as const)(
  'gradients of two calls add up where a server takes the %s',
  async (average) => {
    const server = await scripted({ averages: average === 'mean' });
    const there = await addedUp(await engineAt(server.url, average));
    expectSame(there, await here(addedUp));
  },
);

it('what a server may have taken of a loss that it then refused is not in the next step', async () => {
  const server = await scripted({ refuses: { after: 1 } });
  const refused = await engineAt(server.url, 'sum');
  let isFirst = true;
  const there = await addedUp({
    ...refused,
    forwardBackward: async (part, loss, signal) => {
      if (!isFirst)
        await expect(refused.forwardBackward(part, loss, signal)).rejects.toThrow(/out of memory/);
      isFirst = false;
      return refused.forwardBackward(part, loss, signal);
    },
  });
  expectSame(there, await here(addedUp));
});
