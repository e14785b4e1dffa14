/**
 * Whether an iteration of W costs as much more as it has more tokens: with more prompts, longer completions and
 * larger groups. Processor time of sampling and update, which other programs disturb less than elapsed time.
 */

import { algorithmSection } from '../src/config/algorithm-config.ts';
import type { Engine } from '../src/engine/engine.ts';
import { resolveAlgorithm } from '../src/train/algorithm.ts';
import { policyLoss } from '../src/update/policy-loss.ts';
import { never } from './timing.ts';
import { openW, shape as w } from './workload.ts';

type Shape = Readonly<Record<'prompts' | 'completions' | 'completionTokens', number>>;

const least: Shape = { prompts: 2, completions: 4, completionTokens: 64 };
const changes = {
  'prompts × 4': { ...least, prompts: 8 },
  'completion tokens × 8': { ...least, completionTokens: 512 },
  'group × 2': { ...least, completions: 8 },
} as const satisfies Readonly<Record<string, Shape>>;

/** The fastest of these counts. */
const runs = 2;

/**
 * Cost as a multiple of what is linear: of sampling in its new tokens, of the update in all of its tokens, both
 * as in the smallest iteration.
 */
export type Growth = Readonly<Record<keyof typeof changes, number>>;

type Cost = Readonly<Record<'sample' | 'update', number>>;

export async function benchGrowth(): Promise<Growth> {
  const workload = await openW();
  try {
    const costOf = async (shape: Shape): Promise<Cost> => {
      const costs: Cost[] = [];
      for (let run = 0; run < runs; run++) {
        costs.push(await iterate(workload.shared, workload.prompts, shape, run));
      }
      return {
        sample: Math.min(...costs.map(({ sample }) => sample)),
        update: Math.min(...costs.map(({ update }) => update)),
      };
    };
    await costOf(least);
    const base = await costOf(least);
    const growth: Partial<Record<keyof typeof changes, number>> = {};
    for (const [name, shape] of Object.entries(changes)) {
      const { sample, update } = await costOf(shape);
      const [fewer, more] = [tokensOf(least), tokensOf(shape)];
      const linear =
        (base.sample * more.sampled) / fewer.sampled + (base.update * more.all) / fewer.all;
      growth[name as keyof typeof changes] = (sample + update) / linear;
    }
    return growth as Growth;
  } finally {
    await workload.close();
  }
}

function tokensOf({ prompts, completions, completionTokens }: Shape) {
  const sampled = prompts * completions * completionTokens;
  return { sampled, all: prompts * w.promptTokens + sampled };
}

/** Processor seconds. */
async function iterate(
  engine: Engine,
  prompts: Awaited<ReturnType<typeof openW>>['prompts'],
  shape: Shape,
  run: number,
): Promise<Cost> {
  const begin = process.cpuUsage();
  const asked = prompts.slice(0, shape.prompts);
  const requests = asked.map((prompt, p) => ({
    prompt,
    keys: Array.from({ length: shape.completions }, (_, c) => `growth/${run}/${p}/${c}`),
    maxTokens: shape.completionTokens,
    temperature: 1,
    topP: 1,
    topK: 0,
  }));
  const sequences = [];
  for await (const { request, completions } of engine.sample(requests, never)) {
    for (const { tokens } of completions) {
      // A stop token may come early: every completion is as long as the shape says.
      const completion = Int32Array.from({ length: shape.completionTokens }, (_, t) => {
        return tokens[t % tokens.length]!;
      });
      sequences.push({ prompt: asked[request]!, completion });
    }
  }
  const sample = processorSeconds(begin);
  const between = process.cpuUsage();
  const { loss: settings } = resolveAlgorithm(algorithmSection.parse({}), shape.completionTokens);
  const loss = policyLoss(
    settings,
    sequences.map(({ completion }, i) => ({ tokens: completion.length, advantage: Math.sin(i) })),
  );
  await engine.forwardBackward(sequences, loss, never);
  const report = await engine.optimStep({
    learningRate: 0,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    maxGradNorm: 1,
  });
  if (report.kind !== 'applied') throw new Error(`the step was ${report.kind}`);
  return { sample, update: processorSeconds(between) };
}

function processorSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}
