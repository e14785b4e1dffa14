import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactForm, normalise, normaliseAnswer } from './normalise.ts';

describe('normalise', () => {
  it('takes the steps that are named, in their order', () => {
    expect(normalise('**The  LEFT lung.**', ['markup'])).toBe('The  LEFT lung.');
    expect(normalise('**The  LEFT lung.**', ['markup', 'space', 'edges'])).toBe('The LEFT lung');
    expect(normalise('５ µg', ['characters'])).toBe('5 μg');
    expect(normalise('.5 mg', ['numbers'])).toBe('0.5mg');
  });
});

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
    ['Ménière’s disease', 'Menieres disease'],
    ['Guillain-Barré syndrome', 'Guillain Barre syndrome'],
    ['"pleural effusion"', '(pleural) effusions'],
    ['5 µg', '5 mcg'],
    ['.5 mg', '0.5mg'],
    ['CT', 'ct'],
    ['vitamin d', 'Vitamin D'],
    ['type ii', 'Type II'],
    ['**Left** lung', 'left lung'],
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
    ['.5 mg', '5 mg'],
    ['0,500 mg', '500 mg'],
    ['3·5 cm', '35 cm'],
    ['2:1', '21'],
    ['1-2', '12'],
    ['20 1', '21'],
    ['size < 3 cm', 'size > 3 cm'],
    ['≠ 5', '= 5'],
    ['10²', '102'],
    ['1½', '11/2'],
    ["5'", '5'],
    ['5 Mg', '5 mg'],
    ['AA', 'Aa'],
    ['K', 'k'],
    ['left', 'left lung'],
    ['hepatitis A', 'hepatitis'],
    ['A positive', 'positive'],
    ['vitamin A deficiency', 'vitamin deficiency'],
    ['AIDS', 'aid'],
    ['pneumonia?', 'pneumonia'],
    ['isn’t broken', 'is broken'],
    ['ガン', 'カン'],
    ['मृत्यु', 'मत्य'],
    ['ไม่', 'ไม้'],
    ['bệnh', 'bénh'],
    ['khoáng', 'khoang'],
    ['año', 'ano'],
    ['й', 'и'],
  ])('keeps %j and %j apart', (one, other) => {
    expect(normaliseAnswer(one)).not.toBe(normaliseAnswer(other));
  });

  it('is empty when there is nothing to compare', () => {
    for (const text of ['', ' ', '.', ' ... ', ':', '__', '\u200b']) {
      expect(normaliseAnswer(text)).toBe('');
    }
  });

  it('forgives at least what an exact match forgives', () => {
    const words = fc.array(
      fc.constantFrom('The', 'LEFT', 'lung', '.5', '5 mg', 'CO₂', '**no**', 'Ｔ２', 'Rh-', 'AaBb'),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(words, (all) => {
        const text = all.join(' ');
        expect(normaliseAnswer(exactForm(text))).toBe(normaliseAnswer(text));
      }),
    );
  });

  it('never drops a word of negation, wherever it stands', () => {
    const words = fc.array(fc.constantFrom('the', 'a', 'left', 'lung', 'nodules', 'two', 'with'));
    fc.assert(
      fc.property(
        words,
        words,
        fc.constantFrom('no', 'not', 'without', 'never'),
        (a, b, negation) => {
          const text = [...a, negation, ...b].join(' ');
          expect(normaliseAnswer(text).split(' ')).toContain(negation);
          expect(exactForm(text).split(' ')).toContain(negation);
        },
      ),
    );
  });
});
