import { describe, expect, it } from 'vitest';
import { ledgerSummarySchema } from '../core/usage.ts';
import { createLedger } from './ledger.ts';

const tokens = { prompt: 900, completion: 100 };

describe('createLedger', () => {
  it('counts by kind of use and charges only the one that prices speak of', () => {
    const ledger = createLedger({ prices: { input: 1, output: 10 } });
    const judge = ledger.meter('judge');
    for (let i = 0; i < 3; i++) judge.requested();
    judge.failed();
    judge.answered(tokens);
    judge.answered(tokens);
    const embedder = ledger.meter('embedder');
    embedder.requested();
    embedder.answered({ prompt: 50, completion: 0 });
    ledger.reused('judge', tokens);
    ledger.reused('embedder');
    const { judge: judged, embedder: embedded } = ledger.summary();
    expect(judged).toEqual({
      requests: 3,
      failed: 1,
      inputTokens: 1800,
      outputTokens: 200,
      unmetered: 0,
      money: expect.closeTo((1800 + 2000) / 1e6, 12),
      reused: 1,
      tokensSaved: 1000,
    });
    expect(embedded).toMatchObject({ requests: 1, inputTokens: 50, money: null, reused: 1 });
  });

  it('says which cap is reached, how much was used and how to resume', () => {
    const caps = [
      [{ calls: 1 }, /cap\.calls of 1 is reached \(used: 1\); raise cap\.calls/],
      [{ tokens: 1000 }, /cap\.tokens of 1000 is reached \(used: 1000\)/],
      [{ money: 0.001 }, /cap\.money of 0\.001 is reached \(used: 0\.001900\)/],
    ] as const;
    for (const [cap, message] of caps) {
      const ledger = createLedger({ cap, prices: { input: 1, output: 10 } });
      const meter = ledger.meter('judge');
      expect(meter.barred()).toBeUndefined();
      meter.requested();
      meter.answered(tokens);
      expect(meter.barred()).toMatch(message);
      expect(ledger.capReached()).toMatch(message);
      expect(ledger.meter('embedder').barred()).toBeUndefined();
    }
  });

  it('does not pretend to keep a cap on tokens that nobody reports', () => {
    const meter = createLedger({ cap: { tokens: 1e9 } }).meter('judge');
    meter.requested();
    meter.answered();
    expect(meter.barred()).toMatch(/does not report token usage; cap calls instead/);
  });

  it('continues where an earlier process of the run stopped', () => {
    const before = createLedger({ prices: { input: 1, output: 1 } });
    before.meter('judge').requested();
    before.meter('judge').answered(tokens);
    const stored = ledgerSummarySchema.parse(JSON.parse(JSON.stringify(before.summary())));
    const ledger = createLedger({ prices: { input: 1, output: 1 }, cap: { calls: 2 } });
    ledger.merge(stored);
    expect(ledger.summary()).toEqual(before.summary());
    expect(ledger.capReached()).toBeUndefined();
    ledger.meter('judge').requested();
    expect(ledger.capReached()).toMatch(/cap\.calls of 2/);
  });
});
