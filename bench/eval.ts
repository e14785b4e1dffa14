/**
 * `medix eval` against a judge in a process of its own that takes 50 ms and works on 64 questions at once,
 * beside a pool of blocking processes on the same judge; and its stages over 100,000 samples.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EvalReport } from '../src/eval/results/report.ts';
import { type PoolFigures, runPool } from './blocking-pool.ts';
import {
  type CommandRun,
  type EvalFolder,
  end,
  loader,
  readLines,
  runEval,
  writeEvalFolder,
} from './eval-folder.ts';
import { idealSeconds, isRight, items, judgeSlots, votes } from './eval-workload.ts';
import { type MemorySample, peakOf } from './resident.ts';

const judgeServer = fileURLToPath(new URL('./eval-server.ts', import.meta.url));
const manySamples = 100_000;

/** Rounds of both, one after the other on the same machine; the fastest of each counts. */
const rounds = 2;

export type EvalJudgeFigures = {
  readonly items: number;
  readonly votes: number;
  readonly idealSeconds: number;
  /** Of `medix eval judge`: reading rows, asking, writing verdicts and the store of answers. */
  readonly seconds: number;
  /** With the start of its process and the loading of its code. */
  readonly wallSeconds: number;
  readonly residentBytes: number;
  readonly pool: PoolFigures;
};

export type EvalManyFigures = {
  readonly samples: number;
  /** By stage: seconds, and resident bytes when a tenth and when all of the rows were written. */
  readonly generate: StageFigures;
  readonly judge: StageFigures;
  readonly scoreSeconds: number;
  readonly scoreBytes: number;
};

type StageFigures = {
  readonly seconds: number;
  readonly rssAtTenth: number;
  readonly rssAtEnd: number;
};

/** Only on Linux, for want of `/proc` elsewhere. */
export async function benchEvalJudging(): Promise<EvalJudgeFigures | undefined> {
  if (process.platform !== 'linux') return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'medix-bench-eval-'));
  const server = spawn(process.execPath, ['--import', loader, judgeServer], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
    const url = `http://127.0.0.1:${port}`;
    const evaluation = await writeEvalFolder(folder, items);
    await runEval('generate', evaluation.words, evaluation.responses);
    const ours: CommandRun[] = [];
    const pools: PoolFigures[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await judgeAndCheck(evaluation, url, folder, `round-${round}`));
      pools.push(await runPool(url, join(folder, `pool-${round}.jsonl`)));
    }
    const fastest = ours.reduce((best, run) => (run.seconds < best.seconds ? run : best));
    const time = ({ startSeconds, judgeSeconds }: PoolFigures) => startSeconds + judgeSeconds;
    return {
      items,
      votes,
      idealSeconds,
      seconds: fastest.seconds,
      wallSeconds: fastest.wallSeconds,
      residentBytes: peakOf(fastest.memory).resident,
      pool: pools.reduce((best, pool) => (time(pool) < time(best) ? pool : best)),
    };
  } finally {
    await end(server);
    await rm(folder, { recursive: true, force: true });
  }
}

/** With a store of answers that is empty. */
async function judgeAndCheck(
  evaluation: EvalFolder,
  url: string,
  folder: string,
  name: string,
): Promise<CommandRun> {
  const before = await askedOf(url);
  const judge = `{kind: openai, url: ${url}/v1, model: judge, concurrency: ${judgeSlots}, cache: ${join(folder, name)}}`;
  const run = await runEval(
    'judge',
    [...evaluation.words, `judging={name: ${name}, votes: ${votes}, judges: [${judge}]}`],
    evaluation.verdicts(name),
  );
  await requireVerdicts(evaluation.verdicts(name), evaluation.numbers);
  const asked = (await askedOf(url)) - before;
  // One more finds out whether the judge answers at all.
  if (asked < items * votes || asked > items * votes + 1) throw new Error(`asked ${asked} times`);
  return run;
}

async function askedOf(url: string): Promise<number> {
  const { asked } = (await (await fetch(`${url}/figures`)).json()) as { asked: number };
  return asked;
}

async function requireVerdicts(verdicts: string, numbers: EvalFolder['numbers']): Promise<void> {
  const seen = new Set<string>();
  for await (const row of readLines(verdicts)) {
    const {
      sampleId,
      outcome,
      votes: cast,
    } = row as {
      sampleId: string;
      outcome: { score?: number };
      votes: unknown[];
    };
    const expected = Number(isRight(numbers.get(sampleId) ?? Number.NaN));
    if (outcome.score !== expected || cast.length !== votes) {
      throw new Error(`${sampleId}: ${JSON.stringify(outcome)} instead of ${expected}`);
    }
    seen.add(sampleId);
  }
  if (seen.size !== numbers.size) throw new Error(`${seen.size} verdicts of ${numbers.size}`);
}

/** Answers from a file, judged by rule; only on Linux. */
export async function benchEvalMany(samples = manySamples): Promise<EvalManyFigures | undefined> {
  if (process.platform !== 'linux') return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'medix-bench-eval-'));
  try {
    const { words, responses, verdicts, results } = await writeEvalFolder(folder, samples);
    const generated = await runEval('generate', words, responses);
    const judged = await runEval('judge', words, verdicts('judge'));
    const scored = await runEval('score', words, verdicts('judge'));
    const report = JSON.parse(await readFile(join(results, 'report.json'), 'utf8')) as EvalReport;
    const [task] = report.tasks;
    const result = task?.result;
    if (result?.kind !== 'scored' || task?.coverage.scored !== samples || !result.figure.interval) {
      throw new Error(`report: ${JSON.stringify(task)}`);
    }
    return {
      samples,
      generate: stageFigures(generated.seconds, generated.memory),
      judge: stageFigures(judged.seconds, judged.memory),
      scoreSeconds: scored.seconds,
      scoreBytes: peakOf(scored.memory).resident,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function stageFigures(seconds: number, memory: readonly MemorySample[]): StageFigures {
  const writing = memory.filter(({ written, resident }) => written > 0 && resident > 0);
  const size = writing.at(-1)?.written ?? 0;
  const tenth = writing.find(({ written }) => written >= size / 10);
  return { seconds, rssAtTenth: tenth?.resident ?? 0, rssAtEnd: writing.at(-1)?.resident ?? 0 };
}
