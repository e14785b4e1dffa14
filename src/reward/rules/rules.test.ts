import { describe, expect, it } from 'vitest';
import { contradiction } from '../components/contradiction.ts';
import { scoreFormat } from '../components/format.ts';
import { scoreModality } from '../components/modality.ts';
import { extractAnswer } from './extract.ts';

const well = '<MRI_SCAN>\n<thinking>Bright on T2.</thinking>\n<answer>cyst</answer>\n';

describe('scoreFormat', () => {
  it('accepts one tag, one thinking block and one answer block, with white space between', () => {
    expect(scoreFormat(well)).toMatchObject({ value: 1 });
  });

  it.each([
    ['no tag', well.replace('<MRI_SCAN>', '')],
    ['an unknown tag', well.replace('MRI_SCAN', 'MRI')],
    ['two tags', `<X_RAY>${well}`],
    ['text before the tag', `Sure. ${well}`],
    ['text after the answer', `${well}Done.`],
    ['text between the blocks', well.replace('</thinking>', '</thinking> So')],
    ['an empty answer', well.replace('cyst', ' ')],
    ['empty thinking', well.replace('Bright on T2.', '')],
    ['<think> for <thinking>', well.replaceAll('thinking', 'think')],
    ['two answers', `${well}<answer>cyst</answer>`],
    ['two thinking blocks', well.replace('<answer>', '<thinking>b</thinking><answer>')],
    ['an answer within the thinking', well.replace('T2.', 'T2. <answer>cyst</answer>')],
    ['blocks in the wrong order', '<MRI_SCAN><answer>cyst</answer><thinking>a</thinking>'],
    ['an answer cut off', well.replace('</answer>', '')],
  ])('rejects %s', (_, response) => {
    expect(scoreFormat(response)).toMatchObject({ kind: 'scored', value: 0 });
  });
});

describe('extractAnswer', () => {
  it.each([
    [well, 'cyst'],
    ['cyst', 'cyst'],
    ['<X_RAY><thinking>a</thinking> cyst ', 'cyst'],
    ['<X_RAY><thinking>a</thinking><answer>a cy', 'a cy'],
    ['size < 3 cm', 'size < 3 cm'],
  ])('reads %j', (response, answer) => {
    expect(extractAnswer(response)).toBe(answer);
  });

  it('finds no answer among several, nor in an unfinished thought', () => {
    expect(extractAnswer(`${well}<answer>no cyst</answer>`)).toBeUndefined();
    expect(extractAnswer('<X_RAY><thinking>It may be a cyst')).toBeUndefined();
  });
});

describe('scoreModality', () => {
  it('wants the one tag before the blocks to be right', () => {
    const value = (response: string) => scoreModality(response, { modality: 'MRI_SCAN' });
    expect(value(well)).toMatchObject({ value: 1 });
    expect(value(`Sure: ${well.toLowerCase()}`)).toMatchObject({ value: 1 });
    expect(value(well.replace('MRI', 'CT'))).toMatchObject({ value: 0 });
    expect(value(`<CT_SCAN>${well}`)).toMatchObject({ value: 0 });
    expect(value('<thinking>An <MRI_SCAN></thinking>')).toMatchObject({ value: 0 });
    expect(value('MRI_SCAN<thinking>a</thinking>')).toMatchObject({ value: 0 });
  });
});

describe('contradiction', () => {
  it.each([
    ['right lung', 'left lung'],
    ['no fracture', 'fracture'],
    ['fracture', 'without fracture'],
    ['yes', 'no'],
    ['4 cm', '3 cm'],
    ['two nodules', 'three nodules'],
    ['malignant mass', 'benign mass'],
    ['nodules', 'three nodules'],
    ['lower lung', 'left lower lung'],
    ['left right lung', 'left lung'],
  ])('sees it between %j and %j', (answer, reference) => {
    expect(contradiction(answer, reference)).toBeTypeOf('string');
  });

  it.each([
    ['enlarged heart', 'cardiomegaly'],
    ['left and right lung', 'right and left lung'],
    ['3 nodules of 4 mm', 'three nodules'],
    ['not seen', 'no finding'],
  ])('sees none between %j and %j', (answer, reference) => {
    expect(contradiction(answer, reference)).toBeUndefined();
  });
});
