/** The samples that a run was trained on, found again through the data its manifest names. */
import { z } from 'zod';
import { dataSection, isPhantoms, sourcesOf } from '../../config/data-config.ts';
import type { HubAccess } from '../../config/environment.ts';
import { fail } from '../../core/errors.ts';
import type { Sample } from '../../core/sample.ts';
import { phantomSample, phantomSplits } from '../../data/phantoms/study.ts';
import { type ReadOptions, readSamples } from '../../data/read.ts';
import type { Manifest } from '../../run/records.ts';

const runConfig = z.looseObject({ data: dataSection });

/**
 * @param wanted ids of samples.
 * @returns those that were found, by id; of several with one id the first.
 * @throws MedixError 'run' when the manifest names no data, 'data' when that cannot be read.
 */
export async function findSamples(
  { config }: Manifest,
  wanted: ReadonlySet<string>,
  hub: HubAccess,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Sample>> {
  const parsed = runConfig.safeParse(config);
  if (!parsed.success) {
    fail('run', {
      where: 'manifest.json: config.data',
      expected: 'the data of a run',
      got: 'none that can be read',
      next: 'give a run of medix train',
    });
  }
  const { data } = parsed.data;
  const found = new Map<string, Sample>();
  const { columns } = data;
  const reading = {
    hub,
    signal,
    columns,
    ...(data.imageRoot ? { imageRoot: data.imageRoot } : {}),
  };
  for (const { from, columns } of [...sourcesOf(data, 'train'), ...sourcesOf(data, 'validation')]) {
    if (found.size === wanted.size) continue;
    if (isPhantoms(from)) addPhantoms(found, wanted);
    else await addSamples(found, wanted, from, { ...reading, columns });
  }
  return found;
}

function addPhantoms(found: Map<string, Sample>, wanted: ReadonlySet<string>): void {
  for (const id of wanted) {
    const [, seed, name, index] = /^phantom\/(\d{1,15})\/(\w+)\/(\d{1,15})$/.exec(id) ?? [];
    const split = phantomSplits.find((known) => known === name);
    if (seed === undefined || split === undefined) continue;
    found.set(id, phantomSample({ seed: Number(seed), split, index: Number(index) }));
  }
}

async function addSamples(
  found: Map<string, Sample>,
  wanted: ReadonlySet<string>,
  location: string,
  reading: ReadOptions,
): Promise<void> {
  for await (const outcome of readSamples(location, reading)) {
    if (outcome.kind === 'rejected') continue;
    const { sample } = outcome;
    if (wanted.has(sample.id) && !found.has(sample.id)) found.set(sample.id, sample);
    if (found.size === wanted.size) return;
  }
}
