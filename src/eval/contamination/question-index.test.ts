import { describe, expect, it } from 'vitest';
import { createQuestionIndex } from './question-index.ts';

const vignette =
  'A 62-year-old man comes to the clinic because of a chronic cough and weight loss over three months. He has smoked two packs of cigarettes daily since his youth.';
const other =
  'A newborn girl is examined after delivery at term because her mother reports a family history of cleft palate and of seizures in childhood, treated with drugs.';

function indexOf(...questions: readonly string[]) {
  const index = createQuestionIndex();
  for (const [sample, question] of questions.entries()) index.add(sample, question);
  return index;
}

describe('a question is found', () => {
  it('word for word, whatever its case, blanks and marks', () => {
    const { exact, near } = indexOf(other, vignette).find(`  ${vignette.toUpperCase()} !`);
    expect({ exact, near }).toEqual({ exact: [1], near: [] });
  });

  it('among answers and context', () => {
    const index = indexOf(other, vignette);
    const text = `Read this case. ${vignette} Which is it? A. Lung cancer B. Tuberculosis`;
    expect(index.find(text)).toEqual({ exact: [], near: [{ sample: 1, share: 1 }] });
  });

  it('where half of it is left', () => {
    const words = vignette.split(' ');
    const [most, little] = [words.slice(0, 22).join(' '), words.slice(0, 14).join(' ')];
    expect(indexOf(vignette).find(most).near).toMatchObject([{ sample: 0 }]);
    expect(indexOf(vignette).find(little).near).toEqual([]);
  });

  it('for every sample that asks it', () => {
    expect(
      indexOf('What is shown?', 'Which organ?', 'what is shown').find('What is shown?'),
    ).toEqual({
      exact: [0, 2],
      near: [],
    });
  });

  it('also when it was added after others were looked for', () => {
    const index = indexOf(other);
    expect(index.find(vignette).exact).toEqual([]);
    index.add(1, vignette);
    expect(index.find(`${vignette} Indeed.`).near).toEqual([{ sample: 1, share: 1 }]);
  });
});

it('takes no question of ten words and less for another that has its phrase', () => {
  const phrase = 'Which of the following is the most likely diagnosis?';
  expect(indexOf(phrase).find(`${vignette} ${phrase}`).near).toEqual([]);
});

it('estimates how much of a long question a text has', () => {
  const words = Array.from({ length: 2000 }, (_, i) => `w${i}`);
  const index = indexOf(words.join(' '));
  const [found] = index.find(words.slice(0, 1600).join(' ')).near;
  expect(found?.share).toBeGreaterThan(0.55);
  expect(found?.share).toBeLessThan(1);
});

it('counts letters of any script, and finds nothing in a text without words', () => {
  expect(indexOf('肺部 在哪里').find('肺部，在哪里？').exact).toEqual([0]);
  expect(indexOf(vignette).find('…')).toEqual({ exact: [], near: [] });
});
