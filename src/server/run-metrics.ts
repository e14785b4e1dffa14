/** The latest metrics of a run that is going on, as Prometheus reads them. No label carries text of a model. */
import { Hono } from 'hono';
import { Gauge, Registry } from 'prom-client';
import type { Clock } from '../core/async/clock.ts';
import type { RunObserver } from '../train/observers.ts';
import { listenUntilAborted } from './listen.ts';
import { namesItsHost } from './local-host.ts';

export type RunMetricsServer = {
  /** Where they are given. */
  readonly url: string;
  /** To be told of the run. */
  readonly observer: RunObserver;
  close(): Promise<void>;
};

const host = '127.0.0.1';

/**
 * Listens on 127.0.0.1 only.
 * @param port 0 takes any free one
 * @throws MedixError 'config' where the port cannot be had
 */
export async function serveRunMetrics(port: number, clock: Clock): Promise<RunMetricsServer> {
  const { observer, app } = createRunMetrics();
  const ending = new AbortController();
  let served: Promise<void> = Promise.resolve();
  const url = await new Promise<string>((onListening, reject) => {
    const options = { app, host, port, clock, onListening };
    served = listenUntilAborted(options, async () => {}, ending.signal);
    served.catch(reject);
  });
  return {
    url: `${url}/metrics`,
    observer,
    close: () => {
      ending.abort();
      return served;
    },
  };
}

function createRunMetrics(): { readonly observer: RunObserver; readonly app: Hono } {
  const registry = new Registry();
  const registers = [registry];
  const values = new Gauge({
    name: 'medix_run_metric',
    help: 'Latest value of each metric of the run, by its key in metrics.jsonl',
    labelNames: ['key'],
    registers,
  });
  const iteration = new Gauge({
    name: 'medix_run_iteration',
    help: 'Last iteration done',
    registers,
  });
  const iterations = new Gauge({
    name: 'medix_run_iterations',
    help: 'Iterations of the whole run',
    registers,
  });
  const app = new Hono();
  app.use(async (c, next) => {
    if (!namesItsHost(c, host)) return c.text('this name is not served here', 403);
    return next();
  });
  app.get('/metrics', async (c) =>
    c.body(await registry.metrics(), 200, { 'Content-Type': registry.contentType }),
  );
  const observer: RunObserver = {
    name: '/metrics',
    iteration: (report) => {
      iteration.set(report.iteration);
      iterations.set(report.iterations);
      for (const [key, value] of Object.entries(report.values)) {
        if (value === null) values.remove({ key });
        else values.set({ key }, value);
      }
    },
  };
  return { observer, app };
}
