import { beforeAll, describe, expect, it } from 'vitest';
import type { Unscored } from '../../core/outcome.ts';
import type { Judge, JudgeOutcome } from '../judge.ts';
import { createReferenceMatchJudge } from '../reference-match.ts';
import { certificateSchema } from './certificate.ts';
import { type CertifyOptions, certifyJudge } from './certify.ts';
import { type ProbePack, readShippedProbes } from './probes.ts';
import { labelReader, scriptedEmbedder, scriptedJudge } from './scripted-judge.fixture.ts';

let shipped: ProbePack;
beforeAll(async () => {
  shipped = await readShippedProbes();
});

const timeout: Unscored = { kind: 'unscored', cause: 'timeout', message: 'no answer in 5 ms' };
const unparsable: Unscored = { kind: 'unscored', cause: 'unparsable', message: 'said "perhaps"' };

const certify = async (judge: Judge, options: Partial<CertifyOptions> = {}) => {
  const { certificate } = await certifyJudge(async () => judge, {
    shipped,
    repeats: 1,
    medix: '1.2.3',
    clock: () => Date.UTC(2026, 0, 2),
    signal: new AbortController().signal,
    ...options,
  });
  return certificate;
};

describe('the figures of a certificate', () => {
  it('are perfect for a judge that knows every label', async () => {
    const { overall, categories, latencyMs } = await certify(
      scriptedJudge(labelReader(shipped.probes)),
      { repeats: 2 },
    );
    const perfect = { value: 1, low: expect.any(Number), high: 1 };
    for (const figures of [overall, ...Object.values(categories)]) {
      expect(figures).toMatchObject({
        coverage: perfect,
        sensitivity: perfect,
        specificity: perfect,
        accuracy: perfect,
        kappa: { value: expect.closeTo(1, 9) },
        unscored: {},
        abstention: { value: 0 },
        flips: { value: 0 },
      });
    }
    expect(overall.probes).toBe(shipped.probes.length);
    expect(overall.sensitivity?.low).toBeGreaterThan(0.97);
    expect(latencyMs).toEqual({ median: 10, p90: 10, p99: 10 });
  });

  it('show no agreement beyond chance for one that passes everything', async () => {
    const { overall } = await certify(scriptedJudge(() => true));
    expect(overall).toMatchObject({
      sensitivity: { value: 1 },
      specificity: { value: 0 },
      kappa: { value: expect.closeTo(0, 9) },
    });
  });

  it('have no flips from a single round', async () => {
    expect((await certify(scriptedJudge(() => true))).overall.flips).toBeNull();
  });

  it('lose coverage, but keep their rates, where the judge fails', async () => {
    const know = labelReader(shipped.probes);
    let asked = 0;
    const failing = scriptedJudge((item) => {
      asked++;
      if (asked % 5 === 0) return timeout;
      return asked % 5 === 1 ? unparsable : know(item);
    });
    const { overall } = await certify(failing);
    const fifth = Math.floor(shipped.probes.length / 5);
    expect(overall).toMatchObject({
      unscored: { timeout: fifth, unparsable: Math.ceil(shipped.probes.length / 5) },
      sensitivity: { value: 1 },
      specificity: { value: 1 },
      kappa: { value: expect.closeTo(1, 9) },
    });
    expect(overall.coverage.value).toBeCloseTo(0.6, 2);
    expect(overall.abstention?.value).toBeCloseTo(0.25, 2);
  });

  it('are left open for a judge that never gives a verdict', async () => {
    const { overall, latencyMs } = await certify(scriptedJudge(() => timeout));
    expect(overall).toMatchObject({
      coverage: { value: 0 },
      sensitivity: null,
      specificity: null,
      accuracy: null,
      kappa: null,
      abstention: null,
    });
    expect(latencyMs).toBeNull();
  });

  it('count a verdict that changes as a flip and judge by the first', async () => {
    const know = labelReader(shipped.probes);
    const first = shipped.probes[0];
    let asked = 0;
    const flipping = scriptedJudge((item) => {
      const isFirst = item.question === first?.question && item.answer === first.answer;
      return isFirst && asked++ > 0 ? !know(item) : know(item);
    });
    const { overall } = await certify(flipping, { repeats: 3 });
    expect(overall.accuracy?.value).toBe(1);
    expect(overall.flips).toMatchObject({
      value: 1 / shipped.probes.length,
      of: shipped.probes.length,
    });
  });

  it('tell of each category for itself, the own labels among them', async () => {
    const probe = { question: 'Which lung?', reference: 'Left', answer: 'Right', correct: false };
    const own: ProbePack = {
      probes: [{ ...probe, id: '1', category: 'own' }],
      digest: 'c'.repeat(64),
    };
    const certificate = await certify(scriptedJudge(labelReader(shipped.probes)), { own });
    expect(certificate.own).toEqual({ probes: 1, digest: own.digest });
    expect(certificate.categories['own']).toMatchObject({
      probes: 1,
      specificity: { value: 1 },
      sensitivity: null,
      kappa: null,
    });
  });

  it('compare the verdicts with those of an embedder', async () => {
    const judge = scriptedJudge(labelReader(shipped.probes));
    // Everything is alike, so only what conflicts and what is blank is told apart.
    const embedder = scriptedEmbedder((text) => (text === 'Trisomy 21' ? timeout : 0));
    const findConflict = (answer: string) => (answer === 'YES' ? 'says yes' : undefined);
    const { similarity, overall } = await certify(judge, {
      similarity: { embedder, threshold: 0.8, findConflict },
    });
    const refused = shipped.probes.filter(
      ({ answer }) => answer === 'YES' || answer.trim() === '',
    ).length;
    const failed = shipped.probes.filter(({ reference }) => reference === 'Trisomy 21').length;
    expect(similarity).toMatchObject({ threshold: 0.8, unscored: { timeout: failed } });
    const right = shipped.probes.filter(
      ({ correct, reference }) => correct && reference !== 'Trisomy 21',
    ).length;
    expect(similarity?.agreement).toMatchObject({
      value: (right + refused) / (shipped.probes.length - failed),
      of: overall.probes - failed,
    });
  });
});

describe('a certificate', () => {
  it('has the form of its schema', async () => {
    const certificate = await certify(createReferenceMatchJudge());
    expect(certificateSchema.parse(JSON.parse(JSON.stringify(certificate)))).toEqual(certificate);
    expect(certificate).toMatchObject({
      medix: '1.2.3',
      createdAt: '2026-01-02T00:00:00.000Z',
      judge: { id: 'reference-match', kind: 'reference-match' },
      shipped: { probes: shipped.probes.length, digest: shipped.digest },
      own: null,
      latencyMs: null,
      usage: null,
    });
  });

  it('has a digest that rests on what was found, not on when and how fast', async () => {
    const know = labelReader(shipped.probes);
    const judge = scriptedJudge(know);
    const slow: Judge = {
      ...judge,
      judge: async (items, signal) =>
        (await judge.judge(items, signal)).map((one) => ({ ...one, latencyMs: 99 })),
    };
    const one = await certify(judge);
    const later = await certify(slow, { clock: () => Date.UTC(2027, 0, 1) });
    const other = await certify(scriptedJudge((item) => know(item) || item.answer === ':'));
    expect(later.latencyMs).not.toEqual(one.latencyMs);
    expect(later.digest).toBe(one.digest);
    expect(other.digest).not.toBe(one.digest);
  });
});

describe('certifying', () => {
  it('opens a judge for each round and closes it', async () => {
    const judge = scriptedJudge(() => true);
    const log: string[] = [];
    await certifyJudge(
      async () => {
        log.push('open');
        return { ...judge, close: async () => void log.push('close') };
      },
      {
        shipped,
        repeats: 2,
        medix: '1.2.3',
        clock: () => 0,
        signal: new AbortController().signal,
      },
    );
    expect(log).toEqual(['open', 'close', 'open', 'close']);
  });

  it('ends before the first question when the judge cannot be asked', async () => {
    let asked = 0;
    let closed = false;
    const judge: Judge = {
      ...scriptedJudge(() => {
        asked++;
        return true;
      }),
      probe: async () => ({ kind: 'unscored', cause: 'refused', message: 'no such model' }),
      close: async () => {
        closed = true;
      },
    };
    await expect(certify(judge)).rejects.toThrow(/judge scripted: .* got refused: no such model/);
    expect({ asked, closed }).toEqual({ asked: 0, closed: true });
  });

  it('ends without a certificate when it is interrupted', async () => {
    const controller = new AbortController();
    const judge = scriptedJudge(() => {
      controller.abort();
      return { kind: 'unscored', cause: 'cancelled', message: 'cancelled' };
    });
    await expect(certify(judge, { signal: controller.signal })).rejects.toMatchObject({
      boundary: 'cancelled',
    });
  });

  it('does not wait for a judge, or for an embedder, that does not stop', async () => {
    const never = new Promise<never>(() => {});
    for (const hanging of ['judge', 'close', 'probe', 'embed'] as const) {
      const controller = new AbortController();
      const hang = (part: typeof hanging) => {
        if (part !== hanging) return undefined;
        setImmediate(() => controller.abort());
        return never;
      };
      const ready = scriptedJudge(() => true);
      const judge: Judge = {
        ...ready,
        judge: (items, signal) => hang('judge') ?? ready.judge(items, signal),
        probe: (signal) => hang('probe') ?? ready.probe(signal),
        close: () => hang('close') ?? ready.close(),
      };
      const still = scriptedEmbedder(() => 0);
      const embedder = {
        ...still,
        embed: (texts: readonly string[], signal: AbortSignal) =>
          hang('embed') ?? still.embed(texts, signal),
      };
      const similarity = { embedder, threshold: 0.8, findConflict: () => undefined };
      await expect(
        certify(judge, { signal: controller.signal, similarity }),
        hanging,
      ).rejects.toMatchObject({ boundary: 'cancelled' });
    }
  });

  it('goes on from what is recorded, and comes to the same certificate', async () => {
    const know = labelReader(shipped.probes);
    const recorded = new Map<string, JudgeOutcome>();
    const openRecord = async () => ({
      outcomeOf: (round: number, probe: number) => recorded.get(`${round}/${probe}`),
      add: async (round: number, probe: number, outcome: JudgeOutcome) => {
        recorded.set(`${round}/${probe}`, outcome);
      },
    });
    const whole = await certify(scriptedJudge(know), { repeats: 2 });
    for (const count of [1, 40, shipped.probes.length, shipped.probes.length + 7]) {
      const controller = new AbortController();
      let asked = 0;
      const judge = scriptedJudge((item) => {
        if (++asked === count) controller.abort();
        return know(item);
      });
      const before = recorded.size;
      const options = { repeats: 2, openRecord };
      await certify(judge, { ...options, signal: controller.signal }).catch(() => {});
      expect(recorded.size).toBeGreaterThanOrEqual(before);
    }
    const left = 2 * shipped.probes.length - recorded.size;
    let asked = 0;
    const counting = scriptedJudge((item) => {
      asked++;
      return know(item);
    });
    const certificate = await certify(counting, { repeats: 2, openRecord });
    expect(asked).toBe(left);
    expect(certificate.digest).toBe(whole.digest);
    const silent = scriptedJudge(() => {
      throw new Error('asked again');
    });
    expect((await certify(silent, { repeats: 2, openRecord })).digest).toBe(whole.digest);
  });

  it('stops at a cap, and records what came before it', async () => {
    let asked = 0;
    const recorded: JudgeOutcome[] = [];
    const capped: Unscored = {
      kind: 'unscored',
      cause: 'cap-reached',
      message: 'cap of 5 reached',
    };
    const judge = scriptedJudge(() => (++asked > 5 ? capped : true));
    const openRecord = async () => ({
      outcomeOf: () => undefined,
      add: async (_: number, __: number, outcome: JudgeOutcome) => void recorded.push(outcome),
    });
    await expect(certify(judge, { openRecord })).rejects.toThrow(
      /expected to ask about every labelled answer, got cap of 5 reached; /,
    );
    expect(recorded).toHaveLength(5);
  });

  it('tells how far it is', async () => {
    const progress: string[] = [];
    await certify(
      scriptedJudge(() => true),
      {
        repeats: 2,
        onProgress: ({ round, rounds, done, of }) =>
          progress.push(`${round}/${rounds} ${done}/${of}`),
      },
    );
    const count = shipped.probes.length;
    expect(progress).toHaveLength(2 * count);
    expect(progress[0]).toBe(`1/2 1/${count}`);
    expect(progress.at(-1)).toBe(`2/2 ${count}/${count}`);
  });
});
