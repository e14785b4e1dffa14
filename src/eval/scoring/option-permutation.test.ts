import { expect, it } from 'vitest';
import { type OptionAnswer, optionPermutation } from './option-permutation.ts';

const sampling = { seed: 1, draws: 400 };
const letters = ['A', 'B', 'C', 'D'];

/** Options of a question are texts 0 to 3; permuted they move on by one. `takes` gives the place. */
function answersOf(
  questions: number,
  takes: (question: number, textAt: (place: number) => string, epoch: number) => number | null,
  epochs = 1,
): OptionAnswer[] {
  return Array.from({ length: questions * epochs }, (_, i) => {
    const [question, epoch] = [Math.floor(i / epochs), i % epochs];
    return (['original', 'permuted-options'] as const).map((variant): OptionAnswer => {
      const moved = variant === 'original' ? 0 : 1;
      const textAt = (place: number) => String((place + 4 - moved) % 4);
      const rightText = String(question % 4);
      const place = takes(question, textAt, epoch);
      const right = [0, 1, 2, 3].find((candidate) => textAt(candidate) === rightText) ?? 0;
      return {
        taskId: 'mcq',
        sampleId: `q${question}`,
        cluster: `q${question}`,
        variant,
        epoch,
        score: place === null ? null : Number(place === right),
        offered: letters,
        right: letters[right] ?? '',
        taken: place === null ? null : { letter: letters[place] ?? '', text: textAt(place) },
      };
    });
  }).flat();
}

/** The place of a text. */
const find = (textAt: (place: number) => string, text: string) =>
  [0, 1, 2, 3].find((place) => textAt(place) === text) ?? 0;

it('finds nothing to say against a model that chooses by text', () => {
  const [found] = optionPermutation(
    answersOf(40, (q, textAt) => find(textAt, String(q % 4))),
    sampling,
  );
  expect(found).toMatchObject({ task: 'mcq', pairs: 40, changedBetweenEpochs: null });
  expect(found?.changed).toMatchObject({ score: 0, method: 'wilson', answers: 40 });
  expect(found?.difference).toEqual({ value: 0, interval: { low: 0, high: 0 }, pairs: 40 });
  expect(found?.recallSpread).toBe(0);
});

it('shows a model that always takes the first letter', () => {
  const [found] = optionPermutation(
    answersOf(40, () => 0),
    sampling,
  );
  expect(found?.changed?.score).toBe(1);
  expect(found?.letters).toEqual([
    { letter: 'A', offered: 80, taken: 80, right: 20, recall: 1 },
    ...['B', 'C', 'D'].map((letter) => ({ letter, offered: 80, taken: 0, right: 20, recall: 0 })),
  ]);
  expect(found?.recallSpread).toBeCloseTo(Math.sqrt(3) / 4, 12);
});

it('leaves out pairs of which an option cannot be read, and says on how many it rests', () => {
  const answers = answersOf(10, (q, textAt) => (q < 4 && textAt(0) === '0' ? null : 1));
  const [found] = optionPermutation(answers, sampling);
  expect(found).toMatchObject({ pairs: 6, changed: { score: 1, answers: 6 } });
  expect(found?.difference?.pairs).toBe(6);
});

it('sets what sampling changes between epochs beside it', () => {
  const answers = answersOf(20, (q, textAt, epoch) => find(textAt, String(q < 5 ? epoch : 2)), 2);
  const [found] = optionPermutation(answers, sampling);
  expect(found?.changedBetweenEpochs).toMatchObject({ score: 0.25, answers: 20 });
  expect(found?.changed).toMatchObject({ score: 0, answers: 40 });
});

it('has no entry for a task whose options were never permuted, and ignores changed images', () => {
  const answers = answersOf(4, () => 0);
  const unchanged = answers.filter(({ variant }) => variant === 'original');
  const blank = unchanged.map((answer) => ({ ...answer, variant: 'blank-image' as const }));
  expect(optionPermutation([...unchanged, ...blank], sampling)).toEqual([]);
  expect(optionPermutation([...answers, ...blank], sampling)).toEqual(
    optionPermutation(answers, sampling),
  );
  expect(optionPermutation(answers.toReversed(), sampling)).toEqual(
    optionPermutation(answers, sampling),
  );
});
