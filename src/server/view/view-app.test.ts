import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EvalReport } from '../../eval/results/report.ts';
import {
  writeEvaluation,
  writeScansTask,
  writeStoredReport,
} from '../../eval/review/stored-evaluation.fixture.ts';
import { isRightBy, readLabels } from '../../run/labels.ts';
import { keyed, learning, toyIteration } from '../../train/monitor/monitor.fixture.ts';
import { exportView } from './export.ts';
import { type LiveData, openLiveData } from './live-data.ts';
import { hostile, jsonLines, makeRun, rolloutsPath } from './made-run.fixture.ts';
import { createViewApp } from './view-app.ts';
import type {
  ChangeEvent,
  CheatingAnswer,
  EvaluationAnswer,
  GroupAnswer,
  GroupsAnswer,
  IndexProgress,
  RolloutsAnswer,
  RunAnswer,
  RunsAnswer,
  SamplesAnswer,
} from './wire.ts';

const token = 'the-token';
const page = new Map([
  [
    '/index.html',
    {
      bytes: new TextEncoder().encode(
        '<html><head></head><body><script type="module" src="/a.js"></script></body></html>',
      ),
      type: 'text/html',
    },
  ],
  ['/a.js', { bytes: new TextEncoder().encode('start()'), type: 'text/javascript' }],
]);

let root: string;
let data: LiveData;
let app: ReturnType<typeof createViewApp>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'medix-view-'));
  let now = 0;
  data = openLiveData([root], () => {
    now += 10_000;
    return now;
  });
  app = createViewApp({ data, host: '127.0.0.1', token, page, onFailure: () => {} });
});

afterEach(async () => {
  data.close();
  await rm(root, { recursive: true, force: true });
});

const headers = { host: '127.0.0.1:8200', authorization: `Bearer ${token}` };

function ask(path: string, init: RequestInit = {}) {
  return app.request(`http://127.0.0.1:8200${path}`, {
    ...init,
    headers: { ...headers, ...init.headers },
  });
}

/** Asks until all that is on disk is indexed, where the answer depends on it. */
async function read<T>(path: string): Promise<T> {
  for (;;) {
    const response = await ask(path);
    expect(response.status).toBe(200);
    const answer = (await response.json()) as T & { readonly index?: IndexProgress };
    if (answer.index === undefined || answer.index.filesDone >= answer.index.files) return answer;
  }
}

const id = () => `${root.split('/').at(-1)}~toy`;

async function makeToy(make = learning, iterations = 4) {
  const lines = Array.from({ length: iterations }, (_, index) => make(index + 1));
  await makeRun(join(root, 'toy'), { iterations: lines });
}

describe('who may look', () => {
  it.each([
    ['no token', { authorization: '' }],
    ['a wrong token', { authorization: 'Bearer wrong' }],
    ['another host', { host: 'evil.example' }],
    ['a page of another site', { origin: 'http://evil.example' }],
    ['a picture of another site', { 'sec-fetch-site': 'cross-site' }],
  ])('not one with %s', async (_, given) => {
    const response = await ask('/api/runs', { headers: given });
    expect(response.status).toBe(403);
  });

  it('one with the link, which then is without the token', async () => {
    const response = await app.request(`http://127.0.0.1:8200/runs?x=1&token=${token}`, {
      headers: { host: '127.0.0.1:8200' },
    });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/runs?x=1');
    const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect(response.headers.get('set-cookie')).toContain('HttpOnly');
    const after = await app.request('http://127.0.0.1:8200/api/runs', {
      headers: { host: '127.0.0.1:8200', cookie },
    });
    expect(after.status).toBe(200);
  });

  it('no path leads out of the page and the run', async () => {
    await makeToy();
    for (const path of [
      `/api/runs/${id()}/images/..%2F..%2Fmanifest.json`,
      '/..%2f..%2fetc/passwd.txt',
      `/api/runs/..%2f..%2f/metrics`,
    ]) {
      expect((await ask(path)).status).toBe(404);
    }
  });

  it('a page runs no script but its own', async () => {
    const response = await ask('/');
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self';");
  });
});

describe('runs', () => {
  it('a folder without any says so', async () => {
    const { runs, problems } = await read<RunsAnswer>('/api/runs');
    expect(runs).toEqual([]);
    expect(problems[0]).toContain('There is no run');
  });

  it('are listed with how they stand', async () => {
    await makeToy();
    await makeRun(join(root, 'dead'), { iterations: [learning(1)], ended: null });
    const { runs } = await read<RunsAnswer>('/api/runs');
    const byName = Object.fromEntries(runs.map((run) => [run.name, run]));
    expect(byName['toy']).toMatchObject({ status: 'finished', iteration: 4, progress: 1 });
    expect(byName['dead']).toMatchObject({ status: 'dead', secondsLeft: null });
  });

  it('of another version are shown as far as they are known', async () => {
    await makeToy();
    const manifest = { kind: 'dream', config: {}, facts: { medix: '9.0.0' } };
    await writeFile(join(root, 'toy', 'manifest.json'), JSON.stringify(manifest));
    const { runs } = await read<RunsAnswer>('/api/runs');
    expect(runs[0]?.problems[0]).toContain('version 9.0.0');
    expect((await ask(`/api/runs/${id()}/groups`)).status).toBe(200);
  });

  it('say the exact commands that repeat and resume them', async () => {
    await makeToy();
    const { commands, meanings } = await read<RunAnswer>(`/api/runs/${id()}`);
    expect(commands.map(({ what }) => what)).toContain('repeat');
    expect(commands.find(({ what }) => what === 'resume')?.command).toContain('--resume');
    expect(meanings.map(({ key }) => key)).toEqual(['reward/mean']);
  });
});

describe('groups', () => {
  it('are filtered before they are paged', async () => {
    await makeToy();
    const all = await read<GroupsAnswer>(`/api/runs/${id()}/groups?limit=5`);
    expect(all.total).toBe(24);
    expect(all.groups).toHaveLength(5);
    const some = await read<GroupsAnswer>(`/api/runs/${id()}/groups?text=PLEURAL&limit=2&offset=1`);
    expect(some.total).toBe(4);
    expect(some.groups.every(({ reference }) => reference === 'pleural effusion')).toBe(true);
    const right = await read<RolloutsAnswer>(
      `/api/runs/${id()}/rollouts?verdict=right&iteration=4&limit=500`,
    );
    expect(right.total).toBeGreaterThan(0);
    expect(right.rollouts.every(({ reward }) => reward === 1)).toBe(true);
    const none = await read<GroupsAnswer>(`/api/runs/${id()}/groups?text=completionTokens`);
    expect(none.total).toBe(0);
  });

  it('show each rollout whole, also where texts are hostile', async () => {
    const lines = toyIteration(1, () => ({
      ...{ answer: hostile, thinking: hostile, judge: 1, similarity: 0, reward: 1 },
    }));
    await makeRun(join(root, 'toy'), { iterations: [lines] });
    const group = await read<GroupAnswer>(`/api/runs/${id()}/groups/1/0`);
    expect(group.rollouts).toHaveLength(4);
    expect(group.rollouts[0]?.completion).toContain(hostile);
    expect(group.rollouts[0]?.agreements).toEqual({
      judge: 'right',
      similarity: 'wrong',
      rule: 'wrong',
    });
    const found = await read<GroupsAnswer>(
      `/api/runs/${id()}/groups?text=${encodeURIComponent('onerror=alert(1)')}`,
    );
    expect(found.total).toBe(6);
  });

  it('appear as they are written, and half a line is waited for', async () => {
    await makeToy(learning, 1);
    expect((await read<GroupsAnswer>(`/api/runs/${id()}/groups`)).total).toBe(6);
    const text = jsonLines(learning(2));
    await writeFile(rolloutsPath(join(root, 'toy'), 2), text.slice(0, -40));
    const half = await read<GroupsAnswer>(`/api/runs/${id()}/groups?iteration=2`);
    expect(half.groups.flatMap(({ rewards }) => rewards)).toHaveLength(23);
    await appendFile(rolloutsPath(join(root, 'toy'), 2), text.slice(-40));
    const whole = await read<GroupsAnswer>(`/api/runs/${id()}/groups?iteration=2`);
    expect(whole.groups.flatMap(({ rewards }) => rewards)).toHaveLength(24);
  });

  it('of a file that vanished are gone, and nothing breaks', async () => {
    await makeToy(learning, 2);
    await read<GroupsAnswer>(`/api/runs/${id()}/groups`);
    await rm(rolloutsPath(join(root, 'toy'), 2));
    expect((await read<GroupsAnswer>(`/api/runs/${id()}/groups`)).total).toBe(6);
  });

  it('a query that does not fit is refused in words', async () => {
    await makeToy(learning, 1);
    const response = await ask(`/api/runs/${id()}/groups?limit=many`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: expect.stringContaining('limit') });
  });
});

it('the panel tells a run that cheats, and its evidence is found', async () => {
  await makeToy(keyed, 12);
  const panel = await read<CheatingAnswer>(`/api/runs/${id()}/cheating`);
  expect(panel.level).toBe('alarm');
  const key = panel.alarms.find(({ kind }) => kind === 'master-key');
  const evidence = await read<RolloutsAnswer>(`/api/runs/${id()}/rollouts?${key?.evidence.query}`);
  expect(evidence.total).toBeGreaterThan(0);
  expect(evidence.rollouts[0]?.answer).toBe('Thought process:');
  const cells = panel.table.reduce((sum, { count }) => sum + count, 0);
  expect(cells).toBe(12 * 24);
});

describe('an evaluation that was judged twice', () => {
  const folder = () => join(root, 'twice');
  const address = () => `/api/evaluations/${root.split('/').at(-1)}~twice`;

  beforeEach(async () => {
    const taskFile = await writeScansTask(join(root, 'task'), 3);
    await writeEvaluation(folder(), {
      model: 'org/a-model',
      taskFile,
      answer: ({ index }) => `answer ${index}`,
      score: ({ index }) => Number(index < 3),
      judgings: {
        second: ({ index }) => (index === 5 ? null : Number(index < 2)),
        third: ({ index }) => Number(index < 3),
      },
    });
    await writeStoredReport(folder(), taskFile);
  });

  it('lists the samples of which two judgings say something else', async () => {
    const differing = async (pair: string) => {
      const query = `?differ=${encodeURIComponent(pair)}`;
      const { samples } = await read<SamplesAnswer>(`${address()}/samples${query}`);
      return samples.map(({ index, scores }) => ({ index, scores }));
    };
    const only = [{ index: 2, scores: { judge: 1, second: 0, third: 1 } }];
    expect(await differing('judge,second')).toEqual(only);
    expect(await differing('any')).toEqual(only);
    expect(await differing('judge,third')).toEqual([]);
  });

  it('counts a judging that failed neither as agreement nor as difference', async () => {
    const { report } = await read<EvaluationAnswer>(address());
    const [agreement] = (report as unknown as EvalReport).agreement;
    expect(agreement?.pairs).toMatchObject([
      { one: 'judge', other: 'second', answers: 5, agreement: 0.8 },
      { one: 'judge', other: 'third', answers: 6, agreement: 1 },
      { one: 'second', other: 'third', answers: 5, agreement: 0.8 },
    ]);
  });

  it('has in a copy a list for each of its judgings', async () => {
    const { html, leftOut } = await exportView(data, page, { images: false, restricted: false });
    expect(leftOut).toEqual([]);
    const [, json = ''] = /id="medix-export">([\s\S]*?)<\/script>/.exec(html) ?? [];
    const answers = JSON.parse(json) as Record<string, { readonly score: number | null }[]>;
    const scores = (judging: string) =>
      answers[`${address()}/samples?variant=original&judging=${judging}`]?.map(
        ({ score }) => score,
      );
    expect(scores('judge')).toEqual([1, 1, 1, 0, 0, 0]);
    expect(scores('second')).toEqual([1, 1, 0, 0, 0, null]);
  });
});

it('labels are written beside the run, and nothing else is', async () => {
  await makeToy(keyed, 3);
  const manifest = await readFile(join(root, 'toy', 'manifest.json'), 'utf8');
  const { rollouts } = await read<RolloutsAnswer>(`/api/runs/${id()}/rollouts?verdict=right`);
  const key = rollouts[0]?.key ?? '';
  const send = (body: unknown, given = {}) =>
    ask('/api/labels', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...given },
      body: JSON.stringify(body),
    });
  const body = { run: id(), key, label: 'judge-wrong', note: 'a key' };
  expect((await send(body, { origin: 'http://evil.example' })).status).toBe(403);
  expect((await send(body)).status).toBe(200);
  expect((await send({ ...body, key: 'no such key' })).status).toBe(404);
  const labels = await readLabels(join(root, 'toy'));
  const label = labels.get(key);
  expect(label).toMatchObject({ answer: 'Thought process:', judgedRight: true });
  expect(label && isRightBy(label)).toBe(false);
  const marked = await read<RolloutsAnswer>(`/api/runs/${id()}/rollouts?label=any`);
  expect(marked.rollouts.map((one) => one.key)).toEqual([key]);
  expect(await readFile(join(root, 'toy', 'manifest.json'), 'utf8')).toBe(manifest);
});

it('a change on disk is told', async () => {
  await makeToy(learning, 1);
  const told = new Promise<ChangeEvent>((resolve) => {
    data.subscribe((event) => {
      if (event.changed.includes('metrics')) resolve(event);
    });
  });
  await read<RunsAnswer>('/api/runs');
  const line = { attempt: 1, iteration: 2, at: '2026-11-22T21:04:47.886Z', values: {} };
  const writing = setInterval(
    () => void appendFile(join(root, 'toy', 'metrics.jsonl'), jsonLines([line])),
    50,
  );
  const event = await told;
  clearInterval(writing);
  expect(event.run).toBe(id());
});

it('a copy holds the answers, and nothing in them ends its script', async () => {
  const lines = toyIteration(1, () => ({
    ...{ answer: hostile, thinking: '', judge: 1, similarity: 0, reward: 1 },
  }));
  await makeRun(join(root, 'toy'), { iterations: [lines] });
  await mkdir(join(root, 'toy', 'images'));
  const { html, leftOut } = await exportView(data, page, { images: true, restricted: false });
  expect(leftOut).toEqual([]);
  expect(html).toContain('start()');
  expect(html).not.toContain('<img src=x');
  const [, json = ''] = /id="medix-export">([\s\S]*?)<\/script>/.exec(html) ?? [];
  const answers = JSON.parse(json);
  expect(answers['/api/runs'].isExport).toBe(true);
  expect(answers[`/api/runs/${id()}/groups/training/1/0`].rollouts[0].completion).toContain(
    hostile,
  );
});
