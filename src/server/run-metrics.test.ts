import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { systemClock } from '../core/async/clock.ts';
import { serveRunMetrics } from './run-metrics.ts';

test('Prometheus is given the latest value of each metric, until the run ends', async () => {
  const server = await serveRunMetrics(0, systemClock);
  const read = async () => (await fetch(server.url)).text();
  try {
    const tell = (iteration: number, values: Record<string, number | null>) =>
      server.observer.iteration?.({ iteration, iterations: 9, values });
    await tell(1, { 'reward/mean': 0.5, 'validation/reward/mean': 0.4 });
    await tell(2, { 'reward/mean': null, 'update/loss': -1 });
    const lines = (await read()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.toSorted()).toEqual([
      'medix_run_iteration 2',
      'medix_run_iterations 9',
      'medix_run_metric{key="update/loss"} -1',
      'medix_run_metric{key="validation/reward/mean"} 0.4',
    ]);
  } finally {
    await server.close();
  }
  await expect(read()).rejects.toThrow();
});

test('a page that rebinds its own name to this address is given nothing', async () => {
  const server = await serveRunMetrics(0, systemClock);
  try {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const asked = request(server.url, { headers: { host: 'evil.example' } }, (response) => {
        text(response).then(() => resolve(response.statusCode), reject);
      });
      asked.on('error', reject).end();
    });
    expect(status).toBe(403);
  } finally {
    await server.close();
  }
});

test('a port that is taken is told before anything else happens', async () => {
  const server = await serveRunMetrics(0, systemClock);
  try {
    const port = Number(new URL(server.url).port);
    await expect(serveRunMetrics(port, systemClock)).rejects.toThrow(
      /expected an address this machine can listen on/,
    );
  } finally {
    await server.close();
  }
});
