/** Test support: a data set as a whole. */
import type { Sample } from '../core/sample.ts';
import { openSampleSet } from './open-sample-set.ts';
import type { RejectedRow } from './row.ts';

export async function loadSamples(
  ...given: Parameters<typeof openSampleSet>
): Promise<{ readonly samples: readonly Sample[]; readonly rejected: readonly RejectedRow[] }> {
  const { size, at, rejected } = await openSampleSet(...given);
  const samples = await Promise.all(Array.from({ length: size }, (_, i) => at(i)));
  return { samples, rejected: rejected.first };
}
