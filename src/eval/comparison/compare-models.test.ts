import { describe, expect, it } from 'vitest';
import type { ModelComparison } from '../results/comparison.ts';
import type { JoinedAnswer } from '../results/joined-answers.ts';
import { type ComparedTask, compareTasks } from './compare-models.ts';

const settings = { seed: 1, draws: 2000 };

/** One answer a score, epoch by epoch; null has no score. By default each is of a cluster of its own. */
function answersOf(
  scores: readonly (number | null)[],
  { clusterOf = String, epoch = 0 }: { clusterOf?: (n: number) => string; epoch?: number } = {},
): JoinedAnswer[] {
  return scores.map((score, n) => ({
    taskId: 'organs',
    key: { sampleId: `s${n}`, variant: 'original', epoch },
    sample: { id: `s${n}`, index: n, kind: 'open', cluster: clusterOf(n), subgroups: {} },
    answer: { kind: 'answered', truncated: false, latencyMs: 1 },
    verdict: {
      outcome: score === null ? { kind: 'failed', cause: 'timeout' } : { kind: 'scored', score },
    },
  }));
}

function taskOf(
  baseline: readonly JoinedAnswer[],
  ...candidates: readonly (readonly JoinedAnswer[])[]
): ComparedTask {
  return { task: 'organs', baseline, candidates };
}

function resultOf(model: ModelComparison | undefined, place = 0) {
  const result = model?.tasks[place]?.result;
  if (result?.kind !== 'compared') throw new Error(`not compared: ${JSON.stringify(model)}`);
  return result;
}

/** 10 questions that only the candidate gets right, 2 that only the baseline does, 8 that both do. */
const better = {
  baseline: [...repeat(0, 10), ...repeat(1, 10)],
  candidate: [...repeat(1, 10), ...repeat(0, 2), ...repeat(1, 8)],
};

function repeat(score: number, times: number): number[] {
  return Array.from({ length: times }, () => score);
}

describe('two models on one task', () => {
  it('compares independent right-or-wrong answers by exact McNemar', () => {
    const [model] = compareTasks(
      [taskOf(answersOf(better.baseline), answersOf(better.candidate))],
      settings,
    );
    const result = resultOf(model);
    expect(result).toMatchObject({
      test: 'mcnemar',
      onlyRight: { baseline: 2, candidate: 10 },
      baseline: 0.5,
      candidate: 0.9,
      clusters: 20,
    });
    expect(result.difference).toBeCloseTo(0.4, 12);
    // scipy.stats.binomtest(2, 12).pvalue
    expect(result.pValue).toBeCloseTo(0.03857421875, 12);
    expect(result.interval?.low).toBeGreaterThan(0);
    expect(result.detectable).toBeGreaterThan(0.3);
  });

  it('tests whole clusters where questions share an image, which claims less', () => {
    const clusterOf = (n: number) => `image ${Math.floor(n / 5)}`;
    const [model] = compareTasks(
      [
        taskOf(
          answersOf(better.baseline, { clusterOf }),
          answersOf(better.candidate, { clusterOf }),
        ),
      ],
      settings,
    );
    const result = resultOf(model);
    expect(result).toMatchObject({ test: 'sign-flip', clusters: 4 });
    expect(result.onlyRight).toEqual({ baseline: 2, candidate: 10 });
    // Gains of 5, 5, −2 and 0: two of eight sign patterns reach 8.
    expect(result.pValue).toBeGreaterThan(0.2);
  });

  it('gives no interval and p = 1 where one cluster holds all questions', () => {
    const clusterOf = () => 'image';
    const [model] = compareTasks(
      [
        taskOf(
          answersOf(better.baseline, { clusterOf }),
          answersOf(better.candidate, { clusterOf }),
        ),
      ],
      settings,
    );
    expect(resultOf(model)).toMatchObject({ interval: null, pValue: 1, detectable: null });
    expect(model?.overall).toMatchObject({ interval: null, detectable: null });
  });

  it('averages the epochs of a question, whose graded score McNemar does not fit', () => {
    const twice = (first: number[], second: number[]) => [
      ...answersOf(first),
      ...answersOf(second, { epoch: 1 }),
    ];
    const [model] = compareTasks(
      [taskOf(twice([0, 0, 1], [1, 0, 1]), twice([1, 0, 1], [1, 1, 1]))],
      settings,
    );
    const result = resultOf(model);
    expect(result).toMatchObject({ test: 'sign-flip', onlyRight: null, baseline: 0.5 });
    expect(result.candidate).toBeCloseTo(5 / 6, 12);
  });

  it('counts a question without a score of both as shared, never as wrong', () => {
    const [model] = compareTasks(
      [taskOf(answersOf([1, 1, null, 0]), answersOf([1, null, 1, 1, 1]))],
      settings,
    );
    expect(model?.tasks[0]?.samples).toEqual({
      shared: 4,
      compared: 2,
      onlyBaseline: 0,
      onlyCandidate: 1,
    });
    expect(resultOf(model)).toMatchObject({ baseline: 0.5, candidate: 1 });
  });

  it('claims nothing where no question was answered differently', () => {
    const same = answersOf([1, 0, 1, 1]);
    const [model] = compareTasks([taskOf(same, same)], settings);
    expect(resultOf(model)).toMatchObject({ difference: 0, pValue: 1, detectable: null });
  });
});

describe('several tests at once', () => {
  it('adjusts p-values over all tasks and candidates', () => {
    const baseline = answersOf(better.baseline);
    const tasks = ['a', 'b'].map((task) => ({
      ...taskOf(baseline, answersOf(better.candidate), baseline),
      task,
    }));
    const [first, second] = compareTasks(tasks, settings);
    const raw = resultOf(first).pValue;
    // Four tests: the least value is taken four times, the next may not be below it.
    expect(resultOf(first, 0).adjustedPValue).toBeCloseTo(4 * raw, 12);
    expect(resultOf(first, 1).adjustedPValue).toBeCloseTo(4 * raw, 12);
    expect(resultOf(second, 0).adjustedPValue).toBe(1);
    expect(second?.overall?.adjustedPValue).toBe(1);
  });

  it('keeps each p-value with its task where one cannot be compared', () => {
    const good = taskOf(answersOf(better.baseline), answersOf(better.candidate));
    const none = { ...taskOf(answersOf([null]), answersOf([1])), task: 'none' };
    const [model] = compareTasks([none, good], settings);
    expect(model?.tasks[0]?.result).toEqual({
      kind: 'failed',
      message: 'no question has a score of both models',
    });
    expect(resultOf(model, 1).adjustedPValue).toBe(resultOf(model, 1).pValue);
    expect(model?.overall?.tasks).toEqual(['organs']);
  });

  it('counts each task once in the mean, whatever its size', () => {
    const large = {
      ...taskOf(answersOf(repeat(0, 30)), answersOf(repeat(0, 30))),
      task: 'large',
    };
    const small = { ...taskOf(answersOf([0, 0]), answersOf([1, 1])), task: 'small' };
    const [model] = compareTasks([large, small], settings);
    expect(model?.overall).toMatchObject({ baseline: 0, candidate: 0.5, difference: 0.5 });
  });

  it('gives no mean where no task can be compared', () => {
    const [model] = compareTasks([taskOf(answersOf([null]), answersOf([null]))], settings);
    expect(model?.overall).toBeNull();
  });
});

it('gives the same figures for the same seed', () => {
  const clusterOf = (n: number) => `image ${Math.floor(n / 2)}`;
  const task = taskOf(
    answersOf(better.baseline, { clusterOf }),
    answersOf(better.candidate, { clusterOf }),
  );
  expect(compareTasks([task], settings)).toEqual(compareTasks([task], settings));
});
