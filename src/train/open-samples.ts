/** The data sets a config names. */
import type { HubAccess } from '../config/environment.ts';
import { isPhantoms } from '../config/sections.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { defined } from '../core/errors.ts';
import { openSampleSet } from '../data/open-sample-set.ts';
import { type PhantomSplit, phantomSample } from '../data/phantoms/study.ts';
import type { RejectedRows } from '../data/read.ts';
import type { SampleSet } from './sample-order.ts';

export type OpenedSamples = {
  readonly samples: SampleSet;
  /** Rows that could not be used. */
  readonly rejected: RejectedRows;
};

/**
 * @param split which of the config's two sets; undefined when the config names no validation set.
 * @throws MedixError 'data' when the set cannot be read or has no usable row.
 */
export async function openSamples(
  data: TrainConfig['data'],
  split: 'train' | 'validation',
  hub: HubAccess,
  signal: AbortSignal,
): Promise<OpenedSamples | undefined> {
  const location = data[split];
  const count = data[`${split}Count`];
  if (location === null) return undefined;
  if (isPhantoms(location)) {
    const size = defined(count, 'number of phantoms');
    const drawn = location === 'phantoms@readings' ? 'readings' : split;
    return {
      samples: phantomSet({ seed: data.seed, split: drawn, size }),
      rejected: { first: [], count: 0 },
    };
  }
  const { rejected, ...samples } = await openSampleSet(location, {
    hub,
    signal,
    textOnly: data.textOnly,
    columns: data.columns,
    ...(data.imageRoot === null ? {} : { imageRoot: data.imageRoot }),
    ...(count === null ? {} : { limit: count }),
  });
  return { samples, rejected };
}

/** Synthetic studies, drawn as they are asked for. */
export function phantomSet({
  seed,
  split,
  size,
}: {
  readonly seed: number;
  readonly split: PhantomSplit;
  readonly size: number;
}): SampleSet {
  return { size, at: async (index) => phantomSample({ seed, split, index }) };
}
