/** Sends the metrics of a run to an MLflow server, by its REST API (version 2.0). */
import { dirname } from 'node:path';
import { z } from 'zod';
import type { WallClock } from '../../core/async/clock.ts';
import { fail } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { isMissing } from '../../core/reading.ts';
import { parseAddress } from '../../http/address.ts';
import { openConnection } from '../../http/exchange.ts';
import { readResponse } from '../../http/read-response.ts';
import { writeFileDurably } from '../../run/durable.ts';
import type { RunEnd, RunObserver } from '../observers.ts';

export type MlflowOptions = {
  /** Root of the server, e.g. `http://127.0.0.1:5000`. */
  readonly url: string;
  readonly experiment: string;
  /** Sent as bearer token, and never written anywhere. */
  readonly apiKey?: string;
  readonly runName: string;
  /** Recorded as parameters, by their dotted paths. */
  readonly config: Readonly<Record<string, unknown>>;
  /** File that keeps which run of the server this is, so that a resumed run goes on with it. */
  readonly stateFile: string;
  readonly clock: WallClock;
};

/** A request that takes longer is given up; the next iteration sends its points as well. */
const deadlineMs = 10_000;
/** Limits of the API for one request. */
const mostMetrics = 1000;
const mostParameters = 100;
const longestParameter = 500;
/** Iterations that wait for a server that does not answer; the oldest are dropped. */
const mostWaiting = 1000;

const statuses = {
  finished: 'FINISHED',
  stopped: 'KILLED',
  failed: 'FAILED',
} as const satisfies Record<RunEnd, string>;

const stateSchema = z.object({ url: z.string(), experimentId: z.string(), runId: z.string() });
type State = z.infer<typeof stateSchema>;

type Point = {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
};

/** @throws MedixError 'config' where the address cannot be used */
export function mlflowTracker(options: MlflowOptions): RunObserver {
  const { clock, stateFile } = options;
  const call = openApi(options);
  let waiting: { readonly iteration: number; readonly points: readonly Point[] }[] = [];
  let opened: { readonly state: State; readonly lastStep: number } | undefined;

  const open = async () => {
    const known = await readState(stateFile, options.url);
    if (known !== undefined) {
      await call('runs/update', { run_id: known.runId, status: 'RUNNING' }, anything);
      return { state: known, lastStep: await lastStepOf(call, known) };
    }
    const experimentId = await experimentOf(call, options.experiment);
    const created = await call(
      'runs/create',
      {
        experiment_id: experimentId,
        run_name: options.runName,
        start_time: clock(),
        tags: [{ key: 'mlflow.source.name', value: 'medix' }],
      },
      z.object({ run: z.object({ info: z.object({ run_id: z.string() }) }) }),
    );
    const state = { url: options.url, experimentId, runId: created.run.info.run_id };
    await makeFolder(dirname(stateFile));
    await writeFileDurably(stateFile, `${JSON.stringify(state, null, 2)}\n`);
    const params = parametersOf(options.config);
    for (let start = 0; start < params.length; start += mostParameters) {
      const some = params.slice(start, start + mostParameters);
      await call('runs/log-batch', { run_id: state.runId, params: some }, anything);
    }
    return { state, lastStep: -1 };
  };

  const send = async () => {
    opened ??= await open();
    const { state, lastStep } = opened;
    while (waiting.length > 0) {
      const [first] = waiting;
      const points = first && first.iteration > lastStep ? first.points : [];
      for (let start = 0; start < points.length; start += mostMetrics) {
        const metrics = points.slice(start, start + mostMetrics);
        await call('runs/log-batch', { run_id: state.runId, metrics }, anything);
      }
      waiting.shift();
    }
  };

  return {
    name: 'MLflow',
    iteration: async ({ iteration, values }) => {
      const timestamp = clock();
      const points = Object.entries(values).flatMap(([key, value]) =>
        value === null ? [] : [{ key: nameOf(key), value, timestamp, step: iteration }],
      );
      waiting = [...waiting, { iteration, points }].slice(-mostWaiting);
      await send();
    },
    ended: async (how) => {
      await send();
      const { runId } = opened?.state ?? {};
      await call(
        'runs/update',
        { run_id: runId, status: statuses[how], end_time: clock() },
        anything,
      );
    },
  };
}

type Call = <T>(path: string, body: unknown, schema: z.ZodType<T>) => Promise<T>;

const anything = z.unknown();

function openApi({ url, apiKey }: MlflowOptions): Call {
  const parsed = parseAddress(url);
  if (parsed.kind === 'problem') {
    return fail('config', { ...parsed.problem, where: 'track.mlflow.url' });
  }
  const { address } = parsed;
  return async (path, body, schema) => {
    // A connection for each request: iterations lie further apart than servers keep one open.
    const connection = openConnection(address, apiKey);
    try {
      const request = {
        method: 'POST',
        path: `api/2.0/mlflow/${path}`,
        body: JSON.stringify(body),
      } as const;
      const outcome = await connection.exchange(request, AbortSignal.timeout(deadlineMs));
      const reply = readResponse(outcome, schema, { server: address.name, apiKey });
      if (reply.kind === 'answered') return reply.value;
      throw new Error(`${path}: ${reply.outcome.message}`);
    } finally {
      connection.close();
    }
  };
}

async function experimentOf(call: Call, name: string): Promise<string> {
  const found = await call(
    'experiments/search',
    { filter: `name = '${name.replaceAll("'", "''")}'`, max_results: 1 },
    z.object({ experiments: z.array(z.object({ experiment_id: z.string() })).default([]) }),
  );
  const [first] = found.experiments;
  if (first !== undefined) return first.experiment_id;
  const created = await call(
    'experiments/create',
    { name },
    z.object({ experiment_id: z.string() }),
  );
  return created.experiment_id;
}

/** The last iteration that the server has: a resumed run does not tell it what it knows. */
async function lastStepOf(call: Call, { experimentId, runId }: State): Promise<number> {
  const metric = z.object({ step: z.coerce.number().default(0) });
  const data = z.object({ metrics: z.array(metric).default([]) });
  const found = await call(
    'runs/search',
    { experiment_ids: [experimentId], filter: `attributes.run_id = '${runId}'`, max_results: 1 },
    z.object({ runs: z.array(z.object({ data: data.default({ metrics: [] }) })).default([]) }),
  );
  const steps = found.runs.flatMap(({ data: { metrics } }) => metrics.map(({ step }) => step));
  return Math.max(-1, ...steps);
}

async function readState(file: string, url: string): Promise<State | undefined> {
  try {
    const state = stateSchema.safeParse(JSON.parse(await readText(file))).data;
    return state?.url === url ? state : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** MLflow's names hold letters, digits, `_`, `-`, `.`, blanks, `:` and `/` only. */
function nameOf(key: string): string {
  return key.replaceAll(/[^\w\-. :/]/g, '_');
}

function parametersOf(
  config: unknown,
  path = '',
): { readonly key: string; readonly value: string }[] {
  if (typeof config === 'object' && config !== null && !Array.isArray(config)) {
    return Object.entries(config).flatMap(([name, value]) =>
      parametersOf(value, path === '' ? name : `${path}.${name}`),
    );
  }
  const value = typeof config === 'string' ? config : JSON.stringify(config);
  return [{ key: nameOf(path), value: value.slice(0, longestParameter) }];
}
