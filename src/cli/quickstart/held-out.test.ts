import { describe, expect, it } from 'vitest';
import { phantomSample } from '../../data/phantoms/study.ts';
import { readHeader, readPixels } from '../../image/pixels.ts';
import { phantomSet } from '../../train/open-samples.ts';
import type { SampleSet } from '../../train/sample-order.ts';
import type { ScoredRollout } from '../../train/score-rollouts.ts';
import { answerHeldOut, phantomKinds, sightOf } from './held-out.ts';

const size = 24;
const key = { seed: 5, split: 'test' } as const;
const samples = phantomSet({ ...key, size });

/** An answer to each sample, right or wrong by its number, with or without the whole reading. */
const answering =
  (
    isRight: (index: number) => boolean,
    hasRead: (index: number) => boolean,
    asked: SampleSet[] = [],
  ) =>
  async (set: SampleSet): Promise<ScoredRollout[]> => {
    asked.push(set);
    return Promise.all(
      Array.from({ length: set.size }, async (_, index): Promise<ScoredRollout> => {
        const sample = await set.at(index);
        const scored = (holds: boolean) => ({ kind: 'scored', value: Number(holds) }) as const;
        return {
          rollout: {
            key: sample.id,
            sample,
            prompt: { tokens: new Int32Array(), images: [] },
            completion: new Int32Array(),
            text: hasRead(index) ? `<thinking>${sample.reading}</thinking>` : '',
            samplerLogprobs: new Float32Array(),
            stopReason: 'stop',
          },
          outcome: {
            kind: 'scored',
            reward: 1,
            components: {
              judge: scored(isRight(index)),
              format: scored(true),
            },
          },
        };
      }),
    );
  };

describe('the held-out questions', () => {
  it('are asked with their images, with grey ones of the same size and with those of other studies of their modality', async () => {
    const asked: SampleSet[] = [];
    await answerHeldOut(
      samples,
      answering(
        () => true,
        () => true,
        asked,
      ),
    );
    const [own, blank, other] = asked;
    expect(own).toBe(samples);
    for (let index = 0; index < size; index++) {
      const sample = phantomSample({ ...key, index });
      const grey = (await blank!.at(index)).images[0]!.bytes;
      const header = await readHeader(grey);
      expect([header.autoOrient.width, header.autoOrient.height]).toEqual([64, 64]);
      expect(new Set((await readPixels(grey, header)).pixels).size).toBe(1);
      const foreign = await other!.at(index);
      expect(foreign.problem).toBe(sample.problem);
      expect(foreign.images[0]!.name).not.toBe(sample.images[0]!.name);
      const [, , , place] = foreign.images[0]!.name.replace('.png', '').split('/');
      expect(phantomSample({ ...key, index: Number(place) }).modality).toBe(sample.modality);
    }
  });

  it('tell what was read, what is right without the image, and how much of it the image is needed for', async () => {
    const before = {
      own: await answering(
        (i) => i < 6,
        (i) => i < 12,
      )(samples),
      blank: await answering(
        (i) => i < 3,
        () => false,
      )(samples),
      other: await answering(
        (i) => i < 6,
        () => false,
      )(samples),
    };
    const after = {
      own: await answering(
        (i) => i < 18,
        (i) => i < 15,
      )(samples),
      blank: await answering(
        (i) => i < 6,
        () => false,
      )(samples),
      other: await answering(
        (i) => i < 9,
        () => false,
      )(samples),
    };
    const sight = sightOf(before, after, phantomKinds(key, size));
    expect(sight).toMatchObject({
      readingAccuracy: { before: 0.5, after: 0.625 },
      blindAccuracy: { before: 0.125, after: 0.25 },
      imageDependence: { before: 0, after: 0.375 },
    });
    const kinds = Object.values(sight.byKind);
    expect(kinds.reduce((sum, { questions }) => sum + questions, 0)).toBe(size);
    const right = (when: 'before' | 'after') =>
      kinds.reduce((sum, kind) => sum + kind.questions * kind[when], 0);
    expect(right('before')).toBeCloseTo(6, 9);
    expect(right('after')).toBeCloseTo(18, 9);
  });

  it('without a score are in no share', async () => {
    const unscored = (
      await answering(
        () => true,
        () => true,
      )(samples)
    ).map(
      ({ rollout, outcome }, index): ScoredRollout =>
        index === 0
          ? {
              rollout,
              outcome: { ...outcome, kind: 'unscored', cause: 'timeout', message: 'late' } as never,
            }
          : { rollout, outcome },
    );
    const answers = { own: unscored, blank: unscored, other: unscored };
    const sight = sightOf(answers, answers, phantomKinds(key, size));
    expect(sight.blindAccuracy).toEqual({ before: 1, after: 1 });
  });
});
