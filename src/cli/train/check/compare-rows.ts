/** Training rows that come twice, or that are also in sets that must not be trained on. */
import { digestOf, digestOfBytes } from '../../../core/digest.ts';
import { defined } from '../../../core/errors.ts';
import type { Sample } from '../../../core/sample.ts';
import { type Fingerprint, fingerprintOf } from '../../../eval/contamination/fingerprint.ts';
import { createImageIndex, type ImageIndex } from '../../../eval/contamination/image-index.ts';
import {
  createQuestionIndex,
  type QuestionIndex,
} from '../../../eval/contamination/question-index.ts';

/** What is compared of a row. */
export type ComparedRow = Pick<Sample, 'problem' | 'images'>;

/** A set that must not be trained on: of validation, or of a benchmark. */
export type OtherSet = { readonly name: string; readonly rows: AsyncIterable<ComparedRow> };

export type SetOverlap = {
  readonly name: string;
  readonly rows: number;
  /** Training rows that have a row of the set with the same question and the same images. */
  readonly same: number;
  /** Those that have an image of it, as the same file, or as the same picture in another file. */
  readonly imageExact: number;
  readonly imageNear: number;
  /** Those that have its question word for word, or half of one; counted where rows have no images. */
  readonly questionExact: number;
  readonly questionNear: number;
};

export type ComparedRows = {
  /** Rows whose question and images an earlier row has too. */
  readonly repeated: number;
  /** Different images. */
  readonly images: number;
  /** Images that show what an earlier image shows, in another file. */
  readonly nearImages: number;
  readonly overlaps: readonly SetOverlap[];
};

type Indexed = {
  readonly name: string;
  readonly images: ImageIndex;
  readonly questions: QuestionIndex;
  readonly contents: Set<string>;
  rows: number;
};

type Counts = { -readonly [K in keyof SetOverlap]: SetOverlap[K] };

/** @param rows of training. @param others each is read once, and held as hashes. */
export async function compareRows(
  rows: AsyncIterable<ComparedRow>,
  others: readonly OtherSet[],
  signal: AbortSignal,
): Promise<ComparedRows> {
  const indexed: Indexed[] = [];
  for (const other of others) indexed.push(await indexSet(other, signal));
  const counts = indexed.map(({ name, rows: size }) => noOverlap(name, size));
  const own = createOwnImages();
  const contents = new Set<string>();
  let repeated = 0;
  for await (const { problem, images: files } of rows) {
    signal.throwIfAborted();
    const seen = await Promise.all(files.map(({ bytes }) => seenImage(bytes)));
    const content = contentOf(problem, seen);
    if (contents.has(content)) repeated++;
    contents.add(content);
    for (const image of seen) await own.see(image);
    for (const [place, set] of indexed.entries()) {
      mark(defined(counts[place], 'counts of a set'), set, problem, content, seen);
    }
  }
  return { repeated, ...own.counts(), overlaps: counts };
}

/** Images of the training rows themselves: how many there are, and how many show what an earlier one shows. */
function createOwnImages() {
  const index = createImageIndex();
  const digests = new Set<string>();
  let nearImages = 0;
  return {
    see: async ({ digest, fingerprint }: SeenImage): Promise<void> => {
      if (digests.has(digest)) return;
      if (index.find(digest, fingerprint).near.length > 0) nearImages++;
      await index.add(digests.size, digest, async () => fingerprint);
      digests.add(digest);
    },
    counts: () => ({ images: digests.size, nearImages }),
  };
}

type SeenImage = { readonly digest: string; readonly fingerprint: Fingerprint | undefined };

async function seenImage(bytes: Uint8Array): Promise<SeenImage> {
  return { digest: digestOfBytes(bytes), fingerprint: await fingerprintOf(bytes) };
}

async function indexSet({ name, rows }: OtherSet, signal: AbortSignal): Promise<Indexed> {
  const set: Indexed = {
    name,
    images: createImageIndex(),
    questions: createQuestionIndex(),
    contents: new Set(),
    rows: 0,
  };
  for await (const { problem, images } of rows) {
    signal.throwIfAborted();
    const digests = images.map(({ bytes }) => ({ digest: digestOfBytes(bytes) }));
    for (const [place, { digest }] of digests.entries()) {
      await set.images.add(set.rows, digest, () =>
        fingerprintOf(images[place]?.bytes ?? new Uint8Array()),
      );
    }
    set.questions.add(set.rows, problem);
    set.contents.add(contentOf(problem, digests));
    set.rows++;
  }
  return set;
}

function contentOf(problem: string, images: readonly { readonly digest: string }[]): string {
  return digestOf([problem.trim(), images.map(({ digest }) => digest)]);
}

function noOverlap(name: string, rows: number): Counts {
  return {
    name,
    rows,
    same: 0,
    imageExact: 0,
    imageNear: 0,
    questionExact: 0,
    questionNear: 0,
  };
}

function mark(
  count: Counts,
  set: Indexed,
  problem: string,
  content: string,
  seen: readonly SeenImage[],
): void {
  if (set.contents.has(content)) count.same++;
  if (seen.length === 0) {
    const { exact, near } = set.questions.find(problem);
    if (exact.length > 0) count.questionExact++;
    else if (near.length > 0) count.questionNear++;
    return;
  }
  // Many images are asked the same question, so that with images the question alone tells nothing.
  const found = seen.map(({ digest, fingerprint }) => set.images.find(digest, fingerprint));
  if (found.some(({ exact }) => exact.length > 0)) count.imageExact++;
  else if (found.some(({ near }) => near.length > 0)) count.imageNear++;
}
