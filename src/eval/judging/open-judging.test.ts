import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { evalConfigSchema, type JudgingConfig } from '../../config/eval-config.ts';
import { createTestClock } from '../../core/async/test-clock.fixture.ts';
import { createLedger } from '../../http/ledger.ts';
import { json, startMisbehavingServer, status } from '../../http/misbehaving-server.fixture.ts';
import { certifyJudge } from '../../judge/certificate/certify.ts';
import { openEvaluationJudge } from './evaluation-judge.ts';
import type { JudgingItem } from './judging.ts';
import { openJudging } from './open-judging.ts';

const never = new AbortController().signal;
const closing: (() => unknown)[] = [];
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-judging-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function judgingOf(judging: unknown): JudgingConfig {
  const model = { kind: 'local', path: 'x' };
  return evalConfigSchema.parse({ model, tasks: ['t'], judging }).judging;
}

const context = {
  apiKeys: [],
  clock: createTestClock(50_000),
  seed: 1,
  modelNames: ['medix-mini'],
};
const llm = (url: string, more = {}) => ({
  kind: 'openai',
  url,
  model: 'judge',
  cache: null,
  ...more,
});

async function serve(reply: (text: string) => string) {
  const server = await startMisbehavingServer(undefined, { reply });
  closing.push(server.stop);
  return server;
}

async function open(judging: unknown, more = {}) {
  const opened = await openJudging(judgingOf(judging), { ...context, ...more });
  closing.unshift(opened.close);
  return opened;
}

const report: JudgingItem['sample'] = {
  id: 'r',
  kind: 'report',
  problem: 'Describe the scan.',
  stem: 'Describe the scan.',
  choices: [],
  referenceAnswer: 'Clear lungs.',
  accepted: [],
  images: [],
};
const item = { sample: report, response: 'Lungs are clear.', truncated: false };

describe('opening a judging', () => {
  it('judges offline by default', async () => {
    const judging = await open({});
    expect(judging).toMatchObject({ seesImages: false, gradesReports: false, warnings: [] });
    expect(judging.describe).toMatchObject({
      mode: 'medix-r1',
      votes: 1,
      judges: [{ id: 'reference-match', kind: 'reference-match', certificate: null }],
    });
    await judging.requireReachable(never);
    expect(judging.usage()).toEqual({});
  });

  it('lists all that a mode cannot do', async () => {
    const url = 'http://127.0.0.1:1/v1';
    const judges = [
      llm(url, { prompt: 'mine.jinja', verdict: 'logprobs', showImages: true }),
      { kind: 'reference-match' },
    ];
    const opening = openJudging(
      judgingOf({ mode: 'medix-r1-reference', judges, votes: 3 }),
      context,
    );
    await expect(opening).rejects.toThrow(
      /judging\.judges: .*\njudging\.votes: .*\njudging\.judges\.showImages: .*\njudging\.judges\.0\.prompt: .*\njudging\.judges\.0\.verdict: /,
    );
    await expect(openJudging(judgingOf({ votes: 3 }), context)).rejects.toThrow(/judging\.votes/);
  });

  it('takes no judge twice', async () => {
    const judge = llm('http://127.0.0.1:1/v1');
    await expect(openJudging(judgingOf({ judges: [judge, judge] }), context)).rejects.toThrow(
      'judging.judges.1: expected another judge, got judge, the same as judging.judges.0',
    );
  });

  it('judges by a server, sends reports to the metrics, and sums up what both were asked', async () => {
    const { url } = await serve(() => '{"accuracy": 5, "completeness": 4, "relevance": 3}');
    const green = await startMisbehavingServer(() => json({ scores: [0.25] }));
    const broken = await startMisbehavingServer(() => status(400));
    closing.push(green.stop, broken.stop);
    const metrics = [
      { name: 'green', url: `${green.url}/score` },
      { name: 'broken', url: `${broken.url}/score` },
    ];
    const judging = await open({ judges: [llm(url)], metrics });
    const verdict = await judging.judge(item, never);
    expect(verdict.outcome).toEqual({ kind: 'scored', score: 0.8 });
    expect(verdict.metrics).toEqual({ green: 0.25, broken: null });
    expect(judging.metricFailures()).toEqual({ green: {}, broken: { refused: 1 } });
    expect(judging.usage()).toMatchObject({
      judge: { requests: 1, inputTokens: 90 },
      'metric/green': { requests: 1 },
      'metric/broken': { requests: 1, failed: 1 },
    });
  });

  it('keeps grades on disk for the next evaluation', async () => {
    const server = await serve(() => '{"accuracy": 5, "completeness": 5, "relevance": 5}');
    const cache = join(folder, 'answers');
    const judges = [llm(server.url, { cache }), llm(server.url, { cache, model: 'other' })];
    for (let run = 0; run < 2; run++) {
      const judging = await openJudging(judgingOf({ judges }), context);
      expect((await judging.judge(item, never)).outcome).toEqual({ kind: 'scored', score: 1 });
      await judging.close();
    }
    expect(server.calls).toHaveLength(2);
  });

  it('goes on with the usage of earlier processes, and stops at the cap of each judge', async () => {
    const [one, two] = [await serve(() => '{}'), await serve(() => '{}')];
    const config = {
      judges: [llm(one.url, { cap: { calls: 2 } }), llm(two.url, { model: 'other' })],
    };
    const first = await open(config);
    await first.judge(item, never);
    expect(Object.keys(first.usage())).toEqual(['judge/1', 'judge/2']);
    expect(first.capReached()).toBeUndefined();
    const second = await open(config, { earlierUsage: first.usage() });
    await second.judge(item, never);
    expect(second.capReached()).toContain('cap.calls of 2 is reached');
    expect(second.usage()).toMatchObject({
      'judge/1': { requests: 2 },
      'judge/2': { requests: 2 },
    });
    const { votes } = await second.judge(item, never);
    expect(votes[0]?.outcome).toMatchObject({ kind: 'failed', cause: 'cap-reached' });
  });

  it('names every judge that does not answer', async () => {
    const { url } = await serve(() => '');
    const judging = await open({
      judges: [
        llm(url, { model: 'other' }),
        llm(url),
        llm('http://127.0.0.1:1/v1', { model: 'gone' }),
      ],
    });
    await expect(judging.requireReachable(never)).rejects.toThrow(/judge other: .*\njudge gone: /);
  });

  it('warns of judges of one family and of the family of the model', async () => {
    const url = 'http://127.0.0.1:1/v1';
    const judges = [llm(url, { model: 'Qwen3-14B' }), llm(url, { model: 'qwen2.5-7b' })];
    const { warnings } = await open({ judges }, { modelNames: ['MediX-R1-8B'] });
    expect(warnings).toContainEqual(expect.stringContaining('both of the qwen family and share'));
    expect(warnings).toContainEqual(
      expect.stringContaining('judges favour models of their own family'),
    );
  });

  it('takes the error rates of a certificate of this very judge only', async () => {
    const { url } = await serve((text) =>
      text.includes('good') ? '{"correct": true}' : '{"correct": false}',
    );
    const asking = { mode: 'medix-r1', votes: 1 } as const;
    const probes = ['good', 'bad'].map((answer, index) => ({
      id: `p${index}`,
      category: 'plain',
      question: 'How is it?',
      reference: 'well',
      answer,
      correct: answer === 'good',
    }));
    const judge = judgingOf({ judges: [llm(url)] }).judges[0];
    if (judge === undefined) throw new Error('no judge');
    const { certificate } = await certifyJudge(
      () => openEvaluationJudge(judge, asking, { ...context, ledger: createLedger() }),
      {
        shipped: { probes, digest: 'a'.repeat(64) },
        repeats: 1,
        medix: '0',
        clock: () => 0,
        signal: never,
      },
    );
    const path = join(folder, 'certificate.json');
    await writeFile(path, JSON.stringify(certificate));
    const certified = llm(url, { certificate: { path } });
    const one = await open({ judges: [certified] });
    expect(one.describe.judges[0]?.certificate).toEqual({
      digest: certificate.digest,
      sensitivity: 1,
      specificity: 1,
      rightProbes: probes.filter(({ correct }) => correct).length,
      wrongProbes: probes.filter(({ correct }) => !correct).length,
    });
    const voting = await open({ judges: [certified], votes: 3 });
    expect(voting.describe.judges[0]?.certificate).toBeNull();
    expect(voting.warnings[0]).toContain('its certificate is of another judge');
  });
});
