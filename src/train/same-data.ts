/** What the data of a run were, on record in its manifest, so that a resumed run goes on with the same. */
import { z } from 'zod';
import { fail } from '../core/errors.ts';
import { readManifest } from '../run/run-reader.ts';

const sourceSchema = z.object({
  /** As in the config, data sets of the hub at their commit. */
  from: z.string(),
  /** Usable ones. */
  rows: z.int().nonnegative(),
  /** SHA-256 of their content; absent where they follow from a seed. */
  digest: z.string().optional(),
});

/** One data set that a run reads. */
export type SourceFacts = z.infer<typeof sourceSchema>;

const factsSchema = z.object({
  train: z.array(sourceSchema),
  validation: z.array(sourceSchema),
});

/** `facts.data` of a manifest. */
export type DataFacts = z.infer<typeof factsSchema>;

/**
 * Runs of earlier versions have no data on record, and are resumed as they were.
 *
 * @param directory of the run that is resumed
 * @throws MedixError 'data' with the first data set that is another one than it was
 */
export async function requireSameData(directory: string, now: DataFacts): Promise<void> {
  const { facts } = await readManifest(directory);
  const before = factsSchema.safeParse(facts['data']);
  if (!before.success) return;
  for (const split of ['train', 'validation'] as const) {
    for (const [i, was] of before.data[split].entries()) {
      const is = now[split][i];
      if (is !== undefined && is.rows === was.rows && is.digest === was.digest) continue;
      fail('data', {
        where: `data.${split}: ${was.from}`,
        expected: `the data that the run began with, ${shown(was)}`,
        got: is === undefined ? 'none' : shown(is),
        next: `restore them and resume again, or start a run of its own over the changed data (out=NEW, with model= the newest model of ${directory})`,
      });
    }
  }
}

function shown({ rows, digest }: SourceFacts): string {
  return `${rows} usable rows${digest === undefined ? '' : ` (digest ${digest.slice(0, 12)}…)`}`;
}
