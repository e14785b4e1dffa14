import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normaliseAnswer } from '../normalise.ts';
import { type Probe, readLabelledFile, readShippedProbes } from './probes.ts';

describe('the shipped pack', () => {
  let probes: readonly Probe[];
  beforeAll(async () => {
    ({ probes } = await readShippedProbes());
  });

  it('has enough probes of every category, with right and wrong answers in each', () => {
    expect(probes.length).toBeGreaterThanOrEqual(320);
    const categories = [...new Set(probes.map(({ category }) => category))];
    expect(categories.sort()).toEqual([
      'empty',
      'hedges',
      'injection',
      'laterality',
      'lists',
      'modality',
      'negation',
      'numbers',
      'synonyms',
      'wording',
    ]);
    for (const category of categories) {
      const rows = probes.filter((probe) => probe.category === category);
      expect(rows.length, category).toBeGreaterThanOrEqual(20);
      const right = rows.filter(({ correct }) => correct).length;
      expect(right, category).toBeGreaterThanOrEqual(5);
      expect(rows.length - right, category).toBeGreaterThanOrEqual(5);
    }
  });

  it('is not decided by saying one thing throughout', () => {
    const right = probes.filter(({ correct }) => correct).length / probes.length;
    expect(right).toBeGreaterThan(0.35);
    expect(right).toBeLessThan(0.65);
  });

  it('holds no pair twice, under no two ids', () => {
    expect(new Set(probes.map(({ id }) => id)).size).toBe(probes.length);
    const pairs = probes.map(({ question, reference, answer }) => [question, reference, answer]);
    expect(new Set(pairs.map((pair) => JSON.stringify(pair))).size).toBe(probes.length);
  });

  it('labels no answer wrong that is the reference or an accepted answer', () => {
    const mislabelled = probes.filter(
      ({ reference, accepted = [], answer, correct }) =>
        !correct &&
        [reference, ...accepted].some(
          (right) => normaliseAnswer(right) === normaliseAnswer(answer),
        ),
    );
    expect(mislabelled).toEqual([]);
  });
});

describe('a labelled file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'medix-labels-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const row = { question: 'Which lung?', reference: 'Left', answer: 'Right', correct: false };
  const write = async (...lines: readonly string[]) => {
    const path = join(folder, 'labels.jsonl');
    await writeFile(path, lines.join('\n'));
    return path;
  };

  it('may leave out ids and categories', async () => {
    const path = await write(JSON.stringify(row), '', JSON.stringify({ ...row, id: 'x' }));
    expect((await readLabelledFile(path)).probes).toEqual([
      { ...row, id: 'line 1', category: 'own' },
      { ...row, id: 'x', category: 'own' },
    ]);
  });

  it('has a digest of its content', async () => {
    const one = await readLabelledFile(await write(JSON.stringify(row)));
    const same = await readLabelledFile(await write(JSON.stringify(row), ''));
    const other = await readLabelledFile(await write(JSON.stringify({ ...row, correct: true })));
    expect(same.digest).toBe(one.digest);
    expect(other.digest).not.toBe(one.digest);
  });

  it('is refused with every bad row', async () => {
    const path = await write(
      '{"question": ',
      '[]',
      JSON.stringify({ ...row, correct: 'no', extra: 1 }),
      JSON.stringify({ ...row, id: 'x' }),
      JSON.stringify({ ...row, id: 'x' }),
    );
    const problems = await readLabelledFile(path).catch((error) => error.problems);
    expect(problems).toEqual([
      expect.objectContaining({ where: `${path}: line 1` }),
      expect.objectContaining({ where: `${path}: line 2`, got: 'a list' }),
      expect.objectContaining({ where: `${path}: line 3: correct` }),
      expect.objectContaining({ where: `${path}: line 3`, got: expect.stringContaining('extra') }),
      expect.objectContaining({ where: `${path}: line 5: id`, got: '"x", as in line 4' }),
    ]);
  });

  it('is refused where there is none, or no row in it', async () => {
    const missing = join(folder, 'missing.jsonl');
    await expect(readLabelledFile(missing)).rejects.toThrow(
      /missing\.jsonl: expected .*no such file/,
    );
    await expect(readLabelledFile(await write(''))).rejects.toThrow('expected rows, got none');
  });
});
