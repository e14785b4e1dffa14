import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Unscored } from '../core/outcome.ts';
import type { Judge, JudgeItem, JudgeOutcome, RubricOutcome } from './judge.ts';
import { createPanelJudge, type PanelOptions } from './panel.ts';
import { disagreementOf, majorityOf } from './votes.ts';

const never = new AbortController().signal;
const item: JudgeItem = { question: 'Q', answer: 'A', referenceAnswer: 'R', accepted: [] };
const dead: Unscored = { kind: 'unscored', cause: 'timeout', message: 'too late' };
const idle = { probe: async () => undefined, close: async () => undefined };

type Vote = boolean | Unscored;

/** @param votes By item; a single one is given to every item. */
function judgeOf(id: string, vote: Vote | ((item: JudgeItem) => Vote)): Judge {
  return {
    describe: { id, kind: 'openai', digest: id },
    judge: async (items) =>
      items.map((one): JudgeOutcome => {
        const given = typeof vote === 'function' ? vote(one) : vote;
        if (typeof given !== 'boolean') return given;
        const reply = given ? 'YES' : 'no, since …';
        const tokens = { prompt: 10, completion: 1 };
        return { kind: 'judged', correct: given, reply, latencyMs: 5, tokens, source: 'model' };
      }),
    ...idle,
  };
}

async function decide(votes: readonly Vote[], options: Partial<PanelOptions> = {}) {
  const judges = votes.map((vote, i) => judgeOf(`j${i}`, vote));
  const panel = createPanelJudge({ judges, rule: 'majority', ...options });
  const [outcome] = await panel.judge([item], never);
  return outcome;
}

describe('a panel of judges', () => {
  it('decides by the majority and tells who said what', async () => {
    expect(await decide([true, true, false])).toEqual({
      kind: 'judged',
      correct: true,
      reply: 'j0: YES; j1: YES; j2: NO (no, since …)',
      disagreement: expect.closeTo(2 / 3, 12),
      latencyMs: 5,
      tokens: { prompt: 30, completion: 3 },
      source: 'model',
    });
    expect(await decide([false, false, false])).toMatchObject({ correct: false, disagreement: 0 });
  });

  it('has no verdict at a tie, and none by a majority of those alone that answered', async () => {
    expect(await decide([true, false])).toEqual({
      kind: 'unscored',
      cause: 'undecided',
      message: '1 of 2 say right, 1 wrong',
    });
    expect(await decide([true, true, false, dead])).toMatchObject({
      kind: 'unscored',
      cause: 'timeout',
      message: '2 of 3 say right, 1 wrong; too late',
    });
    expect(await decide([true, true, dead])).toMatchObject({ kind: 'judged', correct: true });
  });

  it('counts a failed judge as a missing vote, down to a quorum', async () => {
    const unscored = { kind: 'unscored', cause: 'timeout' };
    expect(await decide([true, dead, dead], { rule: 'mean' })).toMatchObject({
      ...unscored,
      message: '1 of 3 judges answered, too few; too late',
    });
    expect(await decide([true, dead, dead], { rule: 'mean', quorum: 1 })).toMatchObject({
      correct: true,
      share: 1,
    });
    expect(await decide([true, true, dead], { rule: 'mean', quorum: 3 })).toMatchObject(unscored);
    expect(await decide([true, dead, dead], { rule: 'mean', quorum: 1 })).not.toHaveProperty(
      'disagreement',
    );
    expect(await decide([dead, dead, dead], { rule: 'unanimous' })).toMatchObject(unscored);
  });

  it('gives the share of verdicts under the rule mean, right only above one half', async () => {
    expect(await decide([true, false, true, true], { rule: 'mean' })).toMatchObject({
      correct: true,
      share: 0.75,
      disagreement: 0.5,
    });
    expect(await decide([true, false], { rule: 'mean' })).toMatchObject({
      correct: false,
      share: 0.5,
      disagreement: 1,
    });
  });

  it('is right under the rule unanimous only if nobody says wrong', async () => {
    const rule = 'unanimous';
    expect(await decide([true, true], { rule })).toMatchObject({ correct: true });
    expect(await decide([true, true, false], { rule })).toMatchObject({ correct: false });
    expect(await decide([true, true, dead], { rule })).toMatchObject({ correct: true });
  });

  it('decides the same whatever the order of its judges, which its digest does not tell', async () => {
    const vote = fc.constantFrom<Vote>(true, false, dead);
    const rules = fc.constantFrom<PanelOptions['rule']>('majority', 'mean', 'unanimous');
    await fc.assert(
      fc.asyncProperty(
        fc.array(vote, { minLength: 2, maxLength: 6 }),
        rules,
        async (votes, rule) => {
          const [one, other] = [
            await decide(votes, { rule }),
            await decide(votes.toReversed(), { rule }),
          ];
          const { reply: _, ...told } = { reply: '', ...one };
          const { reply: __, ...toldToo } = { reply: '', ...other };
          expect(toldToo).toEqual(told);
        },
      ),
    );
    const [a, b] = [judgeOf('a', true), judgeOf('b', true)];
    const digestOf = (judges: readonly Judge[], rule: PanelOptions['rule'] = 'majority') =>
      createPanelJudge({ judges, rule }).describe.digest;
    expect(digestOf([a, b])).toBe(digestOf([b, a]));
    expect(digestOf([a, b])).not.toBe(digestOf([a, judgeOf('c', true)]));
    expect(digestOf([a, b])).not.toBe(digestOf([a, b], 'mean'));
  });

  it('judges each item by itself', async () => {
    const judges = [
      judgeOf('a', ({ answer }) => answer === 'x'),
      judgeOf('b', ({ answer }) => answer === 'x'),
    ];
    const panel = createPanelJudge({ judges, rule: 'majority' });
    const items = ['x', 'y', 'x'].map((answer) => ({ ...item, answer }));
    expect(await panel.judge(items, never)).toMatchObject([
      { correct: true },
      { correct: false },
      { correct: true },
    ]);
  });

  it('gives up when its caller does', async () => {
    const judges = [judgeOf('a', true), judgeOf('b', true)];
    const panel = createPanelJudge({ judges, rule: 'majority' });
    expect(await panel.judge([item], AbortSignal.abort())).toMatchObject([{ cause: 'cancelled' }]);
  });

  it('can be asked if all of its judges can', async () => {
    const judges = [
      judgeOf('a', true),
      { ...judgeOf('b', true), probe: async () => dead },
      { ...judgeOf('c', true), probe: async () => dead },
    ];
    expect(await createPanelJudge({ judges, rule: 'majority' }).probe(never)).toMatchObject({
      cause: 'timeout',
      message: 'b: timeout: too late; c: timeout: too late',
    });
    const well = [judgeOf('a', true), judgeOf('b', true)];
    expect(await createPanelJudge({ judges: well, rule: 'majority' }).probe(never)).toBeUndefined();
  });
});

describe('a panel that marks rubrics', () => {
  const question = { question: 'Q', answer: 'A', criteria: ['one', 'two'] };
  const marker = (id: string, met: readonly boolean[] | undefined): Judge => ({
    ...judgeOf(id, true),
    grade: async (questions) =>
      questions.map(
        (): RubricOutcome =>
          met ? { kind: 'graded', met, reply: '{}', latencyMs: 1, source: 'model' } : dead,
      ),
  });
  const markers = [
    marker('a', [true, false]),
    marker('b', [true, true]),
    marker('c', [true, false]),
  ];

  it('decides criterion by criterion', async () => {
    const panel = createPanelJudge({ judges: markers, rule: 'majority' });
    expect(await panel.grade?.([question], never)).toMatchObject([
      {
        kind: 'graded',
        met: [true, false],
        reply: 'a: YES NO; b: YES YES; c: YES NO',
        disagreement: expect.closeTo(1 / 3, 12),
      },
    ]);
    const mean = createPanelJudge({ judges: markers, rule: 'mean' });
    expect(await mean.grade?.([question], never)).toMatchObject([
      { shares: [1, expect.closeTo(1 / 3, 12)] },
    ]);
  });

  it('leaves the answer unscored where one criterion is undecided', async () => {
    const judges = markers.slice(0, 2);
    const panel = createPanelJudge({ judges, rule: 'majority' });
    expect(await panel.grade?.([question], never)).toMatchObject([{ cause: 'undecided' }]);
    const failing = createPanelJudge({ judges: [...judges, marker('d', undefined)], rule: 'mean' });
    expect(await failing.grade?.([question], never)).toMatchObject([{ shares: [1, 0.5] }]);
  });

  it('can do so only if each of its judges can', () => {
    const judges = [...markers, judgeOf('d', true)];
    expect(createPanelJudge({ judges, rule: 'majority' }).grade).toBeUndefined();
  });
});

describe('votes', () => {
  it('disagree in as many pairs as there are', () => {
    const counts = fc.nat({ max: 8 });
    fc.assert(
      fc.property(counts, counts, (right, wrong) => {
        const votes = Array.from({ length: right + wrong }, (_, i) => i < right);
        const pairs = votes.flatMap((one, i) => votes.slice(i + 1).map((other) => one !== other));
        const share = pairs.filter(Boolean).length / pairs.length;
        const found = disagreementOf(right, wrong);
        if (pairs.length === 0) expect(found).toBeUndefined();
        else expect(found).toBeCloseTo(share, 12);
      }),
    );
  });

  it('have a majority on one side at most', () => {
    expect(majorityOf({ right: 2, wrong: 1, asked: 3 })).toBe(true);
    expect(majorityOf({ right: 1, wrong: 2, asked: 3 })).toBe(false);
    expect(majorityOf({ right: 2, wrong: 2, asked: 4 })).toBeUndefined();
    expect(majorityOf({ right: 2, wrong: 0, asked: 4 })).toBeUndefined();
  });
});
