/**
 * A run that is stopped and resumed, as TensorBoard's own reader, a real MLflow server and `wandb sync` have it.
 * Python with all three is fetched by parts.ts.
 */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { trackSection } from '../../src/config/track-config.ts';
import { readEvents, readMetrics } from '../../src/run/run-reader.ts';
import { RunWriter } from '../../src/run/run-writer.ts';
import { toyConfig, toyTraining } from '../../src/train/loop.fixture.ts';
import { train } from '../../src/train/loop.ts';
import { openTrackers } from '../../src/train/trackers/open-trackers.ts';
import { temporaryFolder } from '../e2e/medix.ts';
import { startMlflow, trackersPython } from './parts.ts';

const run = promisify(execFile);
const reader = fileURLToPath(new URL('read_tensorboard.py', import.meta.url));
const part = await trackersPython();

const found = z.object({ experiment: z.object({ experiment_id: z.string() }) });
const listed = z.object({
  runs: z.array(
    z.object({
      info: z.object({ run_id: z.string(), run_name: z.string(), status: z.string() }),
      data: z.object({ params: z.array(z.object({ key: z.string(), value: z.string() })) }),
    }),
  ),
});
const history = z.object({
  metrics: z.array(z.object({ step: z.coerce.number(), value: z.number() })),
});

type Curve = readonly (readonly [step: number, value: number])[];

/** Trains in three attempts. Checkpoints are at 2 and 4: iteration 3 is done twice, and so is 5. */
async function trackedRun(out: string, settings: z.input<typeof trackSection>): Promise<void> {
  const config = { ...toyConfig, iterations: 7, out, track: trackSection.parse(settings) };
  const clock = () => Date.now();
  const attempt = async (writer: RunWriter, stopAfter?: number) => {
    const controller = new AbortController();
    const stop = {
      name: 'stop',
      iteration: ({ iteration }: { readonly iteration: number }) => {
        if (iteration === stopAfter) controller.abort(new Error('stopped'));
      },
    };
    const observers = [...openTrackers(config, { apiKey: undefined, clock }), stop];
    const training = toyTraining(writer, { config, observers });
    await train(training, controller.signal).catch((error: unknown) => {
      if (stopAfter === undefined) throw error;
    });
    await writer.close(stopAfter === undefined ? 'finished' : 'stopped');
  };
  const manifest = { kind: 'train', config, facts: {} } as const;
  await attempt(await RunWriter.create(out, manifest, [], clock), 3);
  await attempt(await RunWriter.resume(out, manifest, [], clock), 5);
  await attempt(await RunWriter.resume(out, manifest, [], clock));
  const failed = (await readEvents(out)).filter(({ kind }) => kind.startsWith('observer'));
  expect(failed).toEqual([]);
}

/** Mean reward by iteration, as the run itself has it. */
async function rewardsOf(out: string): Promise<(readonly [step: number, value: number])[]> {
  const told = (await readMetrics(out)).flatMap(({ iteration, values }) => {
    const value = values['reward/mean'];
    return typeof value === 'number' ? [[iteration, value] as const] : [];
  });
  expect(told.map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  return told;
}

it('TensorBoard and MLflow show each iteration once, also of a run that was resumed', async (context) => {
  if ('missing' in part) return context.skip(part.missing);
  const folder = await temporaryFolder();
  const server = await startMlflow(part.path, folder);
  try {
    const out = join(folder, 'run');
    const mlflow = { url: server.url, experiment: "a reader's" };
    await trackedRun(out, { tensorboard: true, mlflow });
    const told = await rewardsOf(out);

    const { stdout } = await run(part.path, [reader, join(out, 'tensorboard')]);
    const curves = JSON.parse(stdout) as Readonly<Record<string, Curve>>;
    expect(curves['reward/mean']?.map(([step]) => step)).toEqual(told.map(([step]) => step));
    for (const [i, [, value]] of told.entries()) {
      expect(curves['reward/mean']?.[i]?.[1]).toBeCloseTo(value, 6);
    }
    expect(curves['validation/reward/mean']?.map(([step]) => step)).toEqual([0, 5, 7]);

    const ask = async <T>(path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> => {
      const response = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      return schema.parse(await response.json());
    };
    const name = encodeURIComponent("a reader's");
    const { experiment } = await ask(`experiments/get-by-name?experiment_name=${name}`, found);
    const { runs } = await ask('runs/search', listed, {
      experiment_ids: [experiment.experiment_id],
    });
    expect(runs).toHaveLength(1);
    const { info, data } = runs[0]!;
    expect(info).toMatchObject({ run_name: 'run', status: 'FINISHED' });
    expect(data.params).toContainEqual({ key: 'rollout.groupSize', value: '6' });
    const query = `run_id=${info.run_id}&metric_key=reward/mean`;
    const { metrics } = await ask(`metrics/get-history?${query}`, history);
    const points = metrics.map(({ step, value }) => [step, value] as const);
    expect(points.toSorted(([a], [b]) => a - b)).toEqual(told);
  } finally {
    await server.stop();
  }
});

/** What `wandb sync` asks of its server, as far as it needs an answer; the history that it sent. */
async function startWandbServer() {
  const rows: Record<string, number>[] = [];
  const bucket = {
    ...{ id: '1', name: 'run', displayName: 'run', config: '{}', historyLineCount: 0 },
    project: { id: '1', name: 'medix', entity: { id: '1', name: 'me' } },
  };
  const viewer = { id: '1', entity: 'me', username: 'me', flags: '{}', teams: { edges: [] } };
  const answerTo = (query: string) => {
    if (query.includes('upsertBucket')) return { upsertBucket: { bucket, inserted: true } };
    if (query.includes('createRunFiles'))
      return { createRunFiles: { runID: '1', uploadHeaders: [], files: [] } };
    return { viewer, serverInfo: { features: [] }, project: { run: null } };
  };
  const server = createServer(async (request, response) => {
    const sent = await buffer(request);
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const isQuery = request.url === '/graphql';
    const isHistory = request.url?.endsWith('/file_stream') ?? false;
    // Beside these there are measurements of its own.
    const body = isQuery || isHistory ? JSON.parse(plain.toString()) : {};
    if (isHistory) {
      const history = body.files?.['wandb-history.jsonl']?.content ?? [];
      rows.push(...history.map((line: string) => JSON.parse(line)));
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(isQuery ? { data: answerTo(body.query) } : {}));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, rows, close };
}

it('wandb sync sends each iteration of a resumed run once', async (context) => {
  if ('missing' in part) return context.skip(part.missing);
  const folder = await temporaryFolder();
  const out = join(folder, 'run');
  await trackedRun(out, { wandb: {} });
  const told = await rewardsOf(out);
  const server = await startWandbServer();
  try {
    const [name = ''] = await readdir(join(out, 'wandb'));
    const env = {
      ...process.env,
      ...{ WANDB_BASE_URL: server.url, WANDB_API_KEY: 'a'.repeat(40), WANDB_DIR: folder },
    };
    await run(part.path, ['-m', 'wandb', 'sync', join(out, 'wandb', name)], { env, cwd: folder });
  } finally {
    server.close();
  }
  const rows = server.rows.toSorted((a, b) => (a['_step'] ?? 0) - (b['_step'] ?? 0));
  expect(rows.map((row) => row['_step'])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  const sent = rows.flatMap(({ _step, 'reward/mean': value }) =>
    value === undefined ? [] : [[_step, value]],
  );
  expect(sent).toEqual(told);
});
