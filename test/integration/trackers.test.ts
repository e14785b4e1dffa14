/**
 * A run that is stopped and resumed, as TensorBoard's own reader and a real MLflow server have it. Python with
 * both is fetched by parts.ts.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
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

it('TensorBoard and MLflow show each iteration once, also of a run that was resumed', async (context) => {
  if ('missing' in part) return context.skip(part.missing);
  const folder = await temporaryFolder();
  const server = await startMlflow(part.path, folder);
  try {
    const out = join(folder, 'run');
    const track = trackSection.parse({
      tensorboard: true,
      mlflow: { url: server.url, experiment: "a reader's" },
    });
    const config = { ...toyConfig, iterations: 7, out, track };
    const clock = () => Date.now();
    const trackers = () => openTrackers(config, { apiKey: undefined, clock });
    const attempt = async (writer: RunWriter, stopAfter?: number) => {
      const controller = new AbortController();
      const stop = {
        name: 'stop',
        iteration: ({ iteration }: { readonly iteration: number }) => {
          if (iteration === stopAfter) controller.abort(new Error('stopped'));
        },
      };
      const observers = [...trackers(), stop];
      const training = toyTraining(writer, { config, observers });
      await train(training, controller.signal).catch((error: unknown) => {
        if (stopAfter === undefined) throw error;
      });
      await writer.close(stopAfter === undefined ? 'finished' : 'stopped');
    };
    const manifest = { kind: 'train', config, facts: {} } as const;
    // Checkpoints are at 2 and 4: iteration 3 is done twice, and so is 5.
    await attempt(await RunWriter.create(out, manifest, [], clock), 3);
    await attempt(await RunWriter.resume(out, manifest, [], clock), 5);
    await attempt(await RunWriter.resume(out, manifest, [], clock));

    const expected = (await readMetrics(out)).map(
      ({ iteration, values }) => [iteration, values['reward/mean']] as const,
    );
    const told = expected.filter(([, value]) => typeof value === 'number');
    expect(told.map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const failed = (await readEvents(out)).filter(({ kind }) => kind.startsWith('observer'));
    expect(failed).toEqual([]);

    const { stdout } = await run(part.path, [reader, join(out, 'tensorboard')]);
    const curves = JSON.parse(stdout) as Readonly<Record<string, Curve>>;
    expect(curves['reward/mean']?.map(([step]) => step)).toEqual(told.map(([step]) => step));
    for (const [i, [, value]] of told.entries()) {
      expect(curves['reward/mean']?.[i]?.[1]).toBeCloseTo(value ?? 0, 6);
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
