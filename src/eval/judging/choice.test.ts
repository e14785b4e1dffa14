import { describe, expect, it } from 'vitest';
import type { Choice } from '../tasks/sample.ts';
import { readChoice } from './choice.ts';

const lung = choicesOf('Tuberculosis', 'Pneumonia', 'Viral pneumonia', 'Lung cancer');
const decision = choicesOf('yes', 'no', 'maybe');
const germs = choicesOf('E. coli', 'Klebsiella', 'Aspergillus fumigatus', 'C. difficile', 'HIV');
const doses = choicesOf('0.5 mg', '5 mg', '50 mg', '5 mg/kg');
const blood = choicesOf('B', 'A', 'AB', 'O');
const twice = choicesOf('Left lung', 'Right lung', 'Left lung');

function choicesOf(...texts: readonly string[]): Choice[] {
  return texts.map((text, place) => ({ letter: 'ABCDEFGH'[place] ?? '', text }));
}

type Case = readonly [answer: string, choices: readonly Choice[], letter: string | null];

const letters: readonly Case[] = [
  ['B', lung, 'B'],
  ['b', lung, 'B'],
  ['B.', lung, 'B'],
  ['(B)', lung, 'B'],
  ['[B]', lung, 'B'],
  ['B)', lung, 'B'],
  ['**B**', lung, 'B'],
  ['$\\boxed{B}$', lung, 'B'],
  ['\\boxed{\\text{B}}', lung, 'B'],
  ['"B"', lung, 'B'],
  ['Option B', lung, 'B'],
  ['option b.', lung, 'B'],
  ['Answer: B', lung, 'B'],
  ['ANSWER: (B)', lung, 'B'],
  ['The answer is B', lung, 'B'],
  ['The answer is B: consolidation is typical.', lung, 'B'],
  ['The correct answer is **B. Pneumonia**.', lung, 'B'],
  ['The answer is option B because of the fever.', lung, 'B'],
  ['The answer to this question is B.', lung, 'B'],
  ['The most likely diagnosis is therefore C.', lung, 'C'],
  ['I would choose D.', lung, 'D'],
  ['B. Pneumonia', lung, 'B'],
  ['B: pneumonia', lung, 'B'],
  ['B) Pneumonia', lung, 'B'],
  ['(B) Pneumonia', lung, 'B'],
  ['B Pneumonia', lung, 'B'],
  ['B - Pneumonia', lung, 'B'],
  ['B. Because the lobe is consolidated.', lung, 'B'],
  ['B because of the fever', lung, 'B'],
  ['B\n\nThe lobe is consolidated.', lung, 'B'],
  ['B is the correct answer.', lung, 'B'],
  ['The fever is high and the lobe is white.\nFinal answer: B', lung, 'B'],
  ['The answer is A at first sight. Final answer: B', lung, 'B'],
  ['The findings fit (B).', lung, 'B'],
  ['The answer is A because cavities are typical.', lung, 'A'],
];

const texts: readonly Case[] = [
  ['Pneumonia', lung, 'B'],
  ['pneumonia.', lung, 'B'],
  ['Viral pneumonia', lung, 'C'],
  ['The answer is viral pneumonia.', lung, 'C'],
  ['The picture shows a viral pneumonia of both lungs.', lung, 'C'],
  ['Pneumonia, as the lobe is consolidated', lung, 'B'],
  ['Pneumonia, not tuberculosis', lung, 'B'],
  ['yes', decision, 'A'],
  ['Yes, since the trial showed it.', decision, 'A'],
  ['No, there is no doubt that it fails.', decision, 'B'],
  ['Maybe.', decision, 'C'],
  ['E. coli', germs, 'A'],
  ['E. coli is the usual cause', germs, 'A'],
  ['C. difficile', germs, 'D'],
  ['C. Difficile', germs, 'D'],
  ['E. HIV', germs, 'E'],
  ['5 mg', doses, 'B'],
  ['5 mg/kg', doses, 'D'],
  ['0.5 mg', doses, 'A'],
  ['AB', blood, 'C'],
  ['left lung', twice, 'A'],
  ['C. Left lung', twice, 'C'],
];

const unreadable: readonly Case[] = [
  ['', lung, null],
  ['A patient with fever needs antibiotics', lung, null],
  ['A patient like this has pneumonia or tuberculosis', lung, null],
  ['The answer is a matter of debate', lung, null],
  ['The answer is A patient-centred approach', lung, null],
  ['A and C', lung, null],
  ['A, B', lung, null],
  ['A/B', lung, null],
  ['The answer is A or B', lung, null],
  ['The answer is A. The answer is B.', lung, null],
  ['The answer is not B', lung, null],
  ['Option B is incorrect', lung, null],
  ['It is not pneumonia', lung, null],
  ['Pneumonia, tuberculosis', lung, null],
  ['Pneumonia or lung cancer', lung, null],
  ['A. Tuberculosis B. Pneumonia C. Viral pneumonia D. Lung cancer', lung, null],
  ['A. Pneumonia', lung, null],
  ['F', lung, null],
  ['I cannot say', lung, null],
  ['B-cell lymphoma', lung, null],
  ['Sarcoidosis', lung, null],
  ['yes or no', decision, null],
  ['Yes, no, maybe', decision, null],
  ['There is no doubt that it works', decision, null],
  ['A', blood, null],
  ['C-reactive protein is high', germs, null],
  ['15 mg', doses, null],
];

describe('reading a choice by rule', () => {
  it.each(letters)('reads the letter of %j', expectChoice);
  it.each(texts)('reads the choice whose text is in %j', expectChoice);
  it.each(unreadable)('finds no choice in %j', expectChoice);

  function expectChoice(answer: string, choices: readonly Choice[], letter: string | null) {
    expect(readChoice(answer, choices)?.letter ?? null).toBe(letter);
  }

  it('takes the letter where two choices differ in nothing but case', () => {
    const choices = choicesOf('CA', 'Ca');
    expect(readChoice('B', choices)?.letter).toBe('B');
    expect(readChoice('A. CA', choices)?.letter).toBe('A');
    expect(readChoice('Calcium, ca', choices)).toBeUndefined();
  });

  it('stays quick on a long hostile answer', () => {
    expect(readChoice('The answer is A, the answer is ('.repeat(5000), lung)?.letter).toBe('A');
    expect(readChoice('The answer is A or '.repeat(5000), lung)).toBeUndefined();
    expect(readChoice('A. B. '.repeat(5000), lung)).toBeUndefined();
  });
});
