/** What a response says: the JSON that was asked for, or why not and whether asking again can help. */
import { z } from 'zod';
import type { FailureCause, Unscored } from '../core/outcome.ts';
import type { HttpOutcome } from './exchange.ts';

export type Failure = {
  readonly kind: 'failed';
  readonly outcome: Unscored;
  /** Absent where no whole response came. */
  readonly status?: number;
  /** Whether the same request may succeed later or elsewhere. */
  readonly retry: boolean;
  /** For how long the server wants to be left alone; 0 where it did not say. */
  readonly retryAfterMs: number;
  /** Whether it speaks against the server as a whole rather than this request. */
  readonly outage: boolean;
  /** The server had closed the kept-alive connection before the request came, and did nothing about it. */
  readonly isStale?: boolean;
  /** What a server said about a request that it did not answer: the beginning of the response's body. */
  readonly refusal?: { readonly server: string; readonly said: string };
};

type ReadContext = {
  /** Server's name, for messages. */
  readonly server: string;
  /** The API key; it is removed where a server repeats it. */
  readonly apiKey: string | undefined;
};

/** Characters of a body that a message quotes. */
const longestQuote = 200;
/** Characters of a body in which the reason for a refusal is looked for. */
const longestReason = 8_000;

/**
 * A whole body of the wrong shape is `unparsable` and final: the same request would bring it again. A
 * body that ends too early was cut on its way and is worth another attempt.
 */
export function readResponse<T>(
  outcome: HttpOutcome,
  schema: z.ZodType<T>,
  context: ReadContext,
): { readonly kind: 'answered'; readonly value: T } | Failure {
  const { server } = context;
  if (outcome.kind === 'lost') return failedOutage('transport', `${server}: ${outcome.message}`);
  if (outcome.kind === 'unreadable') {
    return failedForGood('unparsable', `${server}: ${outcome.message}`);
  }
  const text = decode(outcome.body);
  const json = text === undefined ? undefined : parseJson(text);
  const isPositive = outcome.status >= 200 && outcome.status <= 299;
  const parsed = isPositive && json !== undefined ? schema.safeParse(json.value) : undefined;
  // First of all: what has the answer is an answer, whatever else stands beside it.
  if (parsed?.success) return { kind: 'answered', value: parsed.data };
  const status = statusWithin(outcome.status, json);
  const quoted = () => quote(errorMessage(json) ?? outcome.body.toString('utf8'), context);
  const said = outcome.body.subarray(0, longestReason).toString('utf8');
  if (status < 200 || status > 299) {
    return { ...refused(status, quoted(), outcome, context), refusal: { server, said } };
  }
  if (json === undefined) {
    const failure = isCutShort(outcome.body.toString('utf8'))
      ? failedOutage('transport', `${server} sent half an answer: ${quoted()}`)
      : failedForGood('unparsable', `${server} sent no JSON: ${quoted()}`);
    return { ...failure, status };
  }
  const issue = parsed?.error?.issues[0];
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  const message = `${server} sent another response than expected (${where}${issue?.message ?? ''}): ${quoted()}`;
  return { ...failedForGood('unparsable', message), status, refusal: { server, said } };
}

function refused(
  status: number,
  said: string,
  { headers }: Extract<HttpOutcome, { kind: 'response' }>,
  context: ReadContext,
): Failure {
  const answered = `${context.server} answered ${status}: ${said}`;
  const retryAfterMs = requestedPauseMs(headers['retry-after'], headers.date);
  if (status === 408 || status >= 500) {
    const cause = status === 408 ? 'timeout' : 'transport';
    return { ...failedOutage(cause, answered), status, retryAfterMs };
  }
  if (status === 429 && !/insufficient_quota|exceeded your current quota/i.test(said)) {
    const pause = retryAfterMs > 0 ? `; it asks to wait ${retryAfterMs / 1000} s` : '';
    return { ...failedForGood('refused', answered + pause), status, retry: true, retryAfterMs };
  }
  const isPolicy = status === 400 && /content[ _]?(filter|policy|management)/i.test(said);
  const hint = hintFor(status, said, headers.location, context);
  const cause = isPolicy ? 'policy-blocked' : 'refused';
  return {
    ...failedForGood(cause, hint === undefined ? answered : `${answered}; ${hint}`),
    status,
  };
}

/** What to do about a refusal, where its status tells. */
function hintFor(
  status: number,
  said: string,
  location: string | undefined,
  context: ReadContext,
): string | undefined {
  if (status < 400) return `moved to ${quote(location ?? '', context)}: set url to the new root`;
  if (status === 404) return 'model or path unknown: check model and url';
  if (status === 401 || status === 403) {
    return context.apiKey === undefined
      ? 'no API key was sent: name one in apiKeyEnv'
      : 'check the API key';
  }
  const isTooLong = /context[ _]?(length|size|window)/i.test(said);
  return isTooLong ? "the prompt does not fit into the model's context" : undefined;
}

/** A failure that asking again would not change. */
export function failedForGood(cause: FailureCause, message: string): Failure {
  const outcome: Unscored = { kind: 'unscored', cause, message };
  return { kind: 'failed', outcome, retry: false, retryAfterMs: 0, outage: false };
}

/** A failure of the server as a whole, which may pass. */
export function failedOutage(cause: FailureCause, message: string): Failure {
  return { ...failedForGood(cause, message), retry: true, outage: true };
}

/** Undefined for bytes that are no UTF-8. */
function decode(body: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): { readonly value: unknown } | undefined {
  return (
    tryParse(text) ?? (/NaN|Infinity/.test(text) ? tryParse(withoutNonNumbers(text)) : undefined)
  );
}

/** Python writes NaN and Infinity, which no JSON has: null instead, so that they spoil their own place alone. */
function withoutNonNumbers(text: string): string {
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b/gs, (token) =>
    token.startsWith('"') ? token : 'null',
  );
}

function tryParse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Whether a text that is no JSON ends inside a string, list or object that it began. */
function isCutShort(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return text.trim() === '';
  const withoutStrings = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/gs, '');
  const count = (brackets: RegExp) => withoutStrings.match(brackets)?.length ?? 0;
  return withoutStrings.includes('"') || count(/[[{]/g) > count(/[\]}]/g);
}

const errorBody = z.object({
  error: z.object({
    message: z.string().optional(),
    code: z.union([z.string(), z.number()]).nullish(),
  }),
});

/** Gateways report a failing backend as an error with its own status inside a 200. */
function statusWithin(status: number, json: { readonly value: unknown } | undefined): number {
  const code = errorBody.safeParse(json?.value).data?.error.code;
  return status === 200 && typeof code === 'number' && code >= 400 && code <= 599 ? code : status;
}

function errorMessage(json: { readonly value: unknown } | undefined): string | undefined {
  const error = errorBody.safeParse(json?.value).data?.error;
  if (error?.message === undefined) return undefined;
  return typeof error.code === 'string' ? `${error.message} (${error.code})` : error.message;
}

/** One short line without control characters: what a server sends is not trusted with a terminal. */
export function quote(text: string, { apiKey }: ReadContext): string {
  const safe = apiKey === undefined ? text : text.replaceAll(apiKey, '[key]');
  const line = safe
    .slice(0, 4 * longestQuote)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  if (line === '') return 'an empty body';
  return line.length > longestQuote ? `${line.slice(0, longestQuote)}…` : line;
}

/**
 * Seconds, or an HTTP date read against the response's own `Date`, so that clocks need not agree.
 * What is neither counts as not said.
 */
export function requestedPauseMs(retryAfter: string | undefined, date: string | undefined): number {
  if (retryAfter === undefined) return 0;
  const seconds = Number(retryAfter);
  const ms = Number.isFinite(seconds)
    ? seconds * 1000
    : Date.parse(retryAfter) - Date.parse(date ?? '');
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}
