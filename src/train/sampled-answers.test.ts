import fc from 'fast-check';
import { expect, it } from 'vitest';
import { metricValues } from '../core/metrics.ts';
import type { Score } from '../core/outcome.ts';
import { sampledMetrics } from './sampled-answers.ts';
import type { ScoredRollout } from './score-rollouts.ts';

const score = (value: number): Score => ({ kind: 'scored', value });

/** @param right undefined: the judge did not answer */
function answer(text: string, right: boolean | undefined): ScoredRollout {
  const rollout = { text } as ScoredRollout['rollout'];
  if (right === undefined) {
    const failure = { kind: 'unscored', cause: 'timeout', message: 'none' } as const;
    return { rollout, outcome: { ...failure, components: { judge: failure, format: score(1) } } };
  }
  const components = { judge: score(right ? 1 : 0), format: score(1) };
  return { rollout, outcome: { kind: 'scored', reward: right ? 1 : 0, components } };
}

const valuesOf = (...questions: readonly (readonly ScoredRollout[])[]) =>
  metricValues(sampledMetrics('validation', questions, questions[0]?.length ?? 0));

it('tells whether one of several answers is right, and whether the commonest is', () => {
  const values = valuesOf(
    [answer('left', true), answer('right', false), answer('right', false)],
    [answer('left', true), answer('left', true), answer('right', false)],
    [answer('both', false), answer('right', false), answer('right', false)],
  );
  expect(values).toEqual({
    'validation/pass@1': 1 / 3,
    'validation/pass@3': 2 / 3,
    'validation/maj@3': 1 / 3,
  });
});

it('takes answers for the same that differ in spelling alone', () => {
  const same = ['<answer>The Left lung.</answer>', '<answer>left lung</answer>'];
  const values = valuesOf([
    ...same.map((text) => answer(text, true)),
    ...['a', 'b', 'c'].map((text) => answer(`<answer>word ${text}</answer>`, false)),
  ]);
  expect(values['validation/maj@5']).toBe(1);
});

it('halves a draw, and gives no vote to what has no single answer', () => {
  const none = '<answer>left</answer><answer>right</answer>';
  const drawn = [answer('left', true), answer('right', false), answer(none, false)];
  expect(valuesOf(drawn)['validation/maj@3']).toBe(0.5);
  expect(valuesOf([answer(none, false), answer(none, false)])['validation/maj@2']).toBe(0);
});

it('leaves out a question with an answer that could not be scored', () => {
  const lost = [answer('left', true), answer('left', undefined)];
  expect(valuesOf(lost)).toEqual({
    'validation/pass@1': null,
    'validation/pass@2': null,
    'validation/maj@2': null,
  });
  const whole = [answer('left', false), answer('left', false)];
  expect(valuesOf(lost, whole)['validation/pass@2']).toBe(0);
});

it('one answer is its own majority, and the order of answers changes nothing', () => {
  const answers = fc.array(
    fc.record({ text: fc.constantFrom('left', 'right', 'both'), right: fc.boolean() }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(answers, (given) => {
      const made = given.map(({ text, right }) => answer(text, right));
      const k = made.length;
      const values = valuesOf(made);
      const reversed = valuesOf(made.toReversed());
      expect(reversed[`validation/maj@${k}`]).toBeCloseTo(values[`validation/maj@${k}`] ?? -1, 12);
      expect(values[`validation/pass@${k}`]).toBeGreaterThanOrEqual(
        values[`validation/maj@${k}`] ?? 2,
      );
      const single = valuesOf(made.slice(0, 1));
      expect(single['validation/maj@1']).toBe(single['validation/pass@1']);
    }),
  );
});
