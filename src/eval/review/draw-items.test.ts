import { expect, it } from 'vitest';
import { rngFromKey } from '../../core/rng.ts';
import { type Candidate, drawCandidates } from './draw-items.ts';

const candidates = (taskId: string, count: number, disputed = 0): Candidate[] =>
  Array.from({ length: count }, (_, place) => ({
    taskId,
    sampleId: `${taskId}-${place}`,
    models: [0],
    isDisputed: place < disputed,
  }));

const countOf = (drawn: readonly Candidate[], taskId: string) =>
  drawn.filter((candidate) => candidate.taskId === taskId).length;

it('draws the same number from each task as far as it has them', () => {
  const all = [...candidates('a', 100), ...candidates('b', 3), ...candidates('c', 50)];
  const drawn = drawCandidates(all, 23, 'none', rngFromKey('x'));
  expect([countOf(drawn, 'a'), countOf(drawn, 'b'), countOf(drawn, 'c')]).toEqual([10, 3, 10]);
  expect(new Set(drawn).size).toBe(23);
});

it('draws the same for the same seed, whatever the order of tasks', () => {
  const [a, b] = [candidates('a', 20), candidates('b', 20)];
  const drawn = drawCandidates([...a, ...b], 10, 'none', rngFromKey('x'));
  expect(drawCandidates([...b, ...a], 10, 'none', rngFromKey('x'))).toEqual(drawn);
  expect(drawCandidates([...a, ...b], 10, 'none', rngFromKey('y'))).not.toEqual(drawn);
});

it('takes disputed candidates of each task first where asked to', () => {
  const all = [...candidates('a', 40, 5), ...candidates('b', 40, 2)];
  const drawn = drawCandidates(all, 10, 'disagreements', rngFromKey('x'));
  expect(drawn.filter(({ isDisputed }) => isDisputed)).toHaveLength(7);
});

it('gives all there are where more are asked for', () => {
  expect(drawCandidates(candidates('a', 4), 9, 'none', rngFromKey('x'))).toHaveLength(4);
});
