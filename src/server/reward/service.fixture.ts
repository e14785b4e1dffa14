/** Test support: the app over scripted parts, asked without a socket. */
import type { Clock } from '../../core/async/clock.ts';
import { createTestClock } from '../../core/async/test-clock.fixture.ts';
import type { Judge, JudgeOutcome } from '../../judge/judge.ts';
import { openRewardProfile } from '../../reward/profile.ts';
import { scriptedEmbedder, scriptedJudge } from '../../reward/scripted.fixture.ts';
import { Intake } from './intake.ts';
import type { Journal, JournalEntry } from './journal.ts';
import { createRewardApp, type RefusedRequest, type RewardAppParts } from './reward-app.ts';
import type { RewardResult } from './wire.ts';

/** A response in the right format; only `infarct` needs a judge. */
export const respond = (answer: string) =>
  `<CT_SCAN><thinking>I see.</thinking><answer>${answer}</answer>`;

export const truth = '<CT_SCAN>heart attack';

const vectors = { infarct: 1, 'heart attack': 0.9, MI: 0.9 };

export async function createTestApp(
  judge: JudgeOutcome | Judge,
  parts: Partial<RewardAppParts> & { readonly profileName?: string; readonly clock?: Clock } = {},
) {
  const entries: JournalEntry[] = [];
  const refused: RefusedRequest[] = [];
  const journal: Journal = {
    record: async (entry) => void entries.push(entry),
    close: async () => undefined,
  };
  const intake = parts.intake ?? new Intake(100);
  const app = createRewardApp({
    profile: await openRewardProfile(parts.profileName ?? 'medix-r1'),
    judge: 'describe' in judge ? judge : scriptedJudge(judge).judge,
    embedder: scriptedEmbedder(vectors).embedder,
    seesImages: false,
    ledger: () => ({}),
    intake,
    journal,
    host: '127.0.0.1',
    maxBodyBytes: 10_000,
    maxItems: 10,
    clock: createTestClock(),
    wallClock: () => 0,
    onRefused: (request) => refused.push(request),
    version: '0',
    ...parts,
  });
  const request = (path: string, init: RequestInit = {}) =>
    app.request(path, { ...init, headers: { host: '127.0.0.1:8090', ...init.headers } });
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    request(path, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
      headers: { 'content-type': 'application/json', ...init.headers },
    });
  return { app, post, get: request, intake, entries, refused };
}

/** A judge that answers when the test says so, or with `cancelled` when its call is aborted. */
export function heldJudge(outcome: JudgeOutcome) {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const judge: Judge = {
    ...scriptedJudge(outcome).judge,
    judge: async (items, signal) => {
      asked();
      const aborted = new Promise<'aborted'>((resolve) => {
        signal.addEventListener('abort', () => resolve('aborted'));
      });
      const end = await Promise.race([released, aborted]);
      if (end !== 'aborted') return items.map(() => outcome);
      return items.map(() => ({ kind: 'unscored', cause: 'cancelled', message: 'cancelled' }));
    },
  };
  return { judge, isAsked, release: () => release() };
}

export async function resultsOf(reply: Response): Promise<readonly RewardResult[]> {
  return ((await reply.json()) as { results: RewardResult[] }).results;
}

/** Why a request was refused. */
export async function errorOf(reply: Response): Promise<{ cause: string; message: string }> {
  return ((await reply.json()) as { error: { cause: string; message: string } }).error;
}
