import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EvalSample } from '../tasks/sample.ts';
import { applyVariant, type VariantContext } from './apply-variant.ts';
import { isNotApplicable } from './not-applicable.ts';
import type { OtherImages } from './other-images.ts';

const context: VariantContext = {
  seed: 1,
  choiceTemplate:
    '{{ question }}{% for choice in choices %}{{ "\\n" }}{{ choice.letter }}. {{ choice.text }}{% endfor %}',
  otherImages: [],
};

let picture: Uint8Array;
beforeAll(async () => {
  const pixels = Buffer.from(Array.from({ length: 30 * 22 * 3 }, (_, i) => (i * 37) % 251));
  picture = await sharp(pixels, { raw: { width: 30, height: 22, channels: 3 } })
    .png()
    .toBuffer();
});

function sampleWith(change: Partial<EvalSample>): EvalSample {
  return {
    id: 't-1',
    source: 't',
    index: 0,
    kind: 'open',
    stem: 'What is it?',
    problem: 'What is it?',
    choices: [],
    referenceAnswer: 'four',
    accepted: [],
    images: [],
    imageDigests: [],
    cluster: 'one',
    subgroups: {},
    ...change,
  };
}

const withPicture = () =>
  sampleWith({ images: [{ bytes: picture, name: 'a.png' }], imageDigests: ['own'] });

async function changed(
  sample: EvalSample,
  ...rest: [Parameters<typeof applyVariant>[1], VariantContext?]
) {
  const outcome = await applyVariant(sample, rest[0], rest[1] ?? context);
  if (isNotApplicable(outcome)) throw new Error(outcome.reason);
  return outcome;
}

async function pixelsOf(bytes: Uint8Array | undefined) {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

describe('images', () => {
  it('become grey at the same size, and keep sample and cluster', async () => {
    const { images, imageDigests, id, cluster } = await changed(withPicture(), 'blank-image');
    const { data, width, height } = await pixelsOf(images[0]?.bytes);
    expect([width, height]).toEqual([30, 22]);
    expect(new Set(data)).toEqual(new Set([128]));
    expect({ id, cluster }).toEqual({ id: 't-1', cluster: 'one' });
    expect(imageDigests[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it('are blanked as they are shown, not as they are stored', async () => {
    const turned = await sharp(picture).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const sample = sampleWith({ images: [{ bytes: turned, name: 'a.jpg' }], imageDigests: ['a'] });
    const { images } = await changed(sample, 'blank-image');
    expect(await pixelsOf(images[0]?.bytes)).toMatchObject({ width: 22, height: 30 });
  });

  it('keep every pixel when their tiles change places, and no tile stays', async () => {
    const { images } = await changed(withPicture(), 'shuffled-image');
    const before = await pixelsOf(picture);
    const after = await pixelsOf(images[0]?.bytes);
    const coloursOf = ({ data }: typeof before) =>
      Array.from({ length: data.length / 3 }, (_, p) =>
        data.subarray(3 * p, 3 * p + 3).toString('hex'),
      );
    expect([after.width, after.height]).toEqual([30, 22]);
    expect(coloursOf(after).toSorted()).toEqual(coloursOf(before).toSorted());
    const [wasAt, isAt] = [coloursOf(before), coloursOf(after)];
    for (let tile = 0; tile < 16; tile++) {
      const corner = Math.floor(tile / 4) * 5 * 30 + (tile % 4) * 7;
      expect(isAt[corner]).not.toBe(wasAt[corner]);
    }
  });

  it('are shuffled alike for the same seed and otherwise for another', async () => {
    const digests = await Promise.all(
      [1, 1, 2].map(
        async (seed) =>
          (await changed(withPicture(), 'shuffled-image', { ...context, seed })).imageDigests[0],
      ),
    );
    expect(digests[0]).toBe(digests[1]);
    expect(digests[0]).not.toBe(digests[2]);
  });

  it.each([[1], [2], [3], [4]] as const)(
    'of %i channels stay decodable when shuffled',
    async (channels) => {
      const raw = { width: 9, height: 3, channels };
      const bytes = await sharp(Buffer.from(Array.from({ length: 27 * channels }, (_, i) => i)), {
        raw,
      })
        .png()
        .toBuffer();
      const sample = sampleWith({ images: [{ bytes, name: 'a' }], imageDigests: ['a'] });
      const { images } = await changed(sample, 'shuffled-image');
      expect(await pixelsOf(images[0]?.bytes)).toMatchObject({ width: 9, height: 3 });
    },
  );

  it('that break off in the middle are not shuffled, which is no failure of a model', async () => {
    const bytes = picture.subarray(0, 200);
    const sample = sampleWith({ images: [{ bytes, name: 'a' }], imageDigests: ['a'] });
    expect(await applyVariant(sample, 'shuffled-image', context)).toEqual({
      kind: 'not-applicable',
      reason: 'image-cannot-be-changed',
    });
  });

  it('that are not there cannot be changed', async () => {
    for (const variant of ['blank-image', 'shuffled-image', 'wrong-image'] as const) {
      expect(await applyVariant(sampleWith({}), variant, context)).toEqual({
        kind: 'not-applicable',
        reason: 'no-image',
      });
    }
  });
});

describe('a wrong image', () => {
  const other = (cluster: string, modality?: string): OtherImages => ({
    cluster,
    modality,
    images: [{ bytes: Uint8Array.of(cluster.length), name: cluster }],
    digests: [`digest of ${cluster}`],
  });

  it('is of another cluster, and of the same modality where there is one', async () => {
    const sample = { ...withPicture(), subgroups: { modality: 'CT' } };
    const otherImages = [
      other('one', 'CT'),
      other('two', 'MRI'),
      other('three', 'CT'),
      other('four'),
    ];
    for (let seed = 0; seed < 20; seed++) {
      const { images, imageDigests } = await changed(sample, 'wrong-image', {
        ...context,
        seed,
        otherImages,
      });
      expect(images.map(({ name }) => name)).toEqual(['three']);
      expect(imageDigests).toEqual(['digest of three']);
    }
  });

  it('falls back to another modality, and differs between samples', async () => {
    const otherImages = ['b', 'c', 'd', 'e', 'f', 'g'].map((cluster) => other(cluster, 'MRI'));
    const names = new Set<string | undefined>();
    for (let i = 0; i < 20; i++) {
      const sample = { ...withPicture(), id: `t-${i}`, subgroups: { modality: 'CT' } };
      names.add(
        (await changed(sample, 'wrong-image', { ...context, otherImages })).images[0]?.name,
      );
    }
    expect(names.size).toBeGreaterThan(2);
  });

  it('is none where all others are the same file or of the same cluster', async () => {
    const same = { ...other('two'), digests: ['own'] };
    const otherImages = [other('one'), same];
    expect(await applyVariant(withPicture(), 'wrong-image', { ...context, otherImages })).toEqual({
      kind: 'not-applicable',
      reason: 'no-other-image',
    });
  });
});

describe('options', () => {
  const choices = ['one', 'two', 'three', 'four'].map((text, place) => ({
    letter: 'ABCD'[place] ?? '',
    text,
  }));
  const choiceSample = (change: Partial<EvalSample> = {}) =>
    sampleWith({ kind: 'multiple-choice', choices, referenceLetter: 'D', ...change });

  it('all come under another letter, with the right one’s letter and the question after them', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const permuted = await changed(choiceSample(), 'permuted-options', { ...context, seed });
      const { choices: now = [], referenceAnswer, referenceLetter, problem } = permuted;
      expect(now.map(({ letter }) => letter)).toEqual(['A', 'B', 'C', 'D']);
      expect(now.map(({ text }) => text).toSorted()).toEqual(['four', 'one', 'three', 'two']);
      for (const [place, { text }] of now.entries()) expect(text).not.toBe(choices[place]?.text);
      expect(now.find(({ letter }) => letter === referenceLetter)?.text).toBe(referenceAnswer);
      expect(problem).toBe(
        `What is it?\n${now.map(({ letter, text }) => `${letter}. ${text}`).join('\n')}`,
      );
    }
  });

  it.each([
    'All of the above',
    'None of the above.',
    'Both A and B',
    'A, B and C',
    'B & C only',
    'Neither option A nor option C',
  ])('that speak of others by place are left alone: %s', async (text) => {
    const sample = choiceSample({ choices: [...choices.slice(0, 3), { letter: 'D', text }] });
    expect(await applyVariant(sample, 'permuted-options', context)).toEqual({
      kind: 'not-applicable',
      reason: 'options-refer-to-each-other',
    });
  });

  it.each([
    'Vitamin A and D',
    'Hepatitis B or C',
    'Type A personality',
    'Amputation above the knee',
    'B',
  ])('that only look so are permuted: %s', async (text) => {
    const sample = choiceSample({ choices: [...choices.slice(0, 3), { letter: 'D', text }] });
    expect(isNotApplicable(await applyVariant(sample, 'permuted-options', context))).toBe(false);
  });

  it('are none in an open question', async () => {
    expect(await applyVariant(sampleWith({}), 'permuted-options', context)).toEqual({
      kind: 'not-applicable',
      reason: 'no-options',
    });
  });
});
