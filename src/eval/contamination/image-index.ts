/**
 * Images of samples, found again by their files or by what they show. Memory: some 1.5 kB an image,
 * however often it is asked about.
 */
import { type Fingerprint, isSamePicture, largestDistance } from './fingerprint.ts';
import type { PerceptualHash } from './perceptual-hash.ts';

export type ImageIndex = {
  /** @param sample its number. @param fingerprint asked for once an image */
  add(
    sample: number,
    digest: string,
    fingerprint: () => Promise<Fingerprint | undefined>,
  ): Promise<void>;
  /** Numbers of the samples with the very file, and with the picture in another file. */
  find(
    digest: string,
    fingerprint: Fingerprint | undefined,
  ): { readonly exact: readonly number[]; readonly near: readonly number[] };
};

type Entry = { readonly samples: number[]; readonly fingerprint: Fingerprint | undefined };

/** Of hashes that differ in at most 6 bits, at least one of 7 bands is equal. */
const bands = largestDistance + 1;

export function createImageIndex(): ImageIndex {
  const entries = new Map<string, Entry>();
  const buckets = new Map<number, Entry[]>();
  return {
    add: async (sample, digest, makeFingerprint) => {
      const known = entries.get(digest);
      if (known) {
        known.samples.push(sample);
        return;
      }
      const entry = { samples: [sample], fingerprint: await makeFingerprint() };
      entries.set(digest, entry);
      if (entry.fingerprint === undefined) return;
      for (const key of bandsOf(entry.fingerprint.hash)) {
        const bucket = buckets.get(key);
        if (bucket) bucket.push(entry);
        else buckets.set(key, [entry]);
      }
    },
    find: (digest, fingerprint) => {
      const same = entries.get(digest);
      const alike = fingerprint === undefined ? [] : findAlike(fingerprint, buckets);
      const near = alike.filter((entry) => entry !== same).flatMap(({ samples }) => samples);
      return { exact: same?.samples ?? [], near };
    },
  };
}

function findAlike(
  fingerprint: Fingerprint,
  buckets: ReadonlyMap<number, readonly Entry[]>,
): Entry[] {
  const candidates = new Set(bandsOf(fingerprint.hash).flatMap((key) => buckets.get(key) ?? []));
  return [...candidates].filter(
    (entry) => entry.fingerprint && isSamePicture(fingerprint, entry.fingerprint),
  );
}

/** Six bands of 9 bits and one of 10, each under a number of its own. */
function bandsOf({ high, low }: PerceptualHash): number[] {
  const bits = (BigInt(high) << 32n) | BigInt(low);
  return Array.from({ length: bands }, (_, band) => {
    const width = band === bands - 1 ? 10n : 9n;
    return band * 1024 + Number((bits >> BigInt(9 * band)) & ((1n << width) - 1n));
  });
}
