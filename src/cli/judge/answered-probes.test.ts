import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createLedger } from '../../http/ledger.ts';
import type { JudgeOutcome } from '../../judge/judge.ts';
import { openAnsweredProbes } from './answered-probes.ts';

const folder = await mkdtemp(join(tmpdir(), 'medix-answered-'));
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  for (const name of await readdir(folder)) await rm(join(folder, name));
});

const out = join(folder, 'certificate.json');
const labels = { shipped: 'a', own: 'none' };
const judge = { id: 'judge', kind: 'openai', digest: 'd' } as const;
const open = (ledger = createLedger(), change = {}, force = false) =>
  openAnsweredProbes(out, { ...judge, ...change }, labels, ledger, force);

const judged: JudgeOutcome = {
  kind: 'judged',
  correct: true,
  reply: 'YES',
  latencyMs: 12.5,
  tokens: { prompt: 3, completion: 1 },
  margin: -0.25,
  source: 'model',
};
const plain: JudgeOutcome = {
  kind: 'judged',
  correct: false,
  reply: '',
  latencyMs: 0,
  source: 'rule',
};
const unscored = (cause: 'unparsable' | 'timeout' | 'policy-blocked'): JudgeOutcome => ({
  kind: 'unscored',
  cause,
  message: 'm',
});

describe('what a judge has answered', () => {
  it('is there again after a crash, with what it had cost', async () => {
    const ledger = createLedger({ prices: { input: 1e6, output: 0 } });
    const first = await open(ledger);
    const meter = ledger.meter('judge');
    const outcomes = [judged, plain, unscored('unparsable'), unscored('policy-blocked')];
    await Promise.all(
      outcomes.map((outcome, probe) => {
        meter.requested();
        meter.answered({ prompt: 1, completion: 1 });
        return first.add(1, probe, outcome);
      }),
    );
    await first.add(1, 4, unscored('timeout'));
    await first.close();
    // As if the process was killed in the middle of a line.
    await appendFile(`${out}.part`, '{"round":2,"pro');
    const later = createLedger();
    const again = await open(later);
    expect(outcomes.map((_, probe) => again.outcomeOf(1, probe))).toEqual(outcomes);
    expect([again.outcomeOf(1, 4), again.outcomeOf(2, 0)]).toEqual([undefined, undefined]);
    expect(later.summary()['judge']).toMatchObject({ requests: 4, inputTokens: 4, money: 4 });
    await again.add(2, 0, judged);
    await again.close();
    const last = await open();
    expect(last.outcomeOf(2, 0)).toEqual(judged);
    await last.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is refused for another judge, or deleted on request', async () => {
    const first = await open();
    await first.add(1, 0, judged);
    await first.close();
    const ledger = createLedger();
    await expect(open(ledger, { digest: 'other' })).rejects.toThrow(
      /got a file with another judge/,
    );
    const forced = await open(ledger, { digest: 'other' }, true);
    expect(forced.outcomeOf(1, 0)).toBeUndefined();
    await forced.discard();
  });
});
