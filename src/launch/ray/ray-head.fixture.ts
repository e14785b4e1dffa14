/** A stand-in for the Jobs API of a Ray head, with logs and states from a script. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { JobState } from './ray-jobs.ts';

/** What one look at the job finds. */
export type Look = { readonly state: JobState; readonly logs: string; readonly details?: object };

export type ScriptedHead = {
  readonly url: string;
  /** Packages by name. */
  readonly packages: Map<string, Buffer>;
  /** Bodies of submissions. */
  readonly submitted: Record<string, unknown>[];
  /** Ids of jobs that were to be stopped. */
  readonly stopped: string[];
  /** What is asked of the job from now on; the last look stays. */
  play(...looks: readonly Look[]): void;
  close(): Promise<void>;
};

export async function startScriptedHead(): Promise<ScriptedHead> {
  const packages = new Map<string, Buffer>();
  const submitted: Record<string, unknown>[] = [];
  const stopped: string[] = [];
  let looks: readonly Look[] = [{ state: 'PENDING', logs: '' }];
  let logs = '';
  const look = () => {
    const [first, ...later] = looks;
    if (later.length > 0) looks = later;
    logs = first?.logs ?? '';
    return { type: 'SUBMISSION', status: first?.state, message: 'as scripted', ...first?.details };
  };
  const onPackage = (name: string, method: string, body: Buffer): [number, unknown] => {
    if (method === 'PUT') packages.set(name, body);
    return packages.has(name) ? [200, {}] : [404, 'no such package'];
  };
  const onJob = (url: string): [number, unknown] => {
    const [, id = '', what] = /^\/api\/jobs\/([^/]+)(?:\/(logs|stop))?$/.exec(url) ?? [];
    if (!submitted.some((job) => job['submission_id'] === id)) return [404, 'Job does not exist'];
    if (what === 'stop') stopped.push(id);
    if (what === 'stop') return [200, { stopped: true }];
    return [200, what === 'logs' ? { logs } : look()];
  };
  const answer = async (request: IncomingMessage): Promise<[number, unknown]> => {
    const { method = '', url = '' } = request;
    const body = await buffer(request);
    const isBrowser = Object.keys(request.headers).some((name) => name.startsWith('sec-fetch-'));
    if (method !== 'GET' && isBrowser) return [405, 'not allowed for browser traffic'];
    const name = /^\/api\/packages\/gcs\/(.+)$/.exec(url)?.[1];
    if (name !== undefined) return onPackage(name, method, body);
    if (url === '/api/version') return [200, { version: '4', ray_version: '2.60.0' }];
    if (url !== '/api/jobs/') return onJob(url);
    const job = JSON.parse(body.toString()) as Record<string, unknown>;
    submitted.push(job);
    return [200, { job_id: job['submission_id'], submission_id: job['submission_id'] }];
  };
  const server = createServer((request, response) => {
    void answer(request).then(([status, value]) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof value === 'string' ? value : JSON.stringify(value));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    packages,
    submitted,
    stopped,
    play: (...next) => {
      looks = next;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
