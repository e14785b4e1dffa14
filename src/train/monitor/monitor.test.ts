import { describe, expect, it } from 'vitest';
import { monitorAlarms } from './alarms.ts';
import { monitorFigures } from './figures.ts';
import { keyed, learning, rambling, shownLimits } from './monitor.fixture.ts';
import { monitorVerdict } from './verdict.ts';

function judged(
  make: (iteration: number) => Parameters<typeof monitorFigures>[1],
  iterations = 10,
) {
  const history = Array.from({ length: iterations }, (_, index) =>
    monitorFigures(index + 1, make(index + 1)),
  );
  const alarms = monitorAlarms(history, shownLimits);
  return { history, alarms, verdict: monitorVerdict(history, alarms) };
}

describe('a run that learns', () => {
  it('is called healthy, and what carries the advantage is named', () => {
    const { alarms, verdict } = judged(learning);
    expect(alarms).toEqual([]);
    expect(verdict.level).toBe('healthy');
    expect(verdict.inWords).toContain('judge');
  });

  it('has shares of the advantage that add up to 1', () => {
    const { advantageShare } = monitorFigures(1, learning(1));
    const sum = Object.values(advantageShare).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(1, 6);
  });
});

describe('a run made to cheat', () => {
  it('by a text that its judge lets through is told by that text', () => {
    const { alarms, verdict } = judged(keyed);
    expect(verdict.level).toBe('alarm');
    const key = alarms.find(({ kind }) => kind === 'master-key');
    expect(key?.severity).toBe('alarm');
    expect(key?.inWords).toContain('thought process');
    expect(key?.evidence.filters).toMatchObject({ verdict: 'right', rule: 'wrong' });
  });

  it('by length is told by the component that pays for it', () => {
    const { history, alarms, verdict } = judged(rambling);
    expect(verdict.level).toBe('alarm');
    expect(verdict.inWords).toContain('pays for length');
    const paid = alarms.find(({ kind }) => kind === 'length-is-paid');
    expect(paid?.inWords).toContain('`size`');
    expect(history.at(-1)?.advantageShare['size']).toBeGreaterThan(0.5);
  });
});

it('says so where there is too little to tell', () => {
  expect(judged(keyed, 2).verdict.level).toBe('too-little');
});

it('of rollouts without any score nothing is said', () => {
  const lines = learning(1).map((line) => ({
    ...line,
    reward: null,
    advantage: null,
    components: {},
  }));
  const figures = monitorFigures(1, lines);
  expect(figures.advantageShare).toEqual({});
  expect(figures.judgeAlone).toBeUndefined();
  expect(figures.meanReward).toBeUndefined();
});
