import { describe, expect, it } from 'vitest';
import { scoreText } from './submission-score.ts';

/** Tables of pandas 3.1.1 (`DataFrame.to_string`), by the calls of the paper's script on the same scores. */
describe('the score file, as pandas prints it', () => {
  it('ends in the mean over tasks, in per cent among shares', () => {
    const tasks = [
      { task: 'mmlu_anatomy', accuracy: 2 / 3 },
      { task: 'medqa', accuracy: 0.5 },
      { task: 'mimic_cxr_report_generation', accuracy: 0.123456789 },
    ];
    expect(scoreText('MBZUAI/MediX-R1-8B', tasks).split('\n')).toEqual([
      'Model: MBZUAI/MediX-R1-8B',
      '',
      '                          Task   Accuracy Accuracy (%)',
      '0                 mmlu_anatomy   0.666667       66.67%',
      '1                        medqa   0.500000       50.00%',
      '2  mimic_cxr_report_generation   0.123457       12.35%',
      '3                      Overall  43.004115       43.00%',
    ]);
  });

  it('has no mean for a single task, and no more zeros than needed', () => {
    expect(
      scoreText('m', [{ task: 'medqa', accuracy: 1 }])
        .split('\n')
        .slice(2),
    ).toEqual(['    Task  Accuracy Accuracy (%)', '0  medqa       1.0      100.00%']);
  });

  it('drops only zeros that every row has', () => {
    const tasks = [
      { task: 'medqa', accuracy: 1 },
      { task: 'rad_vqa', accuracy: 0 },
    ];
    expect(scoreText('m', tasks).split('\n').slice(2)).toEqual([
      '      Task  Accuracy Accuracy (%)',
      '0    medqa       1.0      100.00%',
      '1  rad_vqa       0.0        0.00%',
      '2  Overall      50.0       50.00%',
    ]);
  });

  it('keeps the numbers of more than ten rows to the left', () => {
    const tasks = Array.from({ length: 12 }, (_, i) => ({
      task: `t${i}`,
      accuracy: (0.1 * i) / 1.7,
    }));
    const lines = scoreText('m', tasks).split('\n').slice(2);
    expect(lines[0]).toBe('       Task   Accuracy Accuracy (%)');
    expect(lines[2]).toBe('1        t1   0.058824        5.88%');
    expect(lines[11]).toBe('10      t10   0.588235       58.82%');
  });

  it('rounds halves to the even digit, as Python does', () => {
    const [, , , row] = scoreText('m', [{ task: 't', accuracy: 1 / 32 }]).split('\n');
    expect(row).toMatch(/3\.12%$/);
  });
});
