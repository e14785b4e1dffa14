/** A model that says which choice it takes, in any shape, is understood. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Choice } from '../tasks/sample.ts';
import { readChoice } from './choice.ts';
import { fill, hardChoices, shapes } from './choice-shapes.fixture.ts';

const rows = fileURLToPath(new URL('../../../test/fixtures/eval-rows', import.meta.url));

/** Of all shipped benchmarks, from rows in the data sets' own schemas. */
const shipped = readdirSync(rows).flatMap((task): [task: string, choices: Choice[]][] =>
  (JSON.parse(readFileSync(`${rows}/${task}/expected.json`, 'utf8')) as { choices?: Choice[] }[])
    .flatMap(({ choices }) => (choices ? [choices] : []))
    .map((choices) => [task, choices]),
);
const hard = hardChoices.map((texts): [task: string, choices: Choice[]] => [
  texts.join(' | ').slice(0, 60),
  texts.map((text, place) => ({ letter: 'ABCDEFGH'[place] ?? '', text })),
]);

/** Answers that are not read as the choice that they name. */
function misread(kind: readonly string[], choices: readonly Choice[]): string[] {
  return kind.flatMap((shape) =>
    choices.flatMap((choice) => {
      const answer = fill(shape, choice);
      // "B.5 mg" may be a half under the letter B.
      if (/[A-Z]\.\d/.test(answer.normalize('NFKC'))) return [];
      const read = readChoice(answer, choices);
      return read?.letter === choice.letter ? [] : [`${answer} => ${read?.letter ?? 'none'}`];
    }),
  );
}

// 365 shapes on 19 sets of choices of shipped benchmarks and 37 hard ones.
describe('a choice that is named', () => {
  it('is named in at least 200 shapes', () => {
    const all = Object.values(shapes).flat();
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(200);
    expect(shipped.length).toBeGreaterThanOrEqual(10);
  });

  it.each([...shipped, ...hard])('by letter and text is read (%s)', (_, choices) => {
    expect(misread(shapes.letterAndText, choices)).toEqual([]);
  });

  it.each(shipped)('by its letter is read (%s)', (_, choices) => {
    expect(misread(shapes.letterAlone, choices)).toEqual([]);
  });

  it.each([...shipped, ...hard])('by its text is read (%s)', (_, choices) => {
    expect(misread(shapes.textAlone, choices)).toEqual([]);
  });
});
