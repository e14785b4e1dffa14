import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defined } from '../core/errors.ts';
import { metricValues } from '../core/metrics.ts';
import type { Engine, Sequence } from '../engine/engine.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { readMetrics, readRollouts } from '../run/run-reader.ts';
import { RunWriter } from '../run/run-writer.ts';
import { crossEntropyLoss } from '../update/cross-entropy.ts';
import { policyLoss } from '../update/policy-loss.ts';
import type { CollectedGroup } from './collect-groups.ts';
import {
  toyAlgorithm,
  toyConfig,
  toyEngine,
  toyPreparation,
  toyReward,
  toySamples,
  toyTeacher,
  toyTraining,
  withoutJudge,
} from './loop.fixture.ts';
import { train } from './loop.ts';
import { distillZeroGroups, withReference } from './self-distillation.ts';

const { signal } = new AbortController();
const adam = { ...toyConfig.optimizer, learningRate: 0.3 };
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-distil-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The right completion of each sample, asked with or without its reference answer. */
async function rightSequences(engine: Engine, isTaught: boolean): Promise<Sequence[]> {
  const prepare = isTaught ? toyTeacher(engine) : toyPreparation(engine, 3);
  return Promise.all(
    toySamples.map(async (sample) => {
      const prepared = await prepare(sample);
      if (prepared.kind === 'rejected') throw new Error(prepared.problem.got);
      const demonstration = defined(sample.demonstration, 'demonstration');
      const completion = engine.model.processor.encodeCompletion(demonstration, true);
      return { prompt: prepared.prompt, completion };
    }),
  );
}

/** An engine that has learned to say the reference answer where its prompt holds it, and nothing else. */
async function readingEngine(): Promise<Engine> {
  const engine = toyEngine();
  const sequences = await rightSequences(engine, true);
  for (let step = 0; step < 30; step++) {
    const loss = crossEntropyLoss(sequences.map(({ completion }) => completion.length));
    await engine.forwardBackward(sequences, loss, signal);
    await engine.optimStep(adam);
  }
  return engine;
}

async function meanRight(engine: Engine): Promise<number> {
  const logprobs = await engine.logprobs(await rightSequences(engine, false), 'policy', signal);
  const right = logprobs.map((row) => Math.exp(row.reduce((a, b) => a + b, 0)));
  return right.reduce((a, b) => a + b, 0) / right.length;
}

async function groupOf(
  engine: Engine,
  index: number,
  rewards: readonly (number | null)[],
  use: CollectedGroup['use'] = 'filtered',
): Promise<CollectedGroup> {
  const sample = defined(toySamples[index], 'sample');
  const prepared = await toyPreparation(engine, 3)(sample);
  if (prepared.kind === 'rejected') throw new Error('rejected');
  const completion = engine.model.processor.encodeCompletion('<X_RAY>left', true);
  const { prompt } = prepared;
  const [logprobs] = await engine.logprobs([{ prompt, completion }], 'policy', signal);
  const score = { kind: 'scored', value: 0 } as const;
  return {
    use,
    rollouts: rewards.map((reward, i) => {
      const rollout: Rollout = {
        key: `${index}/${i}`,
        sample,
        prompt,
        completion,
        text: '<X_RAY>left',
        samplerLogprobs: defined(logprobs, 'logprobs'),
        stopReason: 'stop',
      };
      const outcome = {
        kind: 'scored',
        reward: reward ?? 0,
        components: { format: score },
      } as const;
      return { rollout, outcome: reward === null ? withoutJudge(outcome) : outcome };
    }),
  };
}

describe('self-distillation', () => {
  it('shows the reference answer to the teacher alone', async () => {
    const engine = toyEngine();
    const sample = defined(toySamples[0], 'sample');
    const messages = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Q' }] }];
    expect(JSON.stringify(withReference(messages, sample))).toContain(sample.referenceAnswer);
    expect(JSON.stringify(messages)).not.toContain(sample.referenceAnswer);
    const [taught, plain] = [
      await rightSequences(engine, true),
      await rightSequences(engine, false),
    ];
    expect(taught[0]?.prompt.tokens.length).toBeGreaterThan(plain[0]?.prompt.tokens.length ?? 0);
  });

  it('teaches groups without any reward, by each token, and adds to what rewards teach', async () => {
    const engine = await readingEngine();
    const groups = [
      await groupOf(engine, 0, [0, 0]),
      await groupOf(engine, 1, [0, 1], 'trained'),
      await groupOf(engine, 2, [0, null, -0.2], 'trained'),
      await groupOf(engine, 3, [null, null], 'unscored'),
      await groupOf(engine, 4, [0.1, 0.1]),
    ];
    const rollout = (g: number, i: number) => defined(groups[g]?.rollouts[i], 'rollout').rollout;
    const trained = [
      [0, 1].map((i) => ({ ...rollout(1, i), advantage: i - 0.5 })),
      [0, 2].map((i) => ({ ...rollout(2, i), advantage: 0.25 })),
    ];
    const distilled = await distillZeroGroups(
      engine,
      groups,
      trained,
      { weight: 0.5, mostGroups: 9 },
      toyTeacher(engine),
      signal,
    );
    expect(distilled.groups.map((group) => group.map(({ key }) => key))).toEqual([
      ['0/0', '0/1'],
      ['1/0', '1/1'],
      ['2/0', '2/2'],
    ]);
    expect(distilled.groups[1]).toEqual(trained[0]);
    const prepared = await toyTeacher(engine)(defined(toySamples[2], 'sample'));
    const { prompt } = prepared.kind === 'prepared' ? prepared : { prompt: undefined };
    const one = defined(distilled.groups[2]?.[0], 'distilled rollout');
    const sequence = { prompt: defined(prompt, 'prompt'), completion: one.completion };
    const [teacher] = await engine.logprobs([sequence], 'policy', signal);
    expect([...(one.tokenAdvantages ?? [])]).toEqual(
      [...one.samplerLogprobs].map((student, t) => {
        const difference = (teacher?.[t] ?? 0) - student;
        return expect.closeTo(0.25 + 0.5 * Math.min(5, Math.max(-5, difference)), 5);
      }),
    );
    expect(metricValues(distilled.metrics)).toMatchObject({
      'rollout/groupsDistilled': 0.4,
      'rollout/teacherGap': expect.any(Number),
    });
  });

  it('leaves out a group whose teacher cannot be asked', async () => {
    const engine = toyEngine();
    const groups = [await groupOf(engine, 0, [0, 0])];
    const reject = async (sample: Rollout['sample']) => ({
      kind: 'rejected' as const,
      sample,
      problem: { where: 'sample', expected: 'room', got: 'none', next: 'less' },
    });
    const { groups: none } = await distillZeroGroups(
      engine,
      groups,
      [],
      { weight: 1, mostGroups: 9 },
      reject,
      signal,
    );
    expect(none).toEqual([]);
  });

  it('takes no more groups than it may, the first ones', async () => {
    const engine = toyEngine();
    const groups = await Promise.all([0, 1, 2].map((g) => groupOf(engine, g, [g === 0 ? 1 : 0])));
    const { groups: distilled } = await distillZeroGroups(
      engine,
      groups,
      [],
      { weight: 1, mostGroups: 1 },
      toyTeacher(engine),
      signal,
    );
    expect(distilled.map((group) => group.map(({ key }) => key))).toEqual([['1/0']]);
  });

  it('has in expectation the gradient of the reverse KL, by finite differences', () => {
    const student = [0.3, -1.1, 0.8, 0];
    const teacher = [1.2, 0.1, -0.4, -0.9];
    const logSoftmax = (logits: readonly number[]) => {
      const sum = Math.log(logits.reduce((total, one) => total + Math.exp(one), 0));
      return logits.map((one) => one - sum);
    };
    const taught = logSoftmax(teacher);
    const kl = (logits: readonly number[]) =>
      logSoftmax(logits).reduce((total, one, v) => total + Math.exp(one) * (one - taught[v]!), 0);
    const old = logSoftmax(student);
    const { loss } = toyAlgorithm({ preset: 'dapo' });
    const rollouts = old.map((logprob, v) => ({
      tokens: 1,
      oldLogprobs: Float32Array.of(logprob),
      advantage: 0,
      tokenAdvantages: Float32Array.of(taught[v]! - logprob),
    }));
    const inputs = old.map((logprob, index) => ({
      index,
      policyLogprobs: Float32Array.of(logprob),
    }));
    const { gradients } = policyLoss({ ...loss, klCoefficient: 0 }, rollouts)(inputs);
    for (const k of student.keys()) {
      const expected = old.reduce((sum, logprob, v) => {
        const slope = student.length * (gradients[v]?.[0] ?? 0);
        return sum + Math.exp(logprob) * slope * ((v === k ? 1 : 0) - Math.exp(old[k]!));
      }, 0);
      const moved = (by: number) => student.map((logit, i) => (i === k ? logit + by : logit));
      expect(expected).toBeCloseTo((kl(moved(1e-5)) - kl(moved(-1e-5))) / 2e-5, 5);
    }
  });

  it('brings the policy towards answers that were never rewarded, and says which rollouts did', async () => {
    const nothing = toyReward((outcome) =>
      outcome.kind === 'scored' ? { ...outcome, reward: 0 } : outcome,
    );
    const run = async (name: string, changes: Parameters<typeof toyAlgorithm>[0]) => {
      const directory = join(folder, name);
      const facts = { kind: 'train', config: {}, facts: {} } as const;
      const writer = await RunWriter.create(directory, facts, [], () => 0);
      const engine = await readingEngine();
      const before = await meanRight(engine);
      const algorithm = toyAlgorithm({ maxSampleRounds: 1, ...changes });
      const config = { ...toyConfig, iterations: 60 };
      await train(toyTraining(writer, { config, algorithm, reward: nothing }, engine), signal);
      await writer.close('finished');
      const lines = await readRollouts(directory, 1, 'training');
      const metrics = await readMetrics(directory);
      return { before, after: await meanRight(engine), lines, metrics };
    };
    const off = await run('off', {});
    expect(off.after).toBe(off.before);
    expect(new Set(off.lines.map(({ use }) => use))).toEqual(new Set(['filtered']));
    const on = await run('on', { selfDistillation: { weight: 1 } });
    expect(on.before).toBeLessThan(0.05);
    expect(on.after).toBeGreaterThan(0.5);
    expect(new Set(on.lines.map(({ use }) => use))).toEqual(new Set(['distilled']));
    expect(on.metrics[1]?.values).toMatchObject({ 'rollout/groupsDistilled': 1 });
  });
});
