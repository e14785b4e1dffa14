/**
 * `npm run bench [-- --out FILE] [--only w]`: what the local engine does with the arithmetic of this machine, and how
 * busy the reward keeps a judge; with `--only w` nothing but the workload W, here and by TRL. All figures come from one
 * run; results are checked before anything is printed.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openLocalEmbedder } from '../src/embed/local-embedder.ts';
import { createReferenceMatchJudge } from '../src/judge/reference-match.ts';
import { createReward } from '../src/reward/composite.ts';
import { openRewardProfile } from '../src/reward/profile.ts';
import { benchData } from './data.ts';
import { benchEvalJudging, benchEvalMany } from './eval.ts';
import { benchGrowth } from './growth.ts';
import { benchHost } from './host.ts';
import type { LoraFigures } from './lora.ts';
import { benchLosses } from './losses.ts';
import { benchQuickstart } from './quickstart.ts';
import { benchReward, benchScoreMemory } from './reward.ts';
import { benchRewardService } from './reward-service.ts';
import { benchTrl } from './trl.ts';
import { benchW, type Peak } from './w.ts';

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: 'bench/results/latest.json' },
    only: { type: 'string' },
  },
});
if (options.only !== undefined && options.only !== 'w') {
  throw new Error(`--only: expected w, got ${options.only}`);
}

const reward = createReward({
  profile: await openRewardProfile('medix-r1'),
  judge: createReferenceMatchJudge(),
  embedder: await openLocalEmbedder(),
});

function packageVersion(name: string): string {
  const { version } = createRequire(import.meta.url)(`${name}/package.json`) as { version: string };
  return version;
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

type Rows = readonly (readonly [string, string])[];

async function measureW() {
  const peak: Peak = {};
  let w = await benchW(peak, reward);
  const trl = await benchTrl(async () => {
    const again = await benchW(peak, reward);
    if (again.iterationSeconds < w.iterationSeconds) w = again;
  });
  const shareOfPeak = w.updateGflops / Math.max(...Object.values(peak));
  return { matmulGflops: peak, w: { ...w, shareOfPeak }, trl: trl ?? null };
}

async function measureOthers() {
  const host = benchHost();
  const losses = benchLosses();
  const growth = await benchGrowth();
  const quickstart = await benchQuickstart(reward);
  const judged = await benchReward();
  const scoreFile = await benchScoreMemory();
  const service = await benchRewardService();
  const judging = (await benchEvalJudging()) ?? null;
  const many = (await benchEvalMany()) ?? null;
  const data = await benchData();
  const lora2b = await runLora();
  return {
    host,
    losses,
    growth,
    quickstart,
    reward: {
      ...judged,
      timesIdeal: judged.coldSeconds / judged.idealSeconds,
      timesFasterThanSequential: judged.sequentialSeconds / judged.coldSeconds,
      scoreFile,
      service,
    },
    eval: { judging, many },
    data,
    lora2b,
  };
}

const s = (value: number) => `${value.toFixed(2)} s`;
const ms = (value: number) => `${(1000 * value).toFixed(1)} ms`;
const count = (value: number) => Math.round(value).toLocaleString('en');
const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

function rowsOfW({ matmulGflops, w, trl }: Awaited<ReturnType<typeof measureW>>): Rows {
  const byTrl: Rows =
    trl === null
      ? [['W by TRL', 'not measured: MEDIX_TRL_PYTHON names no Python that has it']]
      : Object.entries(trl).map(([mode, { seconds: taken, peakGiB }]) => [
          `W by TRL, ${mode}`,
          `${s(taken)}, ${(taken / w.iterationSeconds).toFixed(1)} ×; ${peakGiB.toFixed(1)} GiB`,
        ]);
  return [
    [
      'MatMul 512 / 1024 / 2048',
      `${Object.values(matmulGflops).map(Math.round).join(' / ')} GFLOP/s`,
    ],
    [
      'W: update pass, prompts shared',
      `${s(w.updatePassSeconds)}, ${Math.round(w.updateGflops)} GFLOP/s`,
    ],
    ['W: share of the MatMul peak', `${(100 * w.shareOfPeak).toFixed(0)} %`],
    ['W: update pass, prompts repeated', s(w.updatePassSecondsUnshared)],
    ['W: sampling', `${Math.round(w.sampledTokensPerSecond)} new tokens/s`],
    ['W: one GRPO iteration', s(w.iterationSeconds)],
    ...byTrl,
    [
      'W:   sample / reward (of decoded noise) / update',
      [w.sampleSeconds, w.rewardSeconds, w.updateSeconds].map(s).join(' / '),
    ],
    [
      'shared = unshared',
      `logprobs to ${w.logprobDifference.toExponential(1)}, gradient norm to ${w.gradNormRelativeDifference.toExponential(1)}`,
    ],
  ];
}

function rowsOfOthers(others: Awaited<ReturnType<typeof measureOthers>>): Rows {
  const { host, losses, growth, quickstart, reward: judged, data, lora2b } = others;
  const { scoreFile, service } = judged;
  return [
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
      `reward: ${judged.responses} responses, ${judged.distinct} questions of 50 ms, 64 at once`,
      `${s(judged.coldSeconds)}, ${judged.timesIdeal.toFixed(2)} × ideal`,
    ],
    [
      'reward:   one after the other, as the paper does',
      `${s(judged.sequentialSeconds)} (${judged.sequentialSample} measured), ${Math.round(judged.timesFasterThanSequential)} ×`,
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
    ...evalRows(others.eval),
    ...data.map(({ rows, rowsPerSecond, secondsPerDraw, peakBytes }): readonly [string, string] => [
      `data: ${count(rows)} rows of JSONL, opened for training`,
      `${count(rowsPerSecond)} rows/s, ${ms(secondsPerDraw)} a draw, peak ${mebibytes(peakBytes)}`,
    ]),
    [
      'LoRA of a 2B model, 8-bit base: one iteration, open, new tokens',
      `${s(lora2b.iterationSeconds)}, ${s(lora2b.openSeconds)}, ${lora2b.newTokensPerSecond.toFixed(0)}/s, ${lora2b.peakGiB.toFixed(1)} GiB`,
    ],
  ];
}

function evalRows({ judging, many }: Awaited<ReturnType<typeof measureOthers>>['eval']): Rows {
  if (judging === null || many === null) {
    return [['eval', 'not measured: this system has no /proc']];
  }
  const { pool } = judging;
  const { generate, judge } = many;
  const growth = ({ rssAtTenth, rssAtEnd }: { rssAtTenth: number; rssAtEnd: number }) =>
    `${mebibytes(rssAtTenth)} at 10 %, ${mebibytes(rssAtEnd)} at the end`;
  return [
    [
      `eval judge: ${count(judging.items)} answers × ${judging.votes} votes of 50 ms, 64 at once`,
      `${s(judging.seconds)}, ${(judging.seconds / judging.idealSeconds).toFixed(2)} × ideal; ${s(judging.wallSeconds)} with its start, ${mebibytes(judging.residentBytes)}`,
    ],
    [
      `eval:   ${pool.workers} blocking processes, as the paper does`,
      `${s(pool.judgeSeconds)} + ${s(pool.startSeconds)} to start, ${mebibytes(pool.memory.resident)} resident (${mebibytes(pool.memory.proportional)} proportional)`,
    ],
    [
      `eval: ${count(many.samples)} samples, generate`,
      `${s(generate.seconds)}, ${growth(generate)}`,
    ],
    ['eval:   judge', `${s(judge.seconds)}, ${growth(judge)}`],
    ['eval:   score, 1,000 draws', `${s(many.scoreSeconds)}, ${mebibytes(many.scoreBytes)}`],
  ];
}

const ofW = await measureW();
const others = options.only === 'w' ? undefined : await measureOthers();
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
await mkdir(dirname(options.out), { recursive: true });
await writeFile(
  options.out,
  `${JSON.stringify({ machine, ...ofW, ...others, peakRssBytes }, null, 2)}\n`,
);
const rows: Rows = [
  ['machine', `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`],
  ...rowsOfW(ofW),
  ...(others === undefined ? [] : rowsOfOthers(others)),
  ['peak memory', `${(peakRssBytes / 2 ** 30).toFixed(2)} GiB`],
];
for (const [name, value] of rows) console.log(`${name.padEnd(66)}${value}`);
console.log(`written to ${options.out}`);
