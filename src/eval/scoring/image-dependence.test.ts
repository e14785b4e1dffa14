import { expect, it } from 'vitest';
import type { Variant } from '../results/records.ts';
import { imageDependence, type VariantScore } from './image-dependence.ts';

const sampling = { seed: 1, draws: 400 };

/** A sample a number, two to a cluster; the score follows from variant and number. */
function rowsOf(
  taskId: string,
  samples: number,
  scores: Partial<Record<Variant, (sample: number, epoch: number) => number>>,
  epochs = 1,
): VariantScore[] {
  return Object.entries(scores).flatMap(([variant, score]) =>
    Array.from({ length: samples * epochs }, (_, i) => {
      const [sample, epoch] = [Math.floor(i / epochs), i % epochs];
      return {
        taskId,
        sampleId: `${taskId}-${sample}`,
        cluster: `${taskId}/${Math.floor(sample / 2)}`,
        variant: variant as Variant,
        epoch,
        score: score(sample, epoch),
      };
    }),
  );
}

it('shows what a model that looks loses, and what survives', () => {
  const rows = rowsOf('vqa', 200, {
    original: (sample) => Number(sample % 10 < 8),
    'blank-image': (sample) => Number(sample % 10 < 4),
  });
  const { tasks, overall } = imageDependence(rows, { seed: 1, draws: 4000 });
  const [change] = tasks[0]?.changes ?? [];
  expect(change).toMatchObject({ variant: 'blank-image', samples: 200, clusters: 100 });
  expect(change?.trueImage.score).toBeCloseTo(0.8, 12);
  expect(change?.difference.score).toBeCloseTo(-0.4, 12);
  expect(change?.survives?.score).toBeCloseTo(0.5, 12);
  expect(change?.difference.interval?.high).toBeLessThan(-0.3);
  // 0.5 ± 1.96 × 0.056 where both scores are drawn together, ± 1.96 × 0.066 were they not.
  expect(change?.survives?.interval?.low).toBeGreaterThan(0.38);
  expect(change?.survives?.interval?.high).toBeLessThan(0.62);
  expect(tasks[0]?.textOnlyFloor).toEqual(change?.changedImage);
  expect(change?.inWords).toMatch(
    /^vqa: 80\.0 % with the true image, 40\.0 % with a blank image; 50\.0 % \(.*\) of the score survives; the answers depend on the image$/,
  );
  expect(overall).toEqual([]);
});

it('finds no dependence where the same answers come without the image', () => {
  const score = (sample: number) => Number(sample % 3 === 0);
  const rows = rowsOf('vqa', 60, { original: score, 'shuffled-image': score });
  const [change] = imageDependence(rows, sampling).tasks[0]?.changes ?? [];
  expect(change?.difference).toEqual({ score: 0, interval: { low: 0, high: 0 } });
  expect(change?.survives).toEqual({ score: 1, interval: { low: 1, high: 1 } });
  expect(change?.inWords).toContain('no dependence on the image is shown');
});

it('rests on samples with both scores only, epochs averaged first', () => {
  const rows = [
    ...rowsOf('vqa', 10, { original: (_, epoch) => epoch }, 2),
    ...rowsOf('vqa', 4, { 'wrong-image': () => 0 }),
  ];
  const [change] = imageDependence(rows, sampling).tasks[0]?.changes ?? [];
  expect(change).toMatchObject({ variant: 'wrong-image', samples: 4, clusters: 2 });
  expect(change?.trueImage.score).toBe(0.5);
});

it('counts every task once overall, and names them', () => {
  const rows = [
    ...rowsOf('a', 200, { original: () => 1, 'blank-image': () => 0 }),
    ...rowsOf('b', 20, { original: () => 0.5, 'blank-image': () => 0.5 }),
    ...rowsOf('text', 20, { original: () => 1 }),
  ];
  const { tasks, overall } = imageDependence(rows, sampling);
  expect(tasks.map(({ task }) => task)).toEqual(['a', 'b']);
  expect(overall).toHaveLength(1);
  expect(overall[0]).toMatchObject({ tasks: ['a', 'b'], samples: 220, clusters: 110 });
  expect(overall[0]?.trueImage.score).toBe(0.75);
  expect(overall[0]?.changedImage.score).toBe(0.25);
  expect(overall[0]?.survives?.score).toBeCloseTo(1 / 3, 12);
});

it('gives no ratio where nothing was right, and no interval where that may be chance', () => {
  const wrong = rowsOf('vqa', 40, { original: () => 0, 'blank-image': () => 0 });
  const [none] = imageDependence(wrong, sampling).tasks[0]?.changes ?? [];
  expect(none?.survives).toBeNull();
  expect(none?.inWords).toContain('nothing was right that could be lost');
  const rare = rowsOf('vqa', 40, { original: (s) => Number(s === 0), 'blank-image': () => 0 });
  const [few] = imageDependence(rare, sampling).tasks[0]?.changes ?? [];
  expect(few?.survives).toEqual({ score: 0, interval: null });
});

it('gives no interval to a single cluster', () => {
  const rows = rowsOf('vqa', 2, { original: () => 1, 'blank-image': () => 0 });
  const [change] = imageDependence(rows, sampling).tasks[0]?.changes ?? [];
  expect(change?.difference).toEqual({ score: -1, interval: null });
  expect(change?.inWords).toContain('a single cluster cannot tell');
});

it('does not depend on the order of the rows', () => {
  const rows = rowsOf('vqa', 60, {
    original: (sample) => Number(sample % 3 > 0),
    'wrong-image': (sample) => Number(sample % 4 === 0),
  });
  expect(imageDependence(rows.toReversed(), sampling)).toEqual(imageDependence(rows, sampling));
});
