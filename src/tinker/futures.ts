/**
 * What a Tinker server promises to compute: a request is answered with a number at once and with its result later.
 * Every way in which that can end is here; what the result means is the caller's.
 */
import { z } from 'zod';
import type { Clock } from '../core/async/clock.ts';
import { fail, type Problem } from '../core/errors.ts';
import { given } from '../core/given.ts';
import { oneLine, quoted } from '../core/quoted.ts';
import type { CallOptions, Payload, Reply, Transport } from './transport.ts';

/** A request that the server will not carry out, however often it is sent. */
export type Refusal = {
  readonly kind: 'refused';
  /** HTTP's, or 400 for a future that failed. */
  readonly status: number;
  /** What the server said, on one line. */
  readonly said: string;
};

export type Outcome<T> = { readonly kind: 'done'; readonly value: T } | Refusal;

export type FutureRequest<T> = {
  /** Below `/api/v1/`. */
  readonly path: string;
  readonly payload: Payload;
  /** What the result may be written in. */
  readonly accept?: string;
  readonly read: (reply: Reply) => T;
  /** Whether the server may be one that breaks (500) on what it cannot read, so that asking again is in vain. */
  readonly mayBreak?: boolean;
  /** The server has taken the request, so that the next one may be sent. */
  readonly onAccepted?: () => void;
};

const promised = z.object({ request_id: z.union([z.string(), z.number()]) });

const unfinished = z.object({
  type: z.literal('try_again'),
  queue_state: z.string().nullish(),
  queue_state_reason: z.string().nullish(),
});

const failed = z.object({
  error: z.string(),
  category: z.string().nullish(),
  type: z.literal('request_failed').optional(),
});

/** Longer than a server holds a poll: SkyRL for 300 s. The official client gives up after 45 s and asks again. */
const pollDeadlineMs = 45_000;
/** Polls that come back at once are a server that does not hold them. */
const heldMs = 200;
const longestPauseMs = 1000;
/** How often a result that the server no longer has is asked for anew. */
const resends = 3;

/**
 * Sends a request and waits for its result. A server that no longer has it (410) is sent the same request again, which
 * it must know by its number.
 * @throws MedixError 'engine' where the server is out of reach or answers what no Tinker server does
 */
export async function settle<T>(
  request: FutureRequest<T>,
  transport: Transport,
  clock: Clock,
  signal: AbortSignal,
): Promise<Outcome<T>> {
  for (let resent = 0; ; resent++) {
    const { path, payload } = request;
    const answers = request.mayBreak ? [500] : [];
    const accepted = await transport.call(path, { payload, answers }, signal);
    if (!isPositive(accepted)) return refusal(accepted);
    const id = readJson(accepted, promised, transport.server, path).request_id;
    request.onAccepted?.();
    const polled = await poll(String(id), request, transport, clock, signal);
    if (polled !== 'gone') return polled;
    if (resent < resends) continue;
    fail('engine', {
      where: `${transport.server}: ${path}`,
      expected: 'the result of a request',
      got: `410 (gone) each of ${resends + 1} times that it was sent`,
      next: 'look at the server; a training goes on from its last checkpoint with --resume',
    });
  }
}

async function poll<T>(
  id: string,
  request: FutureRequest<T>,
  transport: Transport,
  clock: Clock,
  signal: AbortSignal,
): Promise<Outcome<T> | 'gone'> {
  const content = JSON.stringify({ request_id: id, allow_metadata_only: false });
  const payload: Payload = { type: 'application/json', content };
  const { accept } = request;
  const options: CallOptions = {
    payload,
    answers: [408],
    isHeld: true,
    deadlineMs: pollDeadlineMs,
    ...given({ accept }),
  };
  let pauseMs = 20;
  for (;;) {
    const startedAt = clock.now();
    const reply = await transport.call('retrieve_future', options, signal);
    if (reply.status === 410) return 'gone';
    const settled = settledBy(reply, request, transport.server);
    if (settled) return settled;
    if (clock.now() - startedAt >= heldMs) continue;
    await clock.sleep(pauseMs, signal);
    pauseMs = Math.min(longestPauseMs, pauseMs * 1.5);
  }
}

/** Undefined while the result is to come. */
function settledBy<T>(
  reply: Reply,
  { path, read }: FutureRequest<T>,
  server: string,
): Outcome<T> | undefined {
  if (reply.status === 408) return undefined;
  if (!isPositive(reply)) return refusal(reply);
  if (reply.isProtobuf) return { kind: 'done', value: read(reply) };
  const json = parseJson(reply, server, path);
  const broken = failed.safeParse(json);
  if (broken.success) return { kind: 'refused', status: 400, said: oneLine(broken.data.error) };
  if (unfinished.safeParse(json).success) return undefined;
  return { kind: 'done', value: read(reply) };
}

/** The result of an outcome, or the refusal as an error. @throws MedixError 'engine' */
export function requireDone<T>(
  outcome: Outcome<T>,
  problem: Omit<Problem, 'got' | 'next'> & { readonly next?: string },
): T {
  if (outcome.kind === 'done') return outcome.value;
  return fail('engine', {
    next: nextFor(outcome.status),
    ...problem,
    got: `${outcome.status}: ${outcome.said}`,
  });
}

function nextFor(status: number): string {
  if (status === 401 || status === 403) return 'set TINKER_API_KEY to the key of this server';
  if (status === 402) return 'see to the billing of the account';
  if (status === 404)
    return 'check the name; what a server forgot is made anew by resuming from a checkpoint';
  if (status === 409) return 'begin anew from a checkpoint: another client uses this model';
  return 'see what the server says, or ask it by medix doctor --engine tinker';
}

export function isPositive({ status }: Pick<Reply, 'status'>): boolean {
  return status >= 200 && status <= 299;
}

const detailSchema = z.union([
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z
    .object({ detail: z.array(z.object({ msg: z.string() })).min(1) })
    .transform(({ detail }) => detail.map(({ msg }) => msg).join('; ')),
]);

/** What a server says about a request that it refuses, whichever of the usual ways it has of saying it. */
export function refusal({ status, body }: Reply): Refusal {
  const text = body.subarray(0, 8_000).toString('utf8');
  let said: string | undefined;
  try {
    said = detailSchema.safeParse(JSON.parse(text)).data;
  } catch {
    said = undefined;
  }
  return { kind: 'refused', status, said: oneLine(said ?? (text.trim() || 'an empty body'), 300) };
}

/** @throws MedixError 'engine' where the body is no JSON of that shape */
export function readJson<T>(reply: Reply, schema: z.ZodType<T>, server: string, path: string): T {
  const json = parseJson(reply, server, path);
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return fail('engine', {
    where: `${server}: ${path}`,
    expected: `an answer of the Tinker protocol (${issue?.path.join('.') || 'body'}: ${issue?.message ?? ''})`,
    got: quoted(reply.body.toString('utf8')),
    next: 'check the address and the version of the server',
  });
}

function parseJson({ body }: Reply, server: string, path: string): unknown {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return fail('engine', {
      where: `${server}: ${path}`,
      expected: 'JSON',
      got: quoted(text),
      next: 'check that a Tinker server is at this address',
    });
  }
}
