/**
 * The reward service under many trainers: `medix reward serve` in a process of its own, the trainers in
 * this one, each with a connection that it keeps and one group a request, the next sent when the last is
 * answered. The judge is the offline one and every vector is warm, so what is measured is the service.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { seconds } from './timing.ts';

export type RewardServiceFigures = {
  readonly trainers: number;
  readonly requests: number;
  readonly items: number;
  readonly seconds: number;
  readonly itemsPerSecond: number;
  /** Milliseconds from a request to its whole answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
};

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

const answers = ['left lung', 'heart attack', 'pleural effusion', 'kidney stone', 'pneumonia'];
const truth = 'heart attack';

/** A group of responses, every fifth of them right. */
function groupOf(size: number) {
  return Array.from({ length: size }, (_, index) => ({
    question: 'What is seen?',
    response: `<CT_SCAN><thinking>${'I look at the study. '.repeat(20)}</thinking><answer>${answers[index % answers.length]}</answer>`,
    ground_truth: `<CT_SCAN>${truth}`,
  }));
}

/**
 * @param options.requestsEach Requests of each trainer.
 * @param options.groupSize Items of each request.
 * @throws Error when an answer has another reward than it should.
 */
export async function benchRewardService({
  trainers = 256,
  requestsEach = 20,
  groupSize = 8,
} = {}): Promise<RewardServiceFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'medix-bench-'));
  const args = ['reward', 'serve', 'port=0', 'journal=journal.jsonl'];
  const service = spawn(process.execPath, ['--import', loader, main, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const agent = new Agent({ keepAlive: true, maxSockets: trainers });
  try {
    const url = await listeningAt(createInterface({ input: service.stdout }));
    const body = JSON.stringify({ items: groupOf(groupSize) });
    checkAnswer(await post(url, body, agent), groupSize);
    const latencies: number[] = [];
    const train = async () => {
      for (let sent = 0; sent < requestsEach; sent++) {
        const [time, answer] = await seconds(() => post(url, body, agent));
        checkAnswer(answer, groupSize);
        latencies.push(time * 1000);
      }
    };
    const [time] = await seconds(() => Promise.all(Array.from({ length: trainers }, train)));
    latencies.sort((a, b) => a - b);
    const requests = trainers * requestsEach;
    return {
      trainers,
      requests,
      items: requests * groupSize,
      seconds: time,
      itemsPerSecond: (requests * groupSize) / time,
      p50Ms: latencies[Math.floor(requests * 0.5)]!,
      p99Ms: latencies[Math.floor(requests * 0.99)]!,
    };
  } finally {
    agent.destroy();
    const ended = once(service, 'exit');
    service.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns the address that a service says it listens at */
export async function listeningAt(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) {
    const [, url] = /given at (http\S+)/.exec(line) ?? [];
    if (url) return url;
  }
  throw new Error('the reward service ended before it listened');
}

/** @returns the body of the answer */
export function post(url: string, body: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    request(`${url}/v1/rewards`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (part: string) => {
          text += part;
        })
        .on('end', () => resolve(text))
        .on('error', reject);
    })
      .on('error', reject)
      .end(body);
  });
}

function checkAnswer(text: string, size: number): void {
  const { results } = JSON.parse(text) as { results?: { kind: string; reward: number }[] };
  const isRight = results?.every(({ kind, reward }, index) => {
    const expected = answers[index % answers.length] === truth ? 1 : 0.145;
    return kind === 'scored' && Math.abs(reward - expected) < 1e-9;
  });
  if (results?.length !== size || !isRight) throw new Error(`wrong rewards: ${text.slice(0, 500)}`);
}
