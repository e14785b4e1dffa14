import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunObserver } from '../observers.ts';
import { mlflowTracker } from './mlflow.ts';

type Body = {
  readonly filter?: string;
  readonly params?: unknown;
  readonly metrics?: readonly { readonly step: number }[];
};
type Asked = { readonly path: string; readonly body: Body; readonly key: string | undefined };

let folder: string;
let asked: Asked[];
let isDown: boolean;
let metrics: { step: string }[];

const answers: Readonly<Record<string, () => unknown>> = {
  'experiments/search': () => ({}),
  'experiments/create': () => ({ experiment_id: '7' }),
  'runs/create': () => ({ run: { info: { run_id: 'abc' } } }),
  'runs/search': () => ({ runs: [{ data: { metrics } }] }),
  'runs/log-batch': () => ({}),
  'runs/update': () => ({}),
};

const server = createServer(async (request, response) => {
  const path = (request.url ?? '').replace('/api/2.0/mlflow/', '');
  const body = JSON.parse(await text(request)) as Body;
  response.setHeader('content-type', 'application/json');
  if (isDown) {
    response.statusCode = 503;
    response.end(JSON.stringify({ message: `${request.headers.authorization} is not served` }));
    return;
  }
  asked.push({ path, body, key: request.headers.authorization });
  response.end(JSON.stringify(answers[path]?.()));
});
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});
server.unref();
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-mlflow-'));
  [asked, isDown, metrics] = [[], false, []];
});
afterEach(() => rm(folder, { recursive: true }));

function tracker(): RunObserver {
  return mlflowTracker({
    url,
    experiment: "it's one",
    apiKey: 'secret',
    runName: 'train',
    config: { seed: 1, data: { train: 'phantoms' }, out: null },
    stateFile: join(folder, 'trackers', 'mlflow.json'),
    clock: () => 5,
  });
}

const tell = async (
  observer: RunObserver,
  iteration: number,
  values: object = { loss: iteration },
) => observer.iteration?.({ iteration, iterations: 9, values: values as Record<string, number> });

const stepsSent = () =>
  asked.flatMap(({ path, body }) =>
    path === 'runs/log-batch' ? (body.metrics ?? []).map(({ step }) => step) : [],
  );

describe('an MLflow server', () => {
  it('gets a run with its config, its metrics and its end', async () => {
    const observer = tracker();
    await tell(observer, 1, { 'reward/mean': 0.5, 'validation/pass@4': 1, 'update/kl': null });
    await observer.ended?.('stopped');
    expect(asked.map(({ path }) => path)).toEqual([
      'experiments/search',
      'experiments/create',
      'runs/create',
      'runs/log-batch',
      'runs/log-batch',
      'runs/update',
    ]);
    expect(asked[0]?.body.filter).toBe("name = 'it''s one'");
    expect(asked[3]?.body.params).toEqual([
      { key: 'seed', value: '1' },
      { key: 'data.train', value: 'phantoms' },
      { key: 'out', value: 'null' },
    ]);
    expect(asked[4]?.body).toEqual({
      run_id: 'abc',
      metrics: [
        { key: 'reward/mean', value: 0.5, timestamp: 5, step: 1 },
        { key: 'validation/pass_4', value: 1, timestamp: 5, step: 1 },
      ],
    });
    expect(asked[5]?.body).toEqual({ run_id: 'abc', status: 'KILLED', end_time: 5 });
    expect(new Set(asked.map(({ key }) => key))).toEqual(new Set(['Bearer secret']));
    expect(await readFile(join(folder, 'trackers', 'mlflow.json'), 'utf8')).not.toMatch('secret');
  });

  it('that was down gets later what it missed, and no message repeats the key', async () => {
    const observer = tracker();
    isDown = true;
    for (const iteration of [1, 2]) {
      const failure = await tell(observer, iteration).then(
        () => '',
        (error: Error) => error.message,
      );
      expect(failure).toMatch(/^experiments\/search: .*503/);
      expect(failure).not.toMatch('secret');
    }
    isDown = false;
    await tell(observer, 3);
    expect(stepsSent()).toEqual([1, 2, 3]);
  });

  it('is told by a resumed run what it does not know yet', async () => {
    await tell(tracker(), 1);
    metrics = [{ step: '1' }, { step: '3' }];
    asked = [];
    const resumed = tracker();
    for (const iteration of [2, 3, 4]) await tell(resumed, iteration);
    expect(stepsSent()).toEqual([4]);
    expect(asked.map(({ path }) => path)).not.toContain('runs/create');
    expect(asked[0]).toMatchObject({ path: 'runs/update', body: { status: 'RUNNING' } });
  });

  it('needs an address that can be used', () => {
    const options = { experiment: 'a', runName: 'b', config: {}, stateFile: 'c', clock: () => 0 };
    expect(() => mlflowTracker({ ...options, url: 'http://me:pw@host' })).toThrow(
      /track\.mlflow\.url: expected an address without user name and password/,
    );
  });
});
