/**
 * `npm run bench [-- --out FILE]`: what the local engine does with the arithmetic of this machine, and how
 * busy the reward keeps a judge. All figures come from one run; results are checked before anything is
 * printed.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { advantageEstimators } from '../src/advantage/estimators.ts';
import { algorithmSection } from '../src/config/algorithm-config.ts';
import { defined } from '../src/core/errors.ts';
import { phantomSample } from '../src/data/phantoms/study.ts';
import { openLocalEmbedder } from '../src/embed/local-embedder.ts';
import type { Engine, Sequence } from '../src/engine/engine.ts';
import { createReferenceMatchJudge } from '../src/judge/reference-match.ts';
import type { Prompt } from '../src/model/prompt.ts';
import { createReward, type RewardFunction } from '../src/reward/composite.ts';
import { openRewardProfile } from '../src/reward/profile.ts';
import * as ops from '../src/tensor/ops.ts';
import { Program } from '../src/tensor/program.ts';
import { resolveAlgorithm } from '../src/train/algorithm.ts';
import { policyLoss } from '../src/update/policy-loss.ts';
import { benchData } from './data.ts';
import { benchEvalJudging, benchEvalMany } from './eval.ts';
import { benchGrowth } from './growth.ts';
import { benchHost } from './host.ts';
import type { LoraFigures } from './lora.ts';
import { benchLosses } from './losses.ts';
import { benchQuickstart } from './quickstart.ts';
import { benchReward, benchScoreMemory } from './reward.ts';
import { benchRewardService } from './reward-service.ts';
import { never, seconds } from './timing.ts';
import { benchTrl } from './trl.ts';
import { openW, shape, updateFlops } from './workload.ts';

const { values: options } = parseArgs({
  options: { out: { type: 'string', default: 'bench/results/latest.json' } },
});
const { loss: dapo } = resolveAlgorithm(algorithmSection.parse({}), shape.completionTokens);
const adam = {
  learningRate: 1e-6,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};

/** Updates of W after a first one; the fastest counts. */
const timedUpdates = 3;

type RewardItem = Parameters<RewardFunction['score']>[0][number];
type Rollout = Sequence & { readonly oldLogprobs: Float32Array };

function packageVersion(name: string): string {
  const { version } = createRequire(import.meta.url)(`${name}/package.json`) as { version: string };
  return version;
}

/** GFLOP/s of the best square product of each size so far. */
type Peak = Record<number, number>;

/** Products before, between and after what they are compared with, so that all meet the same machine. */
async function raisePeak(peak: Peak): Promise<void> {
  const graph = ops.matmul(ops.input('a', ['N', 'N']), ops.input('b', ['N', 'N']));
  const program = await Program.compile({ c: graph });
  for (const size of [512, 1024, 2048]) {
    const a = new Float32Array(size * size).fill(0.5);
    const c = new Float32Array(size * size);
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 8; run++) {
      const [time] = await seconds(() => program.run({ a, b: a }, { c }, { N: size }));
      best = Math.min(best, time);
    }
    if (c[0] !== size / 4) throw new Error(`product of ${size}: ${c[0]} instead of ${size / 4}`);
    peak[size] = Math.max(peak[size] ?? 0, (2 * size ** 3) / best / 1e9);
  }
  await program.dispose();
}

async function sampleAll(
  engine: Engine,
  prompts: readonly Prompt[],
  completions: number,
  maxTokens: number,
  name: string,
): Promise<Rollout[][]> {
  const groups: Rollout[][] = [];
  const requests = prompts.map((prompt, p) => ({
    prompt,
    keys: Array.from({ length: completions }, (_, c) => `${name}/${p}/${c}`),
    maxTokens,
    temperature: 1,
    topP: 1,
    topK: 0,
  }));
  for await (const group of engine.sample(requests, never)) {
    groups[group.request] = group.completions.map(({ tokens, logprobs }) => ({
      prompt: prompts[group.request]!,
      completion: tokens,
      oldLogprobs: logprobs,
    }));
  }
  return groups;
}

/** One optimizer step on the rollouts; returns the gradient norm before clipping. */
async function update(engine: Engine, rollouts: readonly Rollout[], advantages: readonly number[]) {
  const loss = policyLoss(
    dapo,
    rollouts.map(({ oldLogprobs }, i) => {
      return { tokens: oldLogprobs.length, oldLogprobs, advantage: advantages[i]! };
    }),
  );
  const [passSeconds] = await seconds(() => engine.forwardBackward(rollouts, loss, never));
  const report = await engine.optimStep(adam);
  if (report.kind !== 'applied') throw new Error(`the step was ${report.kind}`);
  return { passSeconds, gradNorm: report.gradNorm };
}

const reward = createReward({
  profile: await openRewardProfile('medix-r1'),
  judge: createReferenceMatchJudge(),
  embedder: await openLocalEmbedder(),
});

/** Advantages of all rollouts; a group whose rewards do not differ gets zeros. */
async function scoreGroups(items: readonly (readonly RewardItem[])[]): Promise<number[]> {
  const outcomes = await reward.score(items.flat(), never);
  let next = 0;
  return items.flatMap((group) => {
    const rewards = group.map(() => {
      const outcome = outcomes[next++]!;
      if (outcome.kind !== 'scored') throw new Error(outcome.message);
      return { reward: outcome.reward, tokens: 1 };
    });
    return advantageEstimators.grpo.estimate([rewards]).flat();
  });
}

async function benchW(peak: Peak) {
  const w = await openW();
  const { shared, unshared, prompts, vocabulary } = w;
  const sample = (name: string) =>
    sampleAll(shared, prompts, shape.completions, shape.completionTokens, name);
  const sampleStudy = phantomSample({ seed: 0, split: 'train', index: 0 });
  await sample('warm-up');

  const [sampleSeconds, groups] = await seconds(() => sample('timed'));
  const rollouts = groups.flat();
  const tokens = rollouts.reduce((total, { completion }) => total + completion.length, 0);
  const [rewardSeconds] = await seconds(() =>
    scoreGroups(
      groups.map((group) =>
        group.map(({ completion }) => ({
          sample: sampleStudy,
          response: shared.model.processor.decode(completion),
        })),
      ),
    ),
  );
  // Random text earns no reward; uneven advantages stand in, so that the gradient is not zero.
  const advantages = rollouts.map((_, i) => Math.sin(i + 1));
  const [scoredShared, scoredUnshared] = [
    await shared.logprobs(rollouts, 'policy', never),
    await unshared.logprobs(rollouts, 'policy', never),
  ];
  const difference = Math.max(
    ...scoredShared.map((row, i) =>
      row.reduce((most, value, t) => Math.max(most, Math.abs(value - scoredUnshared[i]![t]!)), 0),
    ),
  );
  // The first update of either engine starts from the same weights.
  const without = await update(unshared, rollouts, advantages);
  const first = await update(shared, rollouts, advantages);
  const [norm, other] = [defined(first.gradNorm, 'norm'), defined(without.gradNorm, 'norm')];
  const normError = Math.abs(norm - other) / other;
  if (difference > 1e-5 || normError > 1e-5) {
    throw new Error(`shared and unshared differ: logprobs ${difference}, norm ${normError}`);
  }
  let [updateSeconds, passSeconds] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < timedUpdates; run++) {
    await raisePeak(peak);
    const [whole, report] = await seconds(() => update(shared, rollouts, advantages));
    updateSeconds = Math.min(updateSeconds, whole);
    passSeconds = Math.min(passSeconds, report.passSeconds);
  }
  await raisePeak(peak);
  await w.close();
  const flops = updateFlops(vocabulary);
  return {
    parameters: shared.model.parameters,
    logprobDifference: difference,
    gradNormRelativeDifference: normError,
    updatePassSeconds: passSeconds,
    updatePassSecondsUnshared: without.passSeconds,
    updateGflops: flops / passSeconds / 1e9,
    sampledTokensPerSecond: tokens / sampleSeconds,
    iterationSeconds: sampleSeconds + rewardSeconds + updateSeconds,
    sampleSeconds,
    rewardSeconds,
    updateSeconds,
  };
}

/** In a process of its own, whose peak of memory is that of training. */
async function runLora(): Promise<LoraFigures> {
  const { stdout } = await promisify(execFile)('npx', ['tsx', 'bench/lora.ts']);
  return JSON.parse(stdout) as LoraFigures;
}

const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  node: process.version,
  onnxruntime: packageVersion('onnxruntime-node'),
};
const peak: Peak = {};
const host = benchHost();
const losses = benchLosses();
let w = await benchW(peak);
const trl = await benchTrl(async () => {
  const again = await benchW(peak);
  if (again.iterationSeconds < w.iterationSeconds) w = again;
});
const growth = await benchGrowth();
const quickstart = await benchQuickstart(reward);
const judged = await benchReward();
const scoreFile = await benchScoreMemory();
const service = await benchRewardService();
const evalJudging = await benchEvalJudging();
const evalMany = await benchEvalMany();
const data = await benchData();
const lora2b = await runLora();
const best = Math.max(...Object.values(peak));
const result = {
  machine,
  matmulGflops: peak,
  host,
  w: { ...w, shareOfPeak: w.updateGflops / best, growth },
  trl: trl ?? null,
  losses,
  quickstart,
  reward: {
    ...judged,
    timesIdeal: judged.coldSeconds / judged.idealSeconds,
    timesFasterThanSequential: judged.sequentialSeconds / judged.coldSeconds,
    scoreFile,
    service,
  },
  eval: { judging: evalJudging ?? null, many: evalMany ?? null },
  data,
  lora2b,
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
};
await mkdir(dirname(options.out), { recursive: true });
await writeFile(options.out, `${JSON.stringify(result, null, 2)}\n`);

const s = (value: number) => `${value.toFixed(2)} s`;
const ms = (value: number) => `${(1000 * value).toFixed(1)} ms`;
const count = (value: number) => Math.round(value).toLocaleString('en');
const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
const rows: readonly (readonly [string, string])[] = [
  ['machine', `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`],
  ['MatMul 512 / 1024 / 2048', `${Object.values(peak).map(Math.round).join(' / ')} GFLOP/s`],
  [
    'picking 32 tokens of 151,936, at top-p 1 / 0.95',
    [host.pickSeconds, host.pickNucleusSeconds].map(ms).join(' / '),
  ],
  ['Adam: 1 million weights', ms(host.adamSecondsPerMillion)],
  [
    `losses of 1 million tokens: ${Object.keys(losses).join(' / ')}`,
    Object.values(losses).map(ms).join(' / '),
  ],
  [
    'W: update pass, prompts shared',
    `${s(w.updatePassSeconds)}, ${Math.round(w.updateGflops)} GFLOP/s`,
  ],
  ['W: share of the MatMul peak', `${(100 * result.w.shareOfPeak).toFixed(0)} %`],
  ['W: update pass, prompts repeated', s(w.updatePassSecondsUnshared)],
  ['W: sampling', `${Math.round(w.sampledTokensPerSecond)} new tokens/s`],
  ['W: one GRPO iteration', s(w.iterationSeconds)],
  ...trlRows(),
  [
    'W:   sample / reward (of decoded noise) / update',
    [w.sampleSeconds, w.rewardSeconds, w.updateSeconds].map(s).join(' / '),
  ],
  [
    `W: cost with ${Object.keys(growth).join(' / ')}, by linear growth`,
    Object.values(growth)
      .map((times) => `${times.toFixed(2)} ×`)
      .join(' / '),
  ],
  [
    'quickstart: one iteration, elapsed / of the processor',
    `${s(quickstart.iterationSeconds)} / ${s(quickstart.processorSeconds)}`,
  ],
  [
    `quickstart:   ${Object.keys(quickstart.split).join(' / ')}`,
    Object.values(quickstart.split).map(s).join(' / '),
  ],
  [
    'quickstart:   with a judge that takes 50 ms',
    `${s(quickstart.judgedSeconds)}, ${(quickstart.judgedSeconds / quickstart.iterationSeconds).toFixed(2)} ×`,
  ],
  [
    'shared = unshared',
    `logprobs to ${w.logprobDifference.toExponential(1)}, gradient norm to ${w.gradNormRelativeDifference.toExponential(1)}`,
  ],
  [
    `reward: ${judged.responses} responses, ${judged.distinct} questions of 50 ms, 64 at once`,
    `${s(judged.coldSeconds)}, ${result.reward.timesIdeal.toFixed(2)} × ideal`,
  ],
  [
    'reward:   one after the other, as the paper does',
    `${s(judged.sequentialSeconds)} (${judged.sequentialSample} measured), ${Math.round(result.reward.timesFasterThanSequential)} ×`,
  ],
  [
    'reward:   answers in memory / on disk',
    `${count(judged.warmPerSecond)} / ${count(judged.diskPerSecond)} responses/s`,
  ],
  [
    `reward score: ${scoreFile ? count(scoreFile.rows) : 'memory over many'} rows offline`,
    scoreFile
      ? `${s(scoreFile.seconds)}, ${mebibytes(scoreFile.rssAtTenth)} at 10 %, ${mebibytes(scoreFile.rssAtEnd)} at the end`
      : 'not measured: this system has no /proc',
  ],
  [
    `reward serve: ${service.trainers} trainers`,
    `${count(service.itemsPerSecond)} responses/s, p50 ${service.p50Ms.toFixed(0)} ms, p99 ${service.p99Ms.toFixed(0)} ms`,
  ],
  ...evalRows(),
  ...data.map(({ rows, rowsPerSecond, secondsPerDraw, peakBytes }): readonly [string, string] => [
    `data: ${count(rows)} rows of JSONL, opened for training`,
    `${count(rowsPerSecond)} rows/s, ${ms(secondsPerDraw)} a draw, peak ${mebibytes(peakBytes)}`,
  ]),
  [
    'LoRA of a 2B model, 8-bit base: one iteration, open, new tokens',
    `${s(lora2b.iterationSeconds)}, ${s(lora2b.openSeconds)}, ${lora2b.newTokensPerSecond.toFixed(0)}/s, ${lora2b.peakGiB.toFixed(1)} GiB`,
  ],
  ['peak memory', `${(result.peakRssBytes / 2 ** 30).toFixed(2)} GiB`],
];
function trlRows(): (readonly [string, string])[] {
  if (trl === undefined) {
    return [['W by TRL', 'not measured: MEDIX_TRL_PYTHON names no Python that has it']];
  }
  return Object.entries(trl).map(([mode, { seconds: taken, peakGiB }]) => [
    `W by TRL, ${mode}`,
    `${s(taken)}, ${(taken / w.iterationSeconds).toFixed(1)} ×; ${peakGiB.toFixed(1)} GiB`,
  ]);
}
function evalRows(): (readonly [string, string])[] {
  if (evalJudging === undefined || evalMany === undefined) {
    return [['eval', 'not measured: this system has no /proc']];
  }
  const { pool } = evalJudging;
  const { generate, judge } = evalMany;
  const growth = ({ rssAtTenth, rssAtEnd }: { rssAtTenth: number; rssAtEnd: number }) =>
    `${mebibytes(rssAtTenth)} at 10 %, ${mebibytes(rssAtEnd)} at the end`;
  return [
    [
      `eval judge: ${count(evalJudging.items)} answers × ${evalJudging.votes} votes of 50 ms, 64 at once`,
      `${s(evalJudging.seconds)}, ${(evalJudging.seconds / evalJudging.idealSeconds).toFixed(2)} × ideal; ${s(evalJudging.wallSeconds)} with its start, ${mebibytes(evalJudging.residentBytes)}`,
    ],
    [
      `eval:   ${pool.workers} blocking processes, as the paper does`,
      `${s(pool.judgeSeconds)} + ${s(pool.startSeconds)} to start, ${mebibytes(pool.memory.resident)} resident (${mebibytes(pool.memory.proportional)} proportional)`,
    ],
    [
      `eval: ${count(evalMany.samples)} samples, generate`,
      `${s(generate.seconds)}, ${growth(generate)}`,
    ],
    ['eval:   judge', `${s(judge.seconds)}, ${growth(judge)}`],
    [
      'eval:   score, 1,000 draws',
      `${s(evalMany.scoreSeconds)}, ${mebibytes(evalMany.scoreBytes)}`,
    ],
  ];
}

for (const [name, value] of rows) console.log(`${name.padEnd(66)}${value}`);
console.log(`written to ${options.out}`);
