import { afterEach, describe, expect, it } from 'vitest';
import { readSecrets } from '../config/environment.ts';
import { rewardJudgeSection } from '../config/judge-config.ts';
import { createTestClock } from '../core/async/test-clock.fixture.ts';
import { behave, chat, startMisbehavingServer } from '../http/misbehaving-server.fixture.ts';
import { createJudgeLedger, openRewardJudge } from './open-panel.ts';

const never = new AbortController().signal;
const item = { question: 'Q', answer: 'a', referenceAnswer: 'b', accepted: [] };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serverThatSays(content: string) {
  const server = await startMisbehavingServer((call) =>
    call.path === 'models' ? behave.healthy : chat({ message: { content } }),
  );
  closing.push(server.stop);
  return server;
}

function panelOf(...judges: readonly Readonly<Record<string, unknown>>[]) {
  const common = { kind: 'openai', cache: null, deadlineMs: 300_000 };
  return rewardJudgeSection.parse({
    kind: 'panel',
    judges: judges.map((judge) => ({ ...common, ...judge })),
  });
}

async function open(config: ReturnType<typeof panelOf>, apiKeys: readonly string[] = []) {
  const ledger = createJudgeLedger(config);
  const context = { seed: 1, clock: createTestClock(200_000), ledger, apiKeys };
  const judge = await openRewardJudge(config, context);
  closing.push(judge.close);
  return { judge, ledger };
}

describe('a panel that a config names', () => {
  it('asks every judge with its own key and sums up what each used', async () => {
    const [yes, no] = [await serverThatSays('YES'), await serverThatSays('NO')];
    const also = await serverThatSays('YES');
    const config = panelOf(
      { url: yes.url, model: 'a' },
      { url: no.url, model: 'b', prices: { input: 1, output: 2 }, cap: { calls: 1 } },
      { url: also.url, model: 'c' },
    );
    const { judge, ledger } = await open(config, ['key-a', 'key-b', 'key-c']);
    expect(await judge.judge([item], never)).toMatchObject([
      { kind: 'judged', correct: true, reply: 'a: YES; b: NO; c: YES' },
    ]);
    expect(yes.calls[0]?.headers['authorization']).toBe('Bearer key-a');
    expect(no.calls[0]?.headers['authorization']).toBe('Bearer key-b');
    expect(Object.keys(ledger.summary()).sort()).toEqual(['judge/1', 'judge/2', 'judge/3']);
    expect(ledger.summary()['judge/2']?.money).not.toBeNull();
    expect(ledger.summary()['judge/1']?.money).toBeNull();
    expect(ledger.capReached()).toMatch(/judge\/2's cap\.calls of 1/);
    // The judge whose cap is reached has no vote any more; the others still decide.
    expect(await judge.judge([{ ...item, answer: 'c' }], never)).toMatchObject([
      { kind: 'judged', correct: true, reply: 'a: YES; b: failed (cap-reached); c: YES' },
    ]);
  });

  it('has no judge twice', async () => {
    const judge = { url: 'http://127.0.0.1:1/v1', model: 'a' };
    await expect(open(panelOf(judge, judge))).rejects.toThrow(
      /judge\.judges\.1: expected another judge, got a, the same as judge\.judges\.0/,
    );
  });

  it('needs the key of each judge that names one', () => {
    const config = panelOf(
      { url: 'http://127.0.0.1:1/v1', model: 'a' },
      { url: 'http://127.0.0.1:1/v1', model: 'b', apiKeyEnv: 'KEY_B' },
    );
    const reward = { judge: config, embedder: { kind: 'local' } } as const;
    expect(readSecrets(reward, { KEY_B: 'secret' })).toEqual({
      judgeApiKeys: [undefined, 'secret'],
    });
    expect(() => readSecrets(reward, {})).toThrow(/reward\.judge\.judges\.1\.apiKeyEnv/);
  });

  it.each([
    ['a single judge', { judges: [{ kind: 'reference-match' }] }, /judges/],
    ['a panel in a panel', { judges: [{ kind: 'panel' }, { kind: 'panel' }] }, /reference-match/],
    ['a quorum beyond its size', { quorum: 3 }, /at most 2/],
    ['a judge with a certificate of its own', { certificateOf: 0 }, /certificate/],
  ])('is refused for %s', (_, changes, problem) => {
    const plain = { kind: 'openai', url: 'http://127.0.0.1:1/v1', model: 'a' };
    const judges =
      'certificateOf' in changes ? [{ ...plain, certificate: {} }, plain] : [plain, plain];
    const { certificateOf: __, ...given } = { certificateOf: 0, ...changes };
    const read = rewardJudgeSection.safeParse({ kind: 'panel', judges, ...given });
    expect(read.error?.message).toMatch(problem);
  });
});
