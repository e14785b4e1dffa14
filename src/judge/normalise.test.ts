import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseAnswer } from './normalise.ts';

describe('normaliseAnswer', () => {
  it.each([
    ['Cardiomegaly.', 'cardiomegaly'],
    ['The left lung', 'left  lung'],
    ['A fracture of the radius', 'fracture of radius'],
    ['T2-weighted', 'T2 weighted'],
    ['Crohn’s disease', 'Crohns disease'],
    ['two lesions', '2 lesion'],
    ['twenty-one masses', '21 mass'],
    ['5 mg / dL', '5mg/dL'],
    ['1,000', '1000'],
    ['Sjögren syndrome', 'Sjogren syndrome'],
    ['"pleural effusion"', '(pleural) effusions'],
  ])('reads %j and %j as the same answer', (one, other) => {
    expect(normaliseAnswer(one)).toBe(normaliseAnswer(other));
  });

  it.each([
    ['no pneumonia', 'pneumonia'],
    ['without effusion', 'with effusion'],
    ['non-contrast', 'contrast'],
    ['Rh-', 'Rh+'],
    ['HER2+', 'HER2'],
    ['-ve', 've'],
    ['3.5 cm', '35 cm'],
    ['2:1', '21'],
    ['1-2', '12'],
    ['20 1', '21'],
    ['size < 3 cm', 'size > 3 cm'],
    ['10²', '102'],
    ['left', 'left lung'],
    ['hepatitis A', 'hepatitis'],
    ['vitamin A deficiency', 'vitamin deficiency'],
    ['pneumonia?', 'pneumonia'],
    ['isn’t broken', 'is broken'],
  ])('keeps %j and %j apart', (one, other) => {
    expect(normaliseAnswer(one)).not.toBe(normaliseAnswer(other));
  });

  it('is empty when there is nothing to compare', () => {
    for (const text of ['', ' ', '.', ' ... ', ':', '__']) expect(normaliseAnswer(text)).toBe('');
  });

  it('never drops a word of negation, wherever it stands', () => {
    const words = fc.array(fc.constantFrom('the', 'a', 'left', 'lung', 'nodules', 'two', 'with'));
    fc.assert(
      fc.property(
        words,
        words,
        fc.constantFrom('no', 'not', 'without', 'never'),
        (a, b, negation) => {
          expect(normaliseAnswer([...a, negation, ...b].join(' ')).split(' ')).toContain(negation);
        },
      ),
    );
  });
});
