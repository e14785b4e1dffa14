/**
 * Commands that write for long, stopped at places over all that they write, and given again: nothing is lost or done
 * twice, and the result is that of a command that nothing stopped.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digestOf } from '../../src/core/digest.ts';
import {
  behave,
  type MisbehavingServer,
  startMisbehavingServer,
} from '../../src/http/misbehaving-server.fixture.ts';
import { readMetrics, readRollouts } from '../../src/run/run-reader.ts';
import { builtStopAtWrite } from '../build-command.ts';
import { contents, medixArguments, type Outcome, temporaryFolder } from '../e2e/medix.ts';
import { type Stop, stopVariable } from './stop-at-write.ts';

const folder = await temporaryFolder();
const startModel = fileURLToPath(new URL('../../assets/start-model', import.meta.url));
const preload = pathToFileURL(builtStopAtWrite).href;
const signals = ['SIGKILL', 'SIGTERM', 'SIGINT'] as const;

/** One server for each command, so that its questions can be counted. */
const servers = new Map<string, MisbehavingServer>();
/** Commands whose server answers nothing for the time being. */
const unanswered = new Set<string>();
const concurrency = 2;

beforeAll(async () => {
  const numberIn = (text: string) => Number(/number (\d+)/.exec(text)?.[1] ?? text.length);
  for (const { name } of commands) {
    const reply = (text: string) => {
      const number = numberIn(text);
      if (/^Which organ is number \d+\?$/.test(text.trim())) return `organ ${number % 3}`;
      const correct = number % 2 === 0;
      return /JSON/.test(text) ? JSON.stringify({ correct }) : correct ? 'YES' : 'NO';
    };
    const parts = { models: ['scripted'], reply };
    const script = () => (unanswered.has(name) ? behave.cutConnection : undefined);
    servers.set(name, await startMisbehavingServer(script, parts));
  }
  await writeInputs();
});
afterAll(() => {
  for (const server of servers.values()) server.stop();
});

async function writeInputs(): Promise<void> {
  const write = (name: string, rows: readonly unknown[]) =>
    writeFile(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const numbers = Array.from({ length: 16 }, (_, n) => n);
  await mkdir(join(folder, 'tasks'));
  await write(
    'tasks/organs.jsonl',
    numbers.map((n) => ({ question: `Which organ is number ${n}?`, answer: `the organ ${n % 4}` })),
  );
  await writeFile(
    join(folder, 'tasks/organs.yaml'),
    `{id: organs, title: organs, input: text, kind: open, source: {path: organs.jsonl}, rows: 16, licence: null,
  access: public, rubric: binary,
  layouts: [{columns: [question, answer], question: "{{ question }}", reference: {text: answer}, cluster: {column: question}}]}`,
  );
  await write(
    'rows.jsonl',
    numbers.map((n) => ({
      id: n,
      question: `Which organ is number ${n}?`,
      response: `<CT_SCAN><thinking>so</thinking><answer>organ ${n}</answer>`,
      ground_truth: `<CT_SCAN>the organ ${n % 4}`,
      group: `g${n >> 2}`,
      reward: n % 3 === 0 ? 1 : 0,
    })),
  );
  await write(
    'probes.jsonl',
    numbers.map((n) => ({
      question: `Which organ is number ${n}?`,
      reference: `the organ ${n}`,
      answer: `organ ${n}`,
      correct: n % 2 === 0,
    })),
  );
}

type Stage = {
  readonly name: string;
  /** At a write, or when as many questions have come to the judge: by a signal, or since it no longer answers. */
  readonly stop:
    | Pick<Stop, 'path' | 'at' | 'signal' | 'isAfter'>
    | { readonly questions: number; readonly by: 'SIGTERM' | 'silence' };
};

/** Of an iteration, before its optimizer step or its checkpoint is whole. */
const stagesOfTraining: readonly Stage[] = [
  { name: 'sampling', stop: { path: 'events.jsonl$', at: 2, signal: 'SIGKILL', isAfter: true } },
  { name: 'judging', stop: { questions: 3, by: 'SIGTERM' } },
  { name: 'a judge that goes away', stop: { questions: 12, by: 'silence' } },
  { name: 'update', stop: { path: 'rollouts/000002', at: 1, signal: 'SIGKILL', isAfter: true } },
  { name: 'checkpoint', stop: { path: 'checkpoints/000002$', at: 1, signal: 'SIGKILL' } },
  { name: 'checkpoint without room', stop: { path: 'checkpoints/', at: 5, signal: 'ENOSPC' } },
  { name: 'export', stop: { path: '/model$', at: 1, signal: 'SIGKILL' } },
];

type Killed = {
  readonly name: string;
  /** Places at which it is stopped, spread over all of its writes. */
  readonly places: number;
  readonly args: (out: string, url: string) => readonly string[];
  /** Moments of its work that are of interest by themselves. */
  readonly stages?: readonly Stage[];
  /** How it goes on where the folder says that there is something to go on with. */
  readonly resume?: (out: string) => readonly string[];
  /** What must not depend on a stop. */
  readonly result: (out: string) => Promise<unknown>;
};

const judge = (url: string, cache: string | null = null) =>
  `{kind: openai, url: "${url}", model: scripted, concurrency: ${concurrency}, attempts: 1, cache: ${cache}}`;

const commands: readonly Killed[] = [
  {
    name: 'train',
    // Every single write is stopped at in any-moment.test.ts.
    places: 1,
    stages: stagesOfTraining,
    args: (out, url) => [
      'train',
      ...[`model=${startModel}`, `out=${out}`, 'data.train=phantoms', 'data.trainCount=64'],
      ...['data.validation=phantoms', 'data.validationCount=2', 'validation.every=2'],
      ...['rollout={promptsPerIteration: 2, groupSize: 4, maxCompletionTokens: 24}'],
      ...['algorithm.maxSampleRounds=1', 'iterations=3', 'checkpoint.every=1'],
      `reward.judge=${judge(url, `${out}-cache`)}`,
    ],
    resume: (out) => ['train', '--resume', out],
    result: resultOfRun,
  },
  {
    name: 'sft',
    places: 4,
    args: (out) => [
      'sft',
      ...[`model=${startModel}`, `out=${out}`, 'data.train=phantoms', 'data.trainCount=16'],
      ...['demonstrations=from-solutions', 'batchSize=4', 'iterations=4', 'checkpoint.every=1'],
    ],
    resume: (out) => ['sft', '--resume', out],
    result: resultOfRun,
  },
  {
    name: 'eval run',
    places: 6,
    args: (out, url) => [
      ...['eval', 'run', `out=${out}`, 'tasks=[tasks/organs.yaml]'],
      `model={kind: openai, url: "${url}", model: scripted, concurrency: ${concurrency}, attempts: 1}`,
      `judging.judges=[${judge(url)}]`,
    ],
    result: async (out) => {
      const { circumstances, ...report } = JSON.parse(await text(out, 'report.json'));
      const rows = (await text(out, 'responses/organs.jsonl')).trimEnd().split('\n');
      return { report, answers: rows.filter((row) => row.includes('answered')).length };
    },
  },
  {
    name: 'judge certify',
    places: 4,
    args: (out, url) => [
      ...['judge', 'certify', `judge=${judge(url)}`, 'embedder=null', 'repeats=1'],
      ...['probes=probes.jsonl', `out=${out}.json`],
    ],
    result: async (out) => ({
      ...JSON.parse(await text(`${out}.json`)),
      ...{ usage: null, latencyMs: null, digest: null, createdAt: null },
    }),
  },
  {
    name: 'reward score',
    places: 4,
    args: (out, url) => [
      ...['reward', 'score', 'rows.jsonl', '--out', `${out}.jsonl`, '--batch', '2'],
      `reward.judge=${judge(url)}`,
    ],
    result: (out) => text(`${out}.jsonl`),
  },
  {
    name: 'replay',
    places: 2,
    args: (out) => ['replay', 'rows.jsonl', '--out', `${out}.jsonl`],
    result: (out) => text(`${out}.jsonl`),
  },
];

const text = (...names: readonly string[]) => readFile(join(folder, ...names), 'utf8');

/** Without times, and without saying which process wrote a line. */
async function resultOfRun(out: string): Promise<unknown> {
  const run = join(folder, out);
  const metrics = (await readMetrics(run)).map(({ iteration, values }) => ({
    iteration,
    values: Object.entries(values).filter(([key]) => !/^(time|usage)\//.test(key)),
  }));
  const rollouts = [];
  for (const name of (await readdir(join(run, 'rollouts'))).sort()) {
    const kind = name.startsWith('validation') ? 'validation' : 'training';
    const lines = await readRollouts(run, Number(/\d+/.exec(name)?.[0]), kind);
    rollouts.push([name, lines.map(({ attempt, ...line }) => line)]);
  }
  const model = await contents(join(run, 'model'));
  return {
    metrics,
    rollouts,
    model: Object.entries(model).map(([path, bytes]) => [path.slice(run.length), digestOf(bytes)]),
  };
}

test.concurrent.each(commands)(
  'medix $name, stopped anywhere and given again, gives what it gives undisturbed',
  async (command) => {
    const { name } = command;
    const server = servers.get(name);
    const url = server?.url ?? '';
    const calls = () => server?.calls.filter(({ path }) => path !== 'models') ?? [];
    const prefix = name.replace(' ', '-');
    const whole = `${prefix}-whole`;
    const undisturbed = await stopped(command.args(whole, url), whole, never);
    expect(undisturbed, name).toMatchObject({ code: 0, stderr: '' });
    const expected = JSON.stringify(await command.result(whole));
    const writes = Number(await text(`${whole}.writes`));
    const asked = calls().length;

    const places = Array.from({ length: command.places }, (_, place): Stage => {
      const at = 1 + Math.round((place * (writes - 1)) / Math.max(1, command.places - 1));
      const signal = signals[place % signals.length] ?? 'SIGKILL';
      return { name: `write ${at} of ${writes}`, stop: { at, signal } };
    });
    for (const [place, { name: moment, stop }] of [
      ...places,
      ...(command.stages ?? []),
    ].entries()) {
      const out = `${prefix}-${place}`;
      const before = calls().length;
      const all = server?.calls.length ?? 0;
      const by = 'signal' in stop ? stop.signal : stop.by;
      const what = `${name}, ${by} at ${moment}`;
      const first =
        'signal' in stop
          ? await stopped(command.args(out, url), out, stop)
          : await stopped(command.args(out, url), out, never, async (kill) => {
              await server?.arrived(all + stop.questions);
              if (stop.by === 'SIGTERM') kill('SIGTERM');
              else unanswered.add(name);
            });
      unanswered.delete(name);
      expectStopped(first, by, what);

      const isThere = await stat(join(folder, out, 'manifest.json')).catch(() => undefined);
      const again = (isThere && command.resume?.(out)) ?? command.args(out, url);
      const second = await stopped(again, out, never);
      // Stopped after its last word: the result is there, and is not replaced.
      const isThereAlready = /expected a file that does not exist yet/.test(second.stderr);
      if (!isThereAlready) expect(second, what).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.stringify(await command.result(out)), what).toBe(expected);
      // What was on its way, or answered and not yet written, is asked once more.
      if (by !== 'silence') {
        expect(calls().length - before, what).toBeLessThanOrEqual(asked + 2 * concurrency);
      }
      expect(calls().length - before, what).toBeGreaterThanOrEqual(asked);
      expect((await namesBelow(out)).filter((path) => path.includes('.unfinished-'))).toEqual([]);
    }
  },
  900_000,
);

/** What a command that cannot go on says of it. */
const said = {
  ENOSPC: /ENOSPC.*make room/,
  silence: /reward component judge \(asked of scripted\): .*medix train --resume/,
} as const;

function expectStopped(
  { code, stderr }: Outcome,
  by: Stop['signal'] | 'silence',
  what: string,
): void {
  if (by === 'ENOSPC' || by === 'silence') {
    expect(stderr, what).toMatch(said[by]);
    expect(code, what).toBe(1);
    return;
  }
  if (by === 'SIGKILL') expect(code, what).toBeNull();
  else expect([0, 130], `${what}: ${stderr}`).toContain(code);
  if (code === 130) expect(stderr, what).toMatch(/again|resume|interrupted/);
}

async function namesBelow(out: string): Promise<string[]> {
  return readdir(join(folder, out), { recursive: true }).catch(() => []);
}

const never = { at: 0, signal: 'SIGKILL' } as const;

/** Runs a command that gets a signal at one of its writes. */
function stopped(
  args: readonly string[],
  out: string,
  at: Omit<Stop, 'below' | 'countTo'>,
  onStart: (kill: (signal: NodeJS.Signals) => void) => Promise<void> = async () => {},
): Promise<Outcome> {
  const stop: Stop = { ...at, below: join(folder, out), countTo: join(folder, `${out}.writes`) };
  const child = spawn(process.execPath, ['--import', preload, ...medixArguments, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, [stopVariable]: JSON.stringify(stop) },
  });
  void onStart((signal) => child.kill(signal));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
