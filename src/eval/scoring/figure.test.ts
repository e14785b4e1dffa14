import { describe, expect, it } from 'vitest';
import { drawScores, figureOf, intervalAround } from './figure.ts';

const sampling = { draws: 500, seed: 1 };
/** Two answers a cluster, right by turns. */
const rows = (clusters: number) =>
  Array.from({ length: 2 * clusters }, (_, i) => {
    const cluster = Math.floor(i / 2);
    return { cluster: `image ${cluster}`, value: Number(i % 2 === 0 || cluster % 3 === 0) };
  });
const width = ({ low, high }: { low: number; high: number }) => high - low;

describe('a figure of few clusters', () => {
  it.each([5, 12, 29])('has a wider interval than its draws: %i', (clusters) => {
    const widened = figureOf(rows(clusters), 'task', sampling);
    const drawn = figureOf(rows(clusters), 'task', { ...sampling, fewClusters: 'as-drawn' });
    expect(widened).toMatchObject({ score: drawn.score, method: 'cluster-bootstrap', clusters });
    expect(width(widened.interval ?? { low: 0, high: 0 })).toBeGreaterThan(
      1.02 * width(drawn.interval ?? { low: 0, high: 1 }),
    );
  });

  it('stays within the scores that there are', () => {
    const { interval } = figureOf(rows(3), 'task', sampling);
    expect(interval?.low).toBeGreaterThanOrEqual(0);
    expect(interval?.high).toBeLessThanOrEqual(1);
    const draws = drawScores(rows(3), 'task', sampling);
    expect(intervalAround(2 / 3, draws).high).toBeLessThanOrEqual(1);
  });

  it('is as it was drawn where there are many', () => {
    expect(figureOf(rows(50), 'task', sampling)).toEqual(
      figureOf(rows(50), 'task', { ...sampling, fewClusters: 'as-drawn' }),
    );
  });
});
