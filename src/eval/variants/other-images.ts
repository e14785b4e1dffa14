/**
 * Images of other studies for the samples of a stream. Memory is bounded by a window of clusters (images
 * or patients), whatever the length of the stream.
 */
import type { Rng } from '../../core/rng.ts';
import type { ImageFile } from '../../core/sample.ts';
import type { EvalSample } from '../tasks/sample.ts';

/** The images of a cluster's first sample. */
export type OtherImages = {
  readonly cluster: string;
  /** What kind of image it is, where the task says so: only alike images make a wrong one hard to spot. */
  readonly modality: string | undefined;
  readonly images: readonly ImageFile[];
  readonly digests: readonly string[];
};

/** Clusters to choose from: several of each modality even in a data set of many. */
const clustersKept = 64;
/** At most, so that a window of whole-slide images still fits. */
const bytesKept = 256 * 2 ** 20;
/** A large cluster's neighbours are kept whatever their size. */
const clustersLeast = 2;
/** Questions held back until there are enough clusters. */
const samplesHeld = 2048;

/**
 * Passes a task's samples on in their order, each with the images of up to 64 other clusters near it:
 * those before it, and at the start of the stream also those after it. Which these are depends on the
 * order of the stream alone.
 */
export async function* withOtherImages(
  samples: AsyncIterable<EvalSample>,
): AsyncGenerator<{ readonly sample: EvalSample; readonly otherImages: readonly OtherImages[] }> {
  const window = createWindow();
  let held: EvalSample[] = [];
  let heldBytes = 0;
  let isReady = false;
  const pair = (sample: EvalSample) => ({
    sample,
    otherImages: sample.images.length === 0 ? [] : window.entries(),
  });
  for await (const sample of samples) {
    const images = window.add(sample);
    held.push({ ...sample, images });
    heldBytes += images === sample.images ? sizeOf(images) : 0;
    isReady ||= window.isFull() || held.length >= samplesHeld || heldBytes >= bytesKept;
    if (!isReady) continue;
    yield* held.map(pair);
    held = [];
  }
  yield* held.map(pair);
}

function createWindow() {
  const clusters = new Map<string, OtherImages>();
  let bytes = 0;
  const isOver = () =>
    clusters.size > clustersKept || (bytes > bytesKept && clusters.size > clustersLeast);
  let wasOver = false;
  return {
    /** Returns the sample's images, as the window has them where they are the same. */
    add: (sample: EvalSample): readonly ImageFile[] => {
      const known = clusters.get(sample.cluster);
      if (known !== undefined) {
        return sameTexts(known.digests, sample.imageDigests) ? known.images : sample.images;
      }
      if (sample.images.length === 0) return sample.images;
      clusters.set(sample.cluster, otherImagesOf(sample));
      bytes += sizeOf(sample.images);
      for (const [cluster, { images }] of clusters) {
        if (!isOver()) break;
        wasOver = true;
        clusters.delete(cluster);
        bytes -= sizeOf(images);
      }
      return sample.images;
    },
    isFull: () => wasOver,
    entries: () => [...clusters.values()],
  };
}

function otherImagesOf(sample: EvalSample): OtherImages {
  const { cluster, images, imageDigests } = sample;
  return { cluster, modality: modalityOf(sample), images, digests: imageDigests };
}

/** Subgroups that tell what kind of image it is, by task. */
const modalityDimensions = ['modality', 'imageType'] as const;

function modalityOf({ subgroups }: EvalSample): string | undefined {
  return modalityDimensions.map((name) => subgroups[name]).find((value) => value !== undefined);
}

/**
 * As many images as the sample has, of other clusters: of its modality first, else in random order. None
 * of them is the same file as one of its own.
 *
 * @returns undefined where there are not enough
 */
export function chooseOtherImages(
  sample: EvalSample,
  others: readonly OtherImages[],
  rng: Rng,
): Pick<OtherImages, 'images' | 'digests'> | undefined {
  const modality = modalityOf(sample);
  const rank = (other: OtherImages) =>
    Number(modality !== undefined && other.modality !== modality);
  const foreign = others.filter(({ cluster }) => cluster !== sample.cluster);
  const taken = rng
    .shuffle(foreign)
    .toSorted((a, b) => rank(a) - rank(b))
    .flatMap(({ images, digests }) =>
      images.map((image, place) => ({ image, digest: digests[place] ?? '' })),
    )
    .filter(({ digest }) => !sample.imageDigests.includes(digest))
    .slice(0, sample.images.length);
  if (taken.length < sample.images.length) return undefined;
  return {
    images: taken.map(({ image }) => image),
    digests: taken.map(({ digest }) => digest),
  };
}

function sizeOf(images: readonly ImageFile[]): number {
  return images.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function sameTexts(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, place) => text === others[place]);
}
