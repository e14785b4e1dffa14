/** The data sets a config names. */
import { type DataSource, isPhantoms, sourcesOf } from '../config/data-config.ts';
import type { HubAccess } from '../config/environment.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { defined } from '../core/errors.ts';
import { pinLocation } from '../data/locate.ts';
import { openSampleSet } from '../data/open-sample-set.ts';
import { type PhantomSplit, phantomSample } from '../data/phantoms/study.ts';
import type { RejectedRows } from '../data/read.ts';
import type { SourceFacts } from './same-data.ts';
import { mixSets, type SampleSet } from './sample-order.ts';

export type OpenedSamples = {
  readonly samples: SampleSet;
  /** Rows that could not be used. */
  readonly rejected: RejectedRows;
  /** What was opened, one for each source. */
  readonly facts: readonly SourceFacts[];
};

/**
 * The same data, those of a hub named at the commit where they stand now.
 *
 * @throws MedixError 'data' where the hub cannot be reached or refuses
 */
export async function pinData(
  data: TrainConfig['data'],
  hub: HubAccess,
): Promise<TrainConfig['data']> {
  const pin = async (from: string) => (isPhantoms(from) ? from : pinLocation(from, hub));
  const { train, validation } = data;
  return {
    ...data,
    train:
      typeof train === 'string'
        ? await pin(train)
        : await Promise.all(train.map(async (one) => ({ ...one, from: await pin(one.from) }))),
    validation: validation === null ? null : await pin(validation),
  };
}

type Split = 'train' | 'validation';

/**
 * @param split which of the config's two sets; undefined when the config names no validation set.
 * @throws MedixError 'data' when a set cannot be read or has no usable row.
 */
export async function openSamples(
  data: TrainConfig['data'],
  split: Split,
  hub: HubAccess,
  signal: AbortSignal,
): Promise<OpenedSamples | undefined> {
  const sources = sourcesOf(data, split);
  const opened: (OpenedSamples & DataSource)[] = [];
  for (const source of sources) {
    opened.push({ ...source, ...(await openSource(source, data, split, hub, signal)) });
  }
  const [only] = opened;
  if (only === undefined || opened.length === 1) return only;
  return {
    samples: mixSets(opened),
    rejected: {
      first: opened.flatMap(({ rejected }) => rejected.first),
      count: opened.reduce((sum, { rejected }) => sum + rejected.count, 0),
    },
    facts: opened.flatMap(({ facts }) => facts),
  };
}

async function openSource(
  { from, columns }: DataSource,
  data: TrainConfig['data'],
  split: Split,
  hub: HubAccess,
  signal: AbortSignal,
): Promise<OpenedSamples> {
  const count = data[`${split}Count`];
  if (isPhantoms(from)) {
    const size = defined(count, 'number of phantoms');
    const drawn = from === 'phantoms@readings' ? 'readings' : split;
    const samples = phantomSet({ seed: data.seed, split: drawn, size });
    return { samples, rejected: { first: [], count: 0 }, facts: [{ from, rows: size }] };
  }
  const { rejected, digest, ...samples } = await openSampleSet(from, {
    hub,
    signal,
    textOnly: data.textOnly,
    cache: data.cache,
    columns,
    ...(data.imageRoot === null ? {} : { imageRoot: data.imageRoot }),
    ...(count === null ? {} : { limit: count }),
  });
  return { samples, rejected, facts: [{ from, rows: samples.size, digest }] };
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
