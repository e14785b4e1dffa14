import { describe, expect, it } from 'vitest';
import { monitorAlarms } from './alarms.ts';
import { monitorFigures } from './figures.ts';
import {
  collapsed,
  copying,
  formed,
  hedging,
  hopeless,
  keyed,
  learning,
  rambling,
  saturated,
  shownLimits,
  thorough,
  unconfirmed,
} from './monitor.fixture.ts';
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
    expect(key?.inWords).toContain('“Thought process:”');
    expect(key?.evidence.filters).toMatchObject({ rule: 'wrong', text: 'Thought process:' });
  });

  it('by length is told by the component that pays for it', () => {
    const { history, alarms, verdict } = judged(rambling);
    expect(verdict).toMatchObject({ level: 'alarm' });
    expect(verdict.inWords).toBe('This run is cheating: the reward pays for length.');
    const paid = alarms.find(({ kind }) => kind === 'length-is-paid');
    expect(paid?.inWords).toContain('`size`');
    expect(history.at(-1)?.advantageShare['size']).toBeGreaterThan(0.5);
  });

  it('is told when every answer has the full reward and none differs any more', () => {
    const { alarms, verdict } = judged(saturated);
    expect(verdict.inWords).toBe('This run is cheating: the reward rises while answers get worse.');
    const apart = alarms.find(({ kind }) => kind === 'reward-without-right');
    expect(apart?.inWords).toContain('from 0.275 to 0.9');
    expect(apart?.inWords).toContain('from 50 % to 0 %');
    expect(apart?.inWords).toContain('carried by `size`');
  });
});

describe('of a run whose policy', () => {
  it.each([
    ['hedges, since caution is paid', hedging, ['hedging-is-paid', 'alarm', '`caution`']],
    [
      'copies the question, since that is paid',
      copying,
      ['copying-is-paid', 'alarm', '`relevance`'],
    ],
    ['gives one answer to everything', collapsed, ['one-answer', 'alarm', '“cataract”']],
    ['is believed by its judge alone', unconfirmed, ['judge-stands-alone', 'watch', 'confirmed']],
    ['gets better at the form alone', formed, ['form-carries', 'watch', '100 %']],
    ['gets the same reward whatever it says', hopeless, ['nothing-to-learn', 'watch', '100 %']],
    ['is right more often by longer thinking', thorough, ['length-is-paid', 'watch', 'by-product']],
  ] as const)('%s, that alone is told', (_, make, [kind, severity, words]) => {
    const { alarms, verdict } = judged(make);
    expect(alarms.map((alarm) => [alarm.kind, alarm.severity])).toEqual([[kind, severity]]);
    expect(alarms[0]?.inWords).toContain(words);
    expect(verdict.level).toBe(severity);
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
