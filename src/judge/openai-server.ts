/**
 * One server that speaks the OpenAI protocol (vLLM, llama.cpp, OpenRouter, …): client, concurrency limit,
 * deadline, retries and the cause of each failure. It knows nothing about what is asked.
 */
import OpenAI, { APIConnectionTimeoutError, APIError, OpenAIError } from 'openai';
import { ZodError } from 'zod';
import { fail, messageOf } from '../core/errors.ts';
import type { FailureCause, Unscored } from '../core/outcome.ts';
import type { Rng } from '../core/rng.ts';
import { cancelled } from './cancelled.ts';
import type { Clock } from './clock.ts';
import { createLimiter } from './limiter.ts';

export type ServerOptions = {
  /** Root of the API, e.g. `http://localhost:8085/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Sent as a bearer token; local servers need none. */
  readonly apiKey?: string;
  /** Requests in flight at once, at least 1. */
  readonly concurrency: number;
  /** Time for one attempt, from request to last byte, in milliseconds. */
  readonly deadlineMs: number;
  /** Requests per question at most, at least 1. Time-outs, lost connections, 429 and 5xx are retried. */
  readonly attempts: number;
};

/** What a server's client takes from outside: jitter and delimiters, and time. */
export type ServerContext = { readonly rng: Rng; readonly clock: Clock };

type Answered<T> = { readonly kind: 'answered'; readonly value: T; readonly latencyMs: number };

export type CallServer = <T>(
  request: (client: OpenAI, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
) => Promise<Answered<T> | Unscored>;

type Failure = {
  readonly kind: 'failed';
  readonly outcome: Unscored;
  readonly retry: boolean;
  /** What the server asked for; 0 when it did not. */
  readonly retryAfterMs: number;
};

const firstBackOffMs = 500;
const longestBackOffMs = 30_000;

/**
 * @throws MedixError (judge) when the base URL is not an HTTP address or a count is below 1.
 */
export function connectServer(options: ServerOptions, context: ServerContext): CallServer {
  checkOptions(options);
  const client = createClient(options);
  const limited = createLimiter(options.concurrency);
  return (request, signal) =>
    limited(() => withRetries((inner) => request(client, inner), options, context, signal));
}

async function withRetries<T>(
  request: (signal: AbortSignal) => Promise<T>,
  { attempts, deadlineMs }: ServerOptions,
  { rng, clock }: ServerContext,
  signal: AbortSignal,
): Promise<Answered<T> | Unscored> {
  for (let attempt = 1; ; attempt++) {
    if (signal.aborted) return cancelled;
    const startedAt = clock.now();
    const result = await attemptOnce(request, deadlineMs, signal);
    if (result.kind === 'answered') return { ...result, latencyMs: clock.now() - startedAt };
    if (!result.retry || attempt >= attempts) return result.outcome;
    await clock.sleep(pauseMs(attempt, result.retryAfterMs, rng), signal);
  }
}

/** Doubles with every attempt; spread by ±50 %, so that requests that failed together part ways. */
function pauseMs(attempt: number, retryAfterMs: number, rng: Rng): number {
  const backOffMs = firstBackOffMs * 2 ** (attempt - 1) * (0.5 + rng.next());
  return Math.min(longestBackOffMs, Math.max(backOffMs, retryAfterMs));
}

function checkOptions({ baseUrl, concurrency, attempts, deadlineMs }: ServerOptions): void {
  if (!/^https?:\/\//.test(baseUrl)) {
    fail('judge', {
      where: 'baseUrl',
      expected: 'an http:// or https:// address',
      got: JSON.stringify(baseUrl),
      next: 'write the root of the API, e.g. http://localhost:8085/v1',
    });
  }
  for (const [where, value] of Object.entries({ concurrency, attempts, deadlineMs })) {
    if (value >= 1) continue;
    fail('judge', { where, expected: 'at least 1', got: String(value), next: `raise ${where}` });
  }
}

function createClient({ baseUrl, apiKey }: ServerOptions): OpenAI {
  // Every setting that the client would otherwise take from the environment is given here.
  return new OpenAI({
    baseURL: baseUrl,
    apiKey: apiKey ?? 'unused',
    ...(apiKey === undefined ? { defaultHeaders: { Authorization: null } } : {}),
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: 'off',
    maxRetries: 0,
  });
}

/** The client's own timeout ends at the response's headers; this deadline covers the body as well. */
async function attemptOnce<T>(
  request: (signal: AbortSignal) => Promise<T>,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<{ readonly kind: 'answered'; readonly value: T } | Failure> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    abort();
  }, deadlineMs);
  signal.addEventListener('abort', abort);
  try {
    return { kind: 'answered', value: await request(controller.signal) };
  } catch (error) {
    if (signal.aborted) return failure('cancelled', cancelled.message, false);
    if (late) return failure('timeout', `no answer within ${deadlineMs} ms`, true);
    return failureOf(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof APIConnectionTimeoutError) return failure('timeout', error.message, true);
  if (error instanceof APIError && error.status !== undefined) {
    const status = Number(error.status);
    if (status === 408) return failure('timeout', error.message, true);
    if (status >= 500) return failure('transport', error.message, true);
    return failure('refused', error.message, status === 429, requestedPauseMs(error));
  }
  if (error instanceof ZodError || error instanceof SyntaxError) {
    return failure('unparsable', `not the expected response: ${messageOf(error)}`, false);
  }
  // A connection lost while the body is read comes as a bare TypeError from fetch.
  if (error instanceof OpenAIError || error instanceof TypeError) {
    return failure('transport', describeConnection(error), true);
  }
  throw error;
}

function failure(cause: FailureCause, message: string, retry: boolean, retryAfterMs = 0): Failure {
  return { kind: 'failed', outcome: { kind: 'unscored', cause, message }, retry, retryAfterMs };
}

function requestedPauseMs(error: { readonly headers: Headers | undefined }): number {
  const seconds = Number(error.headers?.get('retry-after'));
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}

function describeConnection(error: Error): string {
  return error.cause === undefined ? error.message : `${error.message} (${messageOf(error.cause)})`;
}
