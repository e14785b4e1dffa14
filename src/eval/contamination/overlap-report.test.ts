import { expect, it } from 'vitest';
import type { SampleOverlap } from './find-overlap.ts';
import { overlapReport } from './overlap-report.ts';

const exact = { how: 'exact', place: 'train.jsonl: row 7' } as const;
const near = { how: 'near', place: 'train.jsonl: row 9' } as const;
const training = [{ location: 'train.jsonl', rows: 10, images: 0, notCompared: {} }];

function sampleOf(index: number, change: Partial<SampleOverlap>): SampleOverlap {
  const id = `t-${index}`;
  return {
    id,
    taskId: 't',
    index,
    cluster: id,
    stem: `Question ${index}?`,
    hasImages: false,
    ...change,
  };
}

const settings = { seed: 1, draws: 200, shown: new Set(['t']) };

it('counts texts by question, and images by image however often their question is asked', () => {
  const samples = [
    sampleOf(0, { question: exact }),
    sampleOf(1, { question: near }),
    sampleOf(2, { hasImages: true, question: exact }),
    sampleOf(3, { hasImages: true, question: exact, image: near, both: near }),
    sampleOf(4, {}),
  ];
  const [task] = overlapReport({ samples, training }, settings).tasks;
  expect(task).toMatchObject({
    samples: 5,
    withImages: 2,
    questions: { exact: 3, near: 1 },
    images: { exact: 0, near: 1 },
    both: { exact: 0, near: 1 },
    overlapping: 3,
    accuracy: null,
  });
  expect(task?.examples.map(({ sample }) => sample)).toEqual(['t-3', 't-0', 't-1']);
});

it('shows no question of data that may not be shown', () => {
  const samples = [sampleOf(0, { question: exact })];
  const report = overlapReport({ samples, training }, { ...settings, shown: new Set() });
  expect(report.tasks[0]?.examples).toEqual([
    { sample: 't-0', index: 0, question: null, matches: { question: exact } },
  ]);
});

it('scores overlapping and other samples apart, and claims nothing more', () => {
  const samples = Array.from({ length: 200 }, (_, i) =>
    sampleOf(i, i < 50 ? { question: exact } : {}),
  );
  const scores = new Map(
    samples.map(({ id, index }) => [id, Number(index < 50 ? index % 10 < 9 : index % 2)]),
  );
  scores.delete('t-199');
  const { tasks, inWords } = overlapReport({ samples, training }, { ...settings, scores });
  const { clean, overlapping, difference } = tasks[0]?.accuracy ?? {};
  expect(clean).toMatchObject({ answers: 149, method: 'wilson' });
  expect(overlapping).toMatchObject({ score: 0.9, answers: 50 });
  expect(difference?.value).toBeCloseTo(0.9 - 74 / 149, 12);
  expect(difference?.interval?.low).toBeGreaterThan(0.25);
  expect(inWords[0]).toMatch(
    /^t: the question of 50 of 200 samples \(25\.0 %\) is in the training sets; score 90\.0 % on these, 49\.7 % on the others, a difference of \+40\.3 \(95 %: .* to .*\) points$/,
  );
  expect(inWords[0]).not.toMatch(/memori/);
});

it('has no difference where every sample overlaps', () => {
  const samples = [sampleOf(0, { question: exact }), sampleOf(1, { question: exact })];
  const scores = new Map([['t-0', 1]]);
  const [task] = overlapReport({ samples, training }, { ...settings, scores }).tasks;
  expect(task?.accuracy).toMatchObject({
    clean: null,
    difference: null,
    overlapping: { answers: 1 },
  });
});
