/** Which answers earn full marks without a judge: equal ones in another spelling, and no others. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactForm, normaliseAnswer } from '../../judge/normalise.ts';
import { checkAnswer } from './extract.ts';
import { differentMeanings } from './meanings.fixture.ts';

const guards = { shortest: 1, rejected: [] };

function checkOf(answer: string, referenceAnswer: string) {
  const sample = { problem: 'What?', images: [], referenceAnswer, accepted: [] };
  return checkAnswer(`<OTHER><thinking>t</thinking><answer>${answer}</answer>`, sample, guards)
    .kind;
}

const pairs = Object.entries(differentMeanings).flatMap(([kind, lines]) =>
  lines.map((line) => {
    const [one = '', other = ''] = line.split(' | ');
    return [kind, one, other] as const;
  }),
);

describe('answers that mean different things', () => {
  // 405 pairs in 11 kinds.
  it('are at least 300 pairs of two texts each', () => {
    expect(pairs.length).toBeGreaterThanOrEqual(300);
    for (const [, one, other] of pairs)
      expect(one === '' || other === '' || one === other).toBe(false);
  });

  it.each(pairs)('are no exact match (%s): %j and %j', (_, one, other) => {
    expect(checkOf(one, other)).not.toBe('exact');
    expect(checkOf(other, one)).not.toBe('exact');
  });

  /** Ways of writing the same, around any text. */
  const spellings: readonly ((text: string) => string)[] = [
    (text) => ` ${text}\n`,
    (text) => `"${text}"`,
    (text) => `**${text}**`,
    (text) => `\\boxed{${text}}`,
    (text) => `$\\text{${text}}$`,
    (text) => `${text}.`,
    (text) => `(${text})`,
    (text) => text.replaceAll(' ', '\u00a0'),
    (text) => text.normalize('NFD'),
  ];

  it('do not become one when each is spelled in some way', () => {
    const pair = fc.constantFrom(...pairs);
    const spelling = fc.constantFrom(...spellings);
    fc.assert(
      fc.property(pair, spelling, spelling, ([, one, other], spellOne, spellOther) => {
        expect(exactForm(spellOne(one))).not.toBe(exactForm(spellOther(other)));
      }),
      { numRuns: 3000 },
    );
  });

  /** What a rule may forgive: the case of rare symbols, and brackets. */
  const forgiven = ['Mmol', 'Mosm', 'Mrad', '5 Cal', '5 pg', 'rs429358 C', '[Na+]'];

  it('are kept apart by the rule judge too where number, sign, unit, genotype or script differ', () => {
    const kinds = [
      'decimal points',
      'other numbers',
      'signs and comparisons',
      'units and their case',
      'genotypes and alleles',
    ];
    const alike = pairs.filter(
      ([kind, one, other]) =>
        (kinds.includes(kind) || /[^\p{Script=Latin}\p{N}\p{P}\p{S}\s]/u.test(one + other)) &&
        normaliseAnswer(one) === normaliseAnswer(other),
    );
    expect(alike.map(([, one]) => one).toSorted()).toEqual(forgiven.toSorted());
  });
});

describe('one answer in two spellings', () => {
  it.each([
    ['5 µg', '5 μg'],
    ['３ ｃｍ', '3 cm'],
    ['ﬁbrosis', 'fibrosis'],
    ['CO₂', 'CO2'],
    ['fib\u00adrosis', 'fibrosis'],
    ['fib\u200brosis', 'fibrosis'],
    ['\ufeffpneumonia', 'pneumonia'],
    ['0.5 mg', '.5 mg'],
    ['-.5', '-0.5'],
    ['5mg', '5 mg'],
    ['5 mg / dL', '5 mg/dL'],
    ['size < 3 cm', 'size <3 cm'],
    ['≤3 cm', '<= 3 cm'],
    ['28 x 27 mm', '28×27mm'],
    ['cm²', 'cm2'],
    ['Ca²⁺', 'Ca2+'],
    ['$Ca^{2+}$', 'Ca²⁺'],
    ['HCO₃⁻', 'HCO3-'],
    ['10⁵', '10^5'],
    ['$10^{5}$', '10⁵'],
    ['1½', '1 1/2'],
    ['¹³¹I', '131I'],
    ['37 ºC', '37°C'],
    ['37 ℃', '37 °C'],
    ['−5', '-5'],
    ['1–2 cm', '1-2 cm'],
    ['1,000,000', '1000000'],
    ['٥ mg', '5 mg'],
    ['Cardiomegaly.', 'cardiomegaly'],
    ['Left lung', 'left lung'],
    ['LEFT LUNG', 'left lung'],
    ['PNEUMONIA', 'Pneumonia'],
    ['Yes', 'yes'],
    ['No.', 'no'],
    ['X-ray', 'x-ray'],
    ['"pleural effusion"', 'pleural effusion'],
    ['“pleural effusion”', 'Pleural effusion.'],
    ['(pleural effusion)', 'pleural effusion'],
    ['Crohn’s disease', "Crohn's disease"],
    ['pleural\n effusion', 'pleural effusion'],
    ['pleural\u00a0effusion', 'pleural effusion'],
    ['**Pneumonia**', 'pneumonia'],
    ['*Pneumonia*', 'pneumonia'],
    ['__Pneumonia__', 'pneumonia'],
    ['`Pneumonia`', 'pneumonia'],
    ['```\nPneumonia\n```', 'pneumonia'],
    ['# Pneumonia', 'pneumonia'],
    ['• Pneumonia', 'pneumonia'],
    ['\\boxed{Pneumonia}', 'pneumonia'],
    ['$\\boxed{\\text{Pneumonia}}$', 'pneumonia'],
    ['\\[\\boxed{5~\\text{mg}}\\]', '5~mg'],
    ['\\(5\\,\\mu g\\)', '5 μg'],
    ['\\textbf{Staphylococcus \\emph{aureus}}', 'Staphylococcus aureus'],
    ['<b>Pneumonia</b>', 'pneumonia'],
    ['<p>Left <i>lung</i></p>', 'left lung'],
    ['CO<sub>2</sub>', 'CO2'],
    ['10<sup>5</sup>', '10^5'],
    ['&lt; 5&nbsp;mg', '<5 mg'],
    ['Ménière', 'Me\u0301nie\u0300re'],
    ['ﾋﾟｱﾉ', 'ピアノ'],
    ['肺炎。', '肺炎'],
    ['肺炎', '「肺炎」'],
    ['ﻣﺮض', 'مرض'],
    ['مـرض', 'مرض'],
  ])('is an exact match: %j and %j', (one, other) => {
    expect(checkOf(one, other)).toBe('exact');
    expect(checkOf(other, one)).toBe('exact');
  });

  it('has one form, which is its own form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const form = exactForm(text);
        expect(exactForm(form)).toBe(form);
      }),
    );
  });

  it.each(['\u24eb\u00ad0', '\u24eb\u200b0', '\u24eb\u0660', '\u00bd\u20602', '2\ufe0f\u00b2'])(
    'has one form where an unseen character or a digit of another script stands between numbers: %j',
    (text) => {
      expect(exactForm(exactForm(text))).toBe(exactForm(text));
    },
  );

  it('is found in long hostile text without delay', () => {
    const hostile = [
      'a\u0301\u0323',
      '²a',
      '$',
      '**',
      '\\text{',
      '<b',
      '("',
      '.5 x ',
      ' ',
      '`',
      '٥½',
    ];
    for (const piece of hostile) {
      const started = performance.now();
      exactForm(`a${piece.repeat(20_000)}b`);
      normaliseAnswer(`a${piece.repeat(20_000)}b`);
      expect(performance.now() - started, JSON.stringify(piece)).toBeLessThan(10_000);
    }
  });
});
