/**
 * The Jobs API of a Ray head. Requests go by `node:http`: the head refuses whatever looks like a browser, and
 * `fetch` sends headers that only browsers send.
 */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { z } from 'zod';
import { fail, messageOf } from '../../core/errors.ts';

export const jobStates = ['PENDING', 'RUNNING', 'STOPPED', 'SUCCEEDED', 'FAILED'] as const;
export type JobState = (typeof jobStates)[number];

/** Of these nothing more will come. */
export function isOver(state: JobState): boolean {
  return state !== 'PENDING' && state !== 'RUNNING';
}

const detailsSchema = z.looseObject({
  status: z.enum(jobStates),
  message: z.string().nullish(),
  error_type: z.string().nullish(),
  driver_exit_code: z.number().nullish(),
});
export type JobDetails = z.output<typeof detailsSchema>;

export type JobRequest = {
  readonly entrypoint: string;
  readonly submissionId: string;
  readonly package: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
};

export type RayJobs = {
  readonly address: string;
  /** @returns Ray's version. */
  version(): Promise<string>;
  /** Sends a package unless the head has it. */
  upload(name: string, bytes: Uint8Array): Promise<void>;
  submit(job: JobRequest): Promise<void>;
  /** Undefined where the head knows no such job. */
  details(id: string): Promise<JobDetails | undefined>;
  /** The whole log so far. */
  logs(id: string): Promise<string>;
  stop(id: string): Promise<void>;
};

type Reply = { readonly status: number; readonly text: string };

const deadlineMs = 60_000;

/** A log of this size is taken whole at each look; what is longer is an error of the job. */
const mostReplyBytes = 512 * 2 ** 20;

/**
 * @param address `http://head:8265`, the dashboard of the head.
 * @param token Where the head asks for one.
 * @throws MedixError 'config' where it is no address, 'engine' by its methods where the head does not answer.
 */
export function connectRay(address: string, token?: string): RayJobs {
  const base = checkAddress(address);
  const where = `Ray head ${base.href.replace(/\/$/, '')}`;
  const send = async (method: string, path: string, body?: Uint8Array): Promise<Reply> => {
    const headers = {
      ...(body === undefined ? {} : { 'content-length': String(body.length) }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    try {
      return await exchange(new URL(path, base), method, headers, body);
    } catch (error) {
      return fail(
        'engine',
        {
          where,
          expected: 'the dashboard of a Ray head',
          got: messageOf(error),
          next: 'start it with `ray start --head --dashboard-host=0.0.0.0`, or correct --ray; port 8265 is the usual one',
        },
        error,
      );
    }
  };
  const refused = (what: string, { status, text }: Reply): never =>
    fail('engine', {
      where: `${where}: ${what}`,
      expected: 'that it is done',
      got: `HTTP ${status}: ${text.trim().split('\n').at(-1) ?? ''}`,
      next:
        status === 401 || status === 403
          ? 'put the token of the cluster into the environment variable RAY_AUTH_TOKEN'
          : 'see the log of the dashboard on the head',
    });
  const json = <T>(what: string, reply: Reply, schema: z.ZodType<T>): T => {
    if (reply.status !== 200) refused(what, reply);
    const parsed = schema.safeParse(parse(reply.text));
    if (parsed.success) return parsed.data;
    return fail('engine', {
      where: `${where}: ${what}`,
      expected: 'an answer of the Jobs API (Ray 2.9 or later)',
      got: messageOf(parsed.error),
      next: 'give the address of the dashboard, not of another service of the head',
    });
  };
  const pathOf = (id: string) => `api/jobs/${encodeURIComponent(id)}`;
  return {
    address: base.href.replace(/\/$/, ''),
    version: async () => {
      const reply = await send('GET', 'api/version');
      return json('version', reply, z.looseObject({ ray_version: z.string() })).ray_version;
    },
    upload: async (name, bytes) => {
      const path = `api/packages/gcs/${name}`;
      const found = await send('GET', path);
      if (found.status === 200) return;
      if (found.status !== 404) refused('look for the package', found);
      const reply = await send('PUT', path, bytes);
      if (reply.status !== 200) refused('upload of the package', reply);
    },
    submit: async (job) => {
      const body = {
        entrypoint: job.entrypoint,
        submission_id: job.submissionId,
        runtime_env: { working_dir: `gcs://${job.package}`, env_vars: job.environment },
        metadata: job.metadata,
      };
      const reply = await send('POST', 'api/jobs/', Buffer.from(JSON.stringify(body)));
      json('submission', reply, z.looseObject({ submission_id: z.string() }));
    },
    details: async (id) => {
      const reply = await send('GET', pathOf(id));
      return reply.status === 404 ? undefined : json('job', reply, detailsSchema);
    },
    logs: async (id) => {
      const reply = await send('GET', `${pathOf(id)}/logs`);
      // A job that was just taken has no log yet.
      if (reply.status === 404) return '';
      return (
        json('log of the job', reply, z.looseObject({ logs: z.string().nullable() })).logs ?? ''
      );
    },
    stop: async (id) => {
      const reply = await send('POST', `${pathOf(id)}/stop`, Buffer.from('{}'));
      json('stop of the job', reply, z.looseObject({ stopped: z.boolean() }));
    },
  };
}

function checkAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === '' && url.password === '';
  if (isPlain && /^https?:$/.test(url.protocol)) {
    return new URL(url.href.endsWith('/') ? url.href : `${url.href}/`);
  }
  return fail('config', {
    where: '--ray',
    expected: 'the address of the dashboard of a Ray head, e.g. http://head:8265',
    got: url === undefined || isPlain ? JSON.stringify(text) : 'one with a password',
    next: 'correct it; a token belongs into the environment variable RAY_AUTH_TOKEN',
  });
}

function exchange(
  url: URL,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array | undefined,
): Promise<Reply> {
  const open = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = open(
      url,
      { method, headers: { 'content-type': 'application/json', ...headers } },
      (response) => readAll(response).then(resolve, reject),
    );
    request.setTimeout(deadlineMs, () => {
      request.destroy(new Error(`no answer within ${deadlineMs / 1000} s`));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function readAll(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostReplyBytes) throw new Error('an answer of more than 512 MiB');
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
