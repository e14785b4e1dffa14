/**
 * `npm run bench:store`: three reward services on one Redis store against one service on it. Three trainers send the same
 * 2,560 responses, in other orders; the judge takes 50 ms. No question may be asked twice. Prints one line of JSON; needs
 * redis-server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startRedis } from '../src/cache/redis-server.fixture.ts';
import { defined } from '../src/core/errors.ts';
import { distinct, judgeSlots, responses, rewardWorkload } from './judge-workload.ts';
import { listeningAt, post } from './reward-service.ts';
import { seconds } from './timing.ts';

const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const judgeServer = fileURLToPath(new URL('./judge-server.ts', import.meta.url));
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

const trainers = 3;
/** Requests that a trainer has open. */
const openEach = 32;
const groupSize = 8;

type Group = { readonly body: string; readonly expected: readonly number[] };

function groupsOf(): readonly Group[] {
  const items = rewardWorkload();
  return Array.from({ length: responses / groupSize }, (_, group) => {
    const own = items.slice(group * groupSize, (group + 1) * groupSize);
    const sent = own.map(({ sample, response }) => ({
      question: sample.problem,
      response,
      ground_truth: `<${sample.modality}>${sample.referenceAnswer}`,
    }));
    return { body: JSON.stringify({ items: sent }), expected: own.map((it) => it.expected) };
  });
}

async function measured(services: number) {
  const folder = await mkdtemp(join(tmpdir(), 'medix-store-'));
  const redis = await startRedis();
  const children: ChildProcess[] = [];
  const start = (words: readonly string[]) => {
    const child = spawn(process.execPath, ['--import', loader, ...words], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return createInterface({ input: child.stdout });
  };
  const agent = new Agent({ keepAlive: true });
  try {
    const [port] = (await once(start([judgeServer]), 'line')) as [string];
    const judge = `http://127.0.0.1:${port}`;
    const shared = `url: "${judge}/v1", cache: "${redis.url}"`;
    const urls: string[] = [];
    for (let i = 0; i < services; i++) {
      // The judge refuses more questions at once, whoever asks.
      const concurrency = Math.floor(judgeSlots / services);
      const words = [
        `reward.judge={kind: openai, ${shared}, model: judge, concurrency: ${concurrency}}`,
        `reward.embedder={kind: openai, ${shared}, model: encoder}`,
      ];
      const lines = start([main, 'reward', 'serve', 'port=0', 'journal=null', ...words]);
      urls.push(await listeningAt(lines));
    }
    const groups = groupsOf();
    const train = async (trainer: number) => {
      const url = defined(urls[trainer % services], 'service');
      let next = 0;
      const send = async () => {
        for (let i = next++; i < groups.length; i = next++) {
          const shifted = i + Math.floor((trainer * groups.length) / trainers);
          await sendGroup(url, defined(groups[shifted % groups.length], 'group'), agent);
        }
      };
      await Promise.all(Array.from({ length: openEach }, send));
    };
    const all = () => Promise.all(Array.from({ length: trainers }, (_, i) => train(i)));
    const [coldSeconds] = await seconds(all);
    const { asked, refused } = (await (await fetch(`${judge}/figures`)).json()) as {
      asked: number;
      refused: number;
    };
    if (asked !== distinct || refused !== 0) {
      throw new Error(
        `the judge was asked ${asked} questions of ${distinct}, and refused ${refused}`,
      );
    }
    const [warmSeconds] = await seconds(all);
    return { services, responses: trainers * responses, asked, coldSeconds, warmSeconds };
  } finally {
    agent.destroy();
    for (const child of children) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function sendGroup(url: string, { body, expected }: Group, agent: Agent): Promise<void> {
  const text = await post(url, body, agent);
  const { results } = JSON.parse(text) as { results?: { kind: string; reward: number }[] };
  const isRight = results?.every(
    ({ kind, reward }, i) => kind === 'scored' && Math.abs(reward - (expected[i] ?? 0)) < 1e-9,
  );
  if (results?.length !== groupSize || !isRight)
    throw new Error(`wrong rewards: ${text.slice(0, 500)}`);
}

const [one, three] = [await measured(1), await measured(3)];
console.log(
  JSON.stringify({
    ...{ one, three },
    timesFaster: {
      cold: one.coldSeconds / three.coldSeconds,
      warm: one.warmSeconds / three.warmSeconds,
    },
  }),
);
