/**
 * The reward against a judge in a process of its own that takes 50 ms and refuses more than 64 questions at
 * once; a warm cache; and the memory of `medix reward score` over a million rows.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type RewardConfig, rewardFields } from '../src/config/judge-config.ts';
import { systemClock } from '../src/core/async/clock.ts';
import { type OpenedReward, openReward } from '../src/reward/open-reward.ts';
import {
  distinct,
  type ExpectedItem,
  judgeLatencyMs,
  judgeSlots,
  responses,
  rewardWorkload,
} from './judge-workload.ts';
import { never, seconds } from './timing.ts';

const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const judgeServer = fileURLToPath(new URL('./judge-server.ts', import.meta.url));
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

/** Responses that the sequential client is timed on; its time for all is their multiple. */
const sequentialSample = 200;
/** Cold caches each; the fastest counts, since the first one compiles the code. */
const coldRuns = 3;
const warmRuns = 20;

export type RewardFigures = {
  readonly responses: number;
  readonly distinct: number;
  /** Distinct questions in full waves of the judge's slots, in seconds. */
  readonly idealSeconds: number;
  readonly coldSeconds: number;
  /** Of one question after the other, every response asked for, as the paper's code does; scaled up. */
  readonly sequentialSeconds: number;
  /** Responses that the sequential client was timed on. */
  readonly sequentialSample: number;
  /** Responses a second whose answers are in memory, and those on disk that nothing has read yet. */
  readonly warmPerSecond: number;
  readonly diskPerSecond: number;
};

export async function benchReward(): Promise<RewardFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'medix-bench-'));
  const server = spawn(process.execPath, ['--import', loader, judgeServer], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
    const url = `http://127.0.0.1:${port}`;
    const items = rewardWorkload();
    const sequentialSeconds = await timeSequential(url, items);

    let coldSeconds = Number.POSITIVE_INFINITY;
    for (let run = 0; run < coldRuns; run++) {
      const opened = await openAt(url, join(folder, `${run}`));
      const before = await figuresOf(url);
      const [time] = await seconds(() => scoreAndCheck(opened, items));
      requireFigures(before, await figuresOf(url), distinct);
      coldSeconds = Math.min(coldSeconds, time);
      await opened.close();
    }
    const before = await figuresOf(url);
    const opened = await openAt(url, join(folder, '0'));
    const [diskSeconds] = await seconds(() => scoreAndCheck(opened, items));
    const [warmSeconds] = await seconds(async () => {
      for (let run = 0; run < warmRuns; run++) await scoreAndCheck(opened, items);
    });
    await opened.close();
    requireFigures(before, await figuresOf(url), 0);
    return {
      responses,
      distinct,
      idealSeconds: (Math.ceil(distinct / judgeSlots) * judgeLatencyMs) / 1000,
      coldSeconds,
      sequentialSeconds,
      sequentialSample,
      warmPerSecond: (warmRuns * responses) / warmSeconds,
      diskPerSecond: responses / diskSeconds,
    };
  } finally {
    await end(server);
    await rm(folder, { recursive: true, force: true });
  }
}

async function openAt(url: string, cache: string): Promise<OpenedReward> {
  const config: RewardConfig = {
    profile: rewardFields.profile.parse(undefined),
    judge: rewardFields.judge.parse({
      ...{ kind: 'openai', url: `${url}/v1`, model: 'judge' },
      ...{ concurrency: judgeSlots, cache },
    }),
    embedder: rewardFields.embedder.parse({
      ...{ kind: 'openai', url: `${url}/v1`, model: 'encoder' },
      cache,
    }),
    components: {},
  };
  return openReward(config, { secrets: {}, seed: 1, clock: systemClock });
}

async function scoreAndCheck(opened: OpenedReward, items: readonly ExpectedItem[]): Promise<void> {
  const outcomes = await opened.reward.score(items, never);
  for (const [i, outcome] of outcomes.entries()) {
    const { expected } = items[i]!;
    if (outcome.kind === 'scored' && Math.abs(outcome.reward - expected) < 1e-9) continue;
    throw new Error(`response ${i}: ${JSON.stringify(outcome)} instead of ${expected}`);
  }
}

/** One request at a time over one connection, by nothing but `fetch`. */
async function timeSequential(url: string, items: readonly ExpectedItem[]): Promise<number> {
  const sample = items.slice(0, sequentialSample);
  const [time] = await seconds(async () => {
    for (const { response } of sample) {
      const body = JSON.stringify({ messages: [{ role: 'user', content: response }] });
      const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
      await answer.json();
    }
  });
  return (time * items.length) / sample.length;
}

type ServerFigures = Readonly<Record<'asked' | 'refused' | 'atOnce' | 'texts', number>>;

async function figuresOf(url: string): Promise<ServerFigures> {
  return (await (await fetch(`${url}/figures`)).json()) as ServerFigures;
}

/** Every distinct question that was unknown was asked once, and none was refused. */
function requireFigures(before: ServerFigures, after: ServerFigures, asked: number): void {
  if (after.asked - before.asked === asked && after.refused === 0) return;
  throw new Error(`the judge was asked ${JSON.stringify(after)}, before ${JSON.stringify(before)}`);
}

export type ScoreMemory = {
  readonly rows: number;
  readonly seconds: number;
  /** Resident bytes of the process when a tenth, and when nearly all of the rows were written. */
  readonly rssAtTenth: number;
  readonly rssAtEnd: number;
};

/** Bytes of an input row's share of the output do not vary much, so its size tells how far it is. */
export async function benchScoreMemory(rows = 1_000_000): Promise<ScoreMemory | undefined> {
  if (process.platform !== 'linux') return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'medix-bench-'));
  const out = join(folder, 'out.jsonl');
  try {
    await writeRows(join(folder, 'in.jsonl'), rows);
    const args = ['reward', 'score', join(folder, 'in.jsonl'), '--out', out];
    const child = spawn(process.execPath, ['--import', loader, main, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const samples: { readonly bytes: number; readonly rss: number }[] = [];
    const ended = once(child, 'exit');
    const watching = watch(child, `${out}.part`, samples);
    const [time, [code]] = await seconds(() => ended as Promise<[number]>);
    await watching;
    if (code !== 0) throw new Error(`medix reward score ended with ${code}`);
    const { size } = await stat(out);
    await requireRows(out, rows);
    const tenth = samples.find(({ bytes }) => bytes >= size / 10)!;
    return { rows, seconds: time, rssAtTenth: tenth.rss, rssAtEnd: samples.at(-1)!.rss };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function watch(
  child: ChildProcess,
  part: string,
  samples: { readonly bytes: number; readonly rss: number }[],
): Promise<void> {
  while (child.exitCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(status) ?? [];
    const bytes = await stat(part).then(
      ({ size }) => size,
      () => undefined,
    );
    if (kilobytes && bytes !== undefined) samples.push({ bytes, rss: Number(kilobytes) * 1024 });
    await sleep(100);
  }
}

/** Groups of 8, and as few different texts as the offline encoder embeds in seconds. */
async function writeRows(path: string, rows: number): Promise<void> {
  const file = createWriteStream(path);
  for (let i = 0; i < rows; i++) {
    const line = JSON.stringify({
      id: i,
      question: `What does study ${Math.floor(i / 8)} show?`,
      response: `<CT_SCAN><thinking>${'I look at it. '.repeat(10)}</thinking><answer>lesion of kind ${i % 300}</answer>`,
      ground_truth: `<CT_SCAN>lesion of kind ${Math.floor(i / 8) % 300}`,
    });
    if (!file.write(`${line}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

async function requireRows(path: string, rows: number): Promise<void> {
  let found = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const { id, reward } = JSON.parse(line) as { id: number; reward: number | null };
    if (id !== found++ || reward === null) throw new Error(`row ${found} is ${line}`);
  }
  if (found !== rows) throw new Error(`${found} rows instead of ${rows}`);
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
