import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { defined } from '../../core/errors.ts';
import { parseResponse } from '../response.ts';
import { imageSize } from './canvas.ts';
import { contactSheet } from './contact-sheet.fixture.ts';
import {
  type PhantomSplit,
  type PhantomStudy,
  phantomSample,
  phantomSamples,
  phantomStudy,
} from './study.ts';

const studies = (split: PhantomSplit, count: number, seed = 11): PhantomStudy[] =>
  Array.from({ length: count }, (_, index) => phantomStudy({ seed, split, index }));

const validation = studies('validation', 2400);
const test = studies('test', 2400);

describe('phantoms', () => {
  it('are the same for the same key', () => {
    const key = { seed: 3, split: 'train', index: 21 } as const;
    expect(phantomSample(key)).toEqual(phantomSample(key));
    expect(phantomSample({ ...key, seed: 4 })).not.toEqual(phantomSample(key));
  });

  it('share no image between splits or within one', () => {
    const seen = new Set<string>();
    const all = [...studies('readings', 800), ...studies('train', 800), ...validation, ...test];
    for (const { pixels } of all) seen.add(createHash('sha1').update(pixels).digest('base64'));
    expect(seen.size).toBe(all.length);
  });

  it('are PNG files that hold exactly the pixels drawn', async () => {
    for (const index of [0, 4]) {
      const key = { seed: 1, split: 'test', index } as const;
      const { pixels, channels } = phantomStudy(key);
      const png = defined(phantomSample(key).images[0], 'the image').bytes;
      const space = channels === 1 ? 'b-w' : 'srgb';
      const image = sharp(png).toColourspace(space).raw();
      const { data, info } = await image.toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ width: imageSize, height: imageSize, channels });
      expect(new Uint8Array(data)).toEqual(pixels);
    }
  });

  it('cover eight modalities in equal shares', () => {
    const counts = countBy(validation, ({ modality }) => modality);
    expect(counts.size).toBe(8);
    expect(new Set(counts.values())).toEqual(new Set([300]));
  });

  it('made for reading recite the findings in about half of their demonstrations', () => {
    const asked = studies('readings', 400).flatMap((study, index) =>
      study.question.kind === 'finding' ? [] : [{ study, index }],
    );
    const recited = asked.filter(({ study, index }) => {
      const { demonstration } = phantomSample({ seed: 11, split: 'readings', index });
      return demonstration?.endsWith(`<answer>${study.reading}</answer>`);
    });
    expect(recited.length / asked.length).toBeGreaterThan(0.45);
    expect(recited.length / asked.length).toBeLessThan(0.75);
  });

  it('are answered rightly less than 35 % of the time without the image', () => {
    const kindOf = ({ modality, question }: PhantomStudy) => `${modality} ${question.kind}`;
    const blind = blindAccuracy(validation, test, kindOf);
    expect(blind).toBeGreaterThan(0.25);
    expect(blind).toBeLessThan(0.35);
  });

  it('are not told by the wording of the question either', () => {
    const wordingOf = ({ modality, question }: PhantomStudy) => `${modality} ${question.problem}`;
    expect(blindAccuracy(validation, test, wordingOf)).toBeLessThan(0.35);
  });

  it('answer yes and no equally often', () => {
    const closed = validation.filter(({ question }) =>
      ['presence', 'normality'].includes(question.kind),
    );
    const yes = closed.filter(({ question }) => question.referenceAnswer === 'yes').length;
    expect(yes / closed.length).toBeGreaterThan(0.42);
    expect(yes / closed.length).toBeLessThan(0.58);
  });

  it('have near misses that are never accepted', () => {
    for (const { question } of validation) {
      const right = new Set([question.referenceAnswer, ...question.accepted]);
      expect(right.size).toBe(1 + question.accepted.length);
      expect(question.nearMisses.length).toBeGreaterThan(0);
      expect(question.nearMisses.filter((wording) => right.has(wording))).toEqual([]);
    }
  });

  it('read in one short sentence, and answer in few words', () => {
    for (const { reading, question } of validation) {
      expect(reading.split(' ').length, reading).toBeLessThanOrEqual(15);
      expect(question.referenceAnswer.split(' ').length).toBeLessThanOrEqual(5);
    }
  });

  it('come with a demonstration in the output format that answers rightly', () => {
    for (const sample of phantomSamples({ seed: 5, split: 'train', count: 400 })) {
      const response = parseResponse(defined(sample.demonstration, 'the demonstration'));
      expect(response).toMatchObject({ kind: 'parsed', modality: sample.modality });
      expect([sample.referenceAnswer, ...sample.accepted]).toContain(response.answer);
    }
  });

  it('name the side from the patient: a finding in the left lung lies at image right', () => {
    const opacities = validation.filter(({ findings }) => findings.finding?.name === 'opacity');
    expect(opacities.length).toBeGreaterThan(50);
    for (const { pixels, findings } of opacities) {
      const brighter = lungBrightness(pixels, 44) > lungBrightness(pixels, 12) ? 'left' : 'right';
      expect(brighter).toBe(findings.side);
    }
  });

  it('can be laid out on a contact sheet', async () => {
    const sheet = await contactSheet({ seed: 1, split: 'train', columns: 2 });
    expect(await sharp(sheet).metadata()).toMatchObject({
      format: 'png',
      width: 390,
      height: 1578,
    });
  });
});

/** The accuracy on `unseen` of always giving the answer most often right on `known` for its group. */
function blindAccuracy(
  known: readonly PhantomStudy[],
  unseen: readonly PhantomStudy[],
  groupOf: (study: PhantomStudy) => string,
): number {
  const guesses = new Map<string, string>();
  for (const [group, members] of groupBy(known, groupOf)) {
    const votes = countBy(members.flatMap(accepted), (answer) => answer);
    guesses.set(group, [...votes].reduce((a, b) => (b[1] > a[1] ? b : a))[0]);
  }
  const right = unseen.filter((study) =>
    accepted(study).includes(guesses.get(groupOf(study)) ?? ''),
  );
  return right.length / unseen.length;
}

function accepted({ question }: PhantomStudy): readonly string[] {
  return [question.referenceAnswer, ...question.accepted];
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

/** The sum over a column of the chest wide enough for one lung. */
function lungBrightness(pixels: Uint8Array, left: number): number {
  let sum = 0;
  for (let row = 14; row < 42; row++) {
    for (let column = left; column < left + 9; column++) sum += pixels[row * imageSize + column]!;
  }
  return sum;
}
