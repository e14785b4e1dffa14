/**
 * The reward against servers that misbehave: whatever they do, every response has one outcome, no
 * failure becomes a number, and nothing is left open. Servers are real; time is the test's.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { embedderSection, judgeSection } from '../../src/config/judge-config.ts';
import { createTestClock, type TestClock } from '../../src/core/async/test-clock.fixture.ts';
import type { FailureCause } from '../../src/core/outcome.ts';
import { openEmbedder } from '../../src/embed/open-embedder.ts';
import { createLedger, type Ledger } from '../../src/http/ledger.ts';
import {
  type Behaviour,
  behave,
  chat,
  type EmbeddingRow,
  embeddings,
  held,
  json,
  type ServerCall,
  startMisbehavingServer,
  status,
} from '../../src/http/misbehaving-server.fixture.ts';
import { openJudge } from '../../src/judge/open-judge.ts';
import { createReward, type RewardOutcome } from '../../src/reward/composite.ts';
import { openRewardProfile } from '../../src/reward/profile.ts';
import type { RewardItem } from '../../src/reward/reward-item.ts';

const never = new AbortController().signal;
const deadlineMs = 200_000;
const profile = await openRewardProfile('medix-r1');

const answers = ['cyst', 'abscess', 'infarct'] as const;
const items: readonly RewardItem[] = answers.map((answer) => ({
  sample: {
    problem: 'What is seen?',
    images: [{ bytes: new Uint8Array(), name: 'image' }],
    modality: 'CT_SCAN',
    referenceAnswer: 'fluid collection',
    accepted: [],
  },
  response: `<CT_SCAN><thinking>I see.</thinking><answer>${answer}</answer>`,
}));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Script = (call: ServerCall, clock: TestClock) => Behaviour | undefined;

type Setting = {
  readonly attempts?: number;
  readonly concurrency?: number;
  readonly hedgeAfterMs?: number;
  readonly requestsPerMinute?: number;
};

/**
 * In good health the judge says YES to everything and all texts have one direction, so that each reward
 * is 1: anything less would be a failure that became a number.
 */
async function open(script: Script, setting: Setting = {}, ledger: Ledger = createLedger()) {
  const clock = createTestClock(deadlineMs);
  const server = await startMisbehavingServer((call) => script(call, clock), {
    vector: () => [3, 4],
  });
  closing.push(server.stop);
  const common = { kind: 'openai', url: server.url, deadlineMs, attempts: 4, ...setting };
  const context = { seed: 1, clock, ledger };
  const judgeConfig = judgeSection.parse({ ...common, model: 'judge', cache: null });
  const embedderConfig = embedderSection.parse({ ...common, model: 'embedder', cache: null });
  const judge = await openJudge(judgeConfig, context);
  const embedder = await openEmbedder(embedderConfig, context);
  const reward = createReward({ profile, judge, embedder });
  return {
    server,
    clock,
    score: (signal = never) => reward.score(items, signal),
    close: async () => {
      await judge.close();
      await embedder.close();
      await server.allClosed();
      expect(clock.sleeping).toBe(0);
    },
  };
}

/** `scored`, or the cause. A score below 1 shows as what it is. */
function summary(outcomes: readonly RewardOutcome[]): readonly string[] {
  return outcomes.map((outcome) => {
    if (outcome.kind === 'unscored') return outcome.cause;
    return outcome.reward > 1 - 1e-9 ? 'scored' : `a reward of ${outcome.reward}`;
  });
}

const onJudge = (behaviour: Behaviour): Script => {
  return ({ path }) => (path === 'chat/completions' ? behaviour : undefined);
};
const onEmbedder = (behaviour: Behaviour): Script => {
  return ({ path }) => (path === 'embeddings' ? behaviour : undefined);
};
/** The first `times` calls of each path go wrong. */
const first = (times: number, behaviour: Behaviour): Script => {
  return ({ count }) => (count <= times ? behaviour : undefined);
};
/** As `behaviour`, and then the time for an answer runs out. */
const untilLate = (behaviour: Behaviour, clock: TestClock): Behaviour => {
  return async (call) => {
    await behaviour(call);
    // The half that was sent arrives before.
    setImmediate(() => clock.advance(deadlineMs));
  };
};

const busy = (retryAfter: string): Behaviour =>
  status(429, 'busy', {
    'retry-after': retryAfter,
    date: 'Thu, 01 Jan 2015 00:00:00 GMT',
  });

describe('a passing fault ends in scores', () => {
  it.each<[fault: string, script: Script, setting?: Setting]>([
    ['429 with Retry-After in seconds', first(3, busy('7'))],
    ['429 with Retry-After as a date', first(3, busy('Thu, 01 Jan 2015 00:00:09 GMT'))],
    ['429 without Retry-After', first(3, status(429, 'busy'))],
    ['408 request timeout', first(3, status(408))],
    ['500 internal error', first(3, status(500))],
    ['502 with an HTML page', first(3, behave.htmlError)],
    ['503 unavailable', first(3, status(503))],
    ['a backend error inside a 200', first(3, json({ error: { message: 'upstream', code: 502 } }))],
    ['a connection that is accepted and cut', first(3, behave.cutConnection)],
    ['a connection that is cut in mid-body', first(3, behave.cutInBody)],
    ['half a JSON in a proper response', first(3, behave.halfJson)],
    ['an empty body', first(3, behave.emptyBody)],
    ['a body that comes byte by byte', () => behave.slowDrip],
    ['a wrong content type', () => behave.wrongContentType],
    [
      'a hang',
      ({ path, count }, clock) =>
        path === 'chat/completions' && count === 1 ? untilLate(behave.hang, clock) : undefined,
      { concurrency: 1 },
    ],
    [
      'a hang in mid-body',
      ({ path, count }, clock) =>
        path === 'embeddings' && count === 1 ? untilLate(behave.stallInBody, clock) : undefined,
      { concurrency: 1 },
    ],
    [
      'a hang that a second request overtakes',
      ({ count }) => (count === 1 ? behave.hang : undefined),
      { hedgeAfterMs: 100 },
    ],
    ['a limit of requests per minute', () => undefined, { requestsPerMinute: 2 }],
  ])('%s', async (_, script, setting) => {
    const { score, close } = await open(script, setting);
    expect(summary(await score())).toEqual(['scored', 'scored', 'scored']);
    await close();
  });

  it('latency', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { server, score, close } = await open(() => held(released));
    const scores = score();
    await server.arrived(4);
    release();
    expect(summary(await scores)).toEqual(['scored', 'scored', 'scored']);
    await close();
  });
});

describe('a lasting fault leaves every response unscored', () => {
  const verdict = (content: string | null) => onJudge(chat({ message: { content } }));
  const tooLong = "This model's maximum context length is 2048 tokens";

  it.each<[fault: string, script: Script, cause: FailureCause, setting?: Setting]>([
    ['429 for good', onJudge(busy('7')), 'refused'],
    ['429 with a pause of an hour', onJudge(busy('3600')), 'refused'],
    ['500 for good', onJudge(status(500)), 'transport'],
    ['502 with an HTML page for good', onEmbedder(behave.htmlError), 'transport'],
    ['every connection cut', onEmbedder(behave.cutConnection), 'transport'],
    ['every body cut', onJudge(behave.cutInBody), 'transport'],
    [
      'every call hangs',
      ({ path }, clock) => (path === 'embeddings' ? undefined : untilLate(behave.hang, clock)),
      'timeout',
      { attempts: 1, concurrency: 1 },
    ],
    [
      'every body stalls',
      ({ path }, clock) =>
        path === 'embeddings' ? untilLate(behave.stallInBody, clock) : undefined,
      'timeout',
      { concurrency: 1 },
    ],
    ['401 for a wrong key', onJudge(status(401, 'invalid key')), 'refused'],
    ['404 for an unknown model', onJudge(status(404, 'no such model')), 'refused'],
    ['400 for the context length', onJudge(status(400, tooLong)), 'refused'],
    ['400 by a content filter', onJudge(status(400, 'content_filter')), 'policy-blocked'],
    ['a filtered reply', onJudge(chat({ finish_reason: 'content_filter' })), 'policy-blocked'],
    ['a redirect', onJudge(status(307, 'moved', { location: '/v2' })), 'refused'],
    ['an HTML page with status 200', onJudge(behave.htmlPage), 'unparsable'],
    ['a JSON of another schema', onJudge(json({ verdict: 'YES' })), 'unparsable'],
    ['no choices', onJudge(json({ choices: [] })), 'unparsable'],
    ['bytes that are no UTF-8', onEmbedder(behave.invalidUtf8), 'unparsable'],
    ['a body without end', onEmbedder(behave.endlessBody), 'unparsable'],
    ['a reply without content', verdict(null), 'unparsable'],
    ['the verdict "Maybe"', verdict('Maybe'), 'unparsable'],
    ['the verdict "NOT YES"', verdict('NOT YES'), 'unparsable'],
    ['the verdict "Yes, because…"', verdict('Yes, because it is one'), 'unparsable'],
    ['embeddings of another schema', onEmbedder(json({ data: [[1, 2]] })), 'unparsable'],
    ['no embeddings', onEmbedder(embeddings(() => [])), 'unparsable'],
  ])('%s', async (_, script, cause, setting) => {
    const { score, close } = await open(script, setting);
    expect(summary(await score())).toEqual([cause, cause, cause]);
    await close();
  });
});

describe('a fault of one vector leaves the others scored', () => {
  /** The embedding of the second answer, changed. */
  const onSecond = (
    change: (row: EmbeddingRow, all: readonly EmbeddingRow[]) => readonly unknown[],
  ) =>
    onEmbedder((call) => {
      const at = (call.body['input'] as string[]).indexOf(answers[1]);
      const behaviour = embeddings((rows) =>
        rows.flatMap((row) => (row.index === at ? change(row, rows) : [row])),
      );
      return behaviour(call);
    });

  it.each<[fault: string, script: Script]>([
    ['too few vectors', onSecond(() => [])],
    ['a vector of another length', onSecond((row) => [{ ...row, embedding: [1, 2, 3] }])],
    ['a vector without direction', onSecond((row) => [{ ...row, embedding: [0, 0] }])],
    ['a vector that overflows', onSecond((row) => [{ ...row, embedding: [1e300, 1e300] }])],
    ['two vectors for one text', onSecond((row) => [row, { ...row, embedding: [4, 3] }])],
    ['an index outside of the list', onSecond((row) => [{ ...row, index: 99 }])],
  ])('%s', async (_, script) => {
    const { score, close } = await open(script);
    expect(summary(await score())).toEqual(['scored', 'unparsable', 'scored']);
    await close();
  });

  it('a number that is none fails its own text', async () => {
    const nan: Behaviour = ({ response, healthy }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(healthy).replace('4', 'NaN'));
    };
    const { score, close } = await open(onEmbedder(nan));
    expect(summary(await score())).toEqual(['unparsable', 'scored', 'scored']);
    await close();
  });
});

it('a failed verdict leaves the other verdicts in force', async () => {
  const { score, close } = await open(({ path, body }) => {
    const isSecond = JSON.stringify(body).includes(answers[1]);
    return path === 'chat/completions' && isSecond ? behave.htmlPage : undefined;
  });
  expect(summary(await score())).toEqual(['scored', 'unparsable', 'scored']);
  await close();
});

it('what failed is asked again, and only that', async () => {
  let isSick = true;
  const { server, score, close } = await open(({ path, body }) => {
    const isSecond = JSON.stringify(body).includes(answers[1]);
    return path === 'chat/completions' && isSecond && isSick ? status(400) : undefined;
  });
  expect(summary(await score())).toEqual(['scored', 'refused', 'scored']);
  const asked = server.calls.length;
  isSick = false;
  expect(summary(await score())).toEqual(['scored', 'scored', 'scored']);
  expect(server.calls).toHaveLength(asked + 1);
  await close();
});

it('cancelling frees every response at once and closes what was open', async () => {
  const { server, score, close } = await open(() => behave.hang);
  const caller = new AbortController();
  const scores = score(caller.signal);
  await server.arrived(4);
  caller.abort();
  expect(summary(await scores)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  await close();
});

it('a cap leaves the rest unscored and says how to resume', async () => {
  const ledger = createLedger({ cap: { calls: 2 } });
  const { server, score, close } = await open(() => undefined, { concurrency: 1 }, ledger);
  const outcomes = await score();
  expect(summary(outcomes)).toEqual(['scored', 'scored', 'cap-reached']);
  expect(outcomes[2]).toMatchObject({ message: expect.stringMatching(/raise cap\.calls/) });
  expect(server.calls.filter(({ path }) => path === 'chat/completions')).toHaveLength(2);
  await close();
});
