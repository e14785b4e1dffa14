/**
 * How `medix view` holds up: a run of 1,000 iterations with 256 rollouts each, made here, asked over HTTP.
 *
 *     npx tsx bench/view.ts [iterations] [rollouts an iteration]
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/core/async/clock.ts';
import { listenUntilAborted } from '../src/server/listen.ts';
import { openLiveData } from '../src/server/view/live-data.ts';
import { createViewApp } from '../src/server/view/view-app.ts';

const [iterations = 1000, perIteration = 256] = process.argv.slice(2).map(Number);
const groupSize = 8;
const findings = ['brain mass', 'pleural effusion', 'rib fracture', 'cataract', 'polyp', 'anaemia'];

const root = await mkdtemp(join(tmpdir(), 'medix-bench-view-'));
try {
  console.log(`${iterations} iterations × ${perIteration} rollouts`);
  await makeRun(join(root, 'run'));
  await measure();
} finally {
  await rm(root, { recursive: true, force: true });
}

async function makeRun(folder: string): Promise<void> {
  const at = new Date(0).toISOString();
  await mkdir(join(folder, 'rollouts'), { recursive: true });
  await mkdir(join(folder, 'attempts'));
  const config = { model: 'bench', iterations, out: folder };
  const manifest = { kind: 'train', createdAt: at, config, facts: {} };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const ended = { at, how: 'finished' };
  const attempt = { attempt: 1, fromIteration: 0, pid: 1, processIdentity: null, host: 'bench' };
  await writeFile(
    join(folder, 'attempts', '0001.json'),
    JSON.stringify({ ...attempt, startedAt: at, overrides: [], ended }),
  );
  const metrics: string[] = [];
  for (let iteration = 1; iteration <= iterations; iteration++) {
    const values = Object.fromEntries(
      Array.from({ length: 60 }, (_, key) => [`bench/${key}`, iteration / (key + 1)]),
    );
    const line = { attempt: 1, iteration, at, values: { ...values, 'reward/mean': 0.5 } };
    metrics.push(JSON.stringify(line));
    const lines = Array.from({ length: perIteration }, (_, place) => rollout(iteration, place, at));
    const name = `${String(iteration).padStart(6, '0')}.jsonl`;
    await writeFile(join(folder, 'rollouts', name), `${lines.join('\n')}\n`);
  }
  await writeFile(join(folder, 'metrics.jsonl'), `${metrics.join('\n')}\n`);
  await writeFile(join(folder, 'events.jsonl'), '');
}

function rollout(iteration: number, place: number, _at: string): string {
  const group = Math.floor(place / groupSize);
  const reference = findings[(group + iteration) % findings.length] ?? '';
  const isRight = (place * 7 + iteration * 3) % 5 === 0;
  const answer = isRight ? reference : `finding number ${(place * 31 + iteration) % 97}`;
  const thinking = 'the image shows a structure that differs from its surroundings '.repeat(
    1 + (place % 6),
  );
  const value = isRight ? 1 : 0;
  const bytes = Buffer.alloc(80, place % 250).toString('base64');
  return JSON.stringify({
    attempt: 1,
    iteration,
    key: `1/${iteration}/${group}/sample-${group}/${place % groupSize}`,
    sampleId: `sample-${group}`,
    question: 'What is the most likely finding in this image of a middle-aged patient?',
    reference,
    accepted: [`a ${reference}`],
    modality: 'X_RAY',
    source: `source-${group % 4}`,
    images: [`${String(group).padStart(64, '0')}.png`],
    completion: `<X_RAY><thinking>${thinking}</thinking><answer>${answer}</answer>`,
    completionTokens: 20 + 12 * (place % 6),
    stopReason: 'stop',
    logprob: -8.3,
    tokens: { lengths: bytes, logprobs: bytes },
    reward: value,
    components: {
      judge: { kind: 'scored', value, detail: 'exact match' },
      similarity: { kind: 'scored', value, detail: 'cosine 0.91' },
      format: { kind: 'scored', value: 1 },
    },
    advantage: value - 0.2,
    use: 'trained',
  });
}

async function measure(): Promise<void> {
  const stop = new AbortController();
  const data = openLiveData([root], Date.now);
  const app = createViewApp({
    ...{ data, host: '127.0.0.1', token: 'bench', page: new Map(), onFailure: console.error },
  });
  let ended: Promise<void> | undefined;
  const url = await new Promise<string>((resolve) => {
    ended = listenUntilAborted(
      { app, host: '127.0.0.1', port: 0, clock: systemClock, onListening: resolve },
      async () => data.close(),
      stop.signal,
    );
  });
  const ask = async (path: string) => {
    const started = performance.now();
    const response = await fetch(`${url}${path}`, { headers: { authorization: 'Bearer bench' } });
    const answer = (await response.json()) as {
      total?: number;
      runs?: { id: string }[];
      index?: { filesDone: number; files: number };
    };
    return { ms: performance.now() - started, answer };
  };
  const first = await ask('/api/runs');
  report('first list', first.ms, 500);
  const id = first.answer.runs?.[0]?.id ?? '';
  const groups = `/api/runs/${id}/groups`;
  const page = await ask(groups);
  report('first page of groups, before it is indexed', page.ms, 300);
  const started = performance.now();
  for (let index = page.answer.index; index && index.filesDone < index.files; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    index = (await ask(groups)).answer.index;
  }
  console.log(`indexed after ${Math.round(performance.now() - started)} ms`);
  const pages: number[] = [];
  for (let place = 0; place < 40; place++) {
    pages.push((await ask(`${groups}?offset=${place * 700}`)).ms);
  }
  pages.sort((a, b) => a - b);
  report('page of groups, p95 of 40', pages[37] ?? Number.NaN, 300);
  for (const filter of [
    'verdict=right&similarity=right&rule=wrong',
    'minReward=0.5&tag=X_RAY&source=source-2',
    'sort=-spread',
    'text=number%2042',
    'text=surroundings',
    'text=nowhere%20to%20be%20found',
    'label=any',
  ]) {
    const { ms, answer } = await ask(`${groups}?${filter}`);
    report(`${filter} (${answer.total} groups)`, ms, 1000);
  }
  const cheating = await ask(`/api/runs/${id}/cheating`);
  report('cheating panel, first answer', cheating.ms, Number.POSITIVE_INFINITY);
  console.log(
    `memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at most, making the run included`,
  );
  stop.abort();
  await ended;
}

function report(what: string, ms: number, limit: number): void {
  console.log(`${ms <= limit ? 'ok  ' : 'SLOW'} ${what}: ${Math.round(ms)} ms`);
}
