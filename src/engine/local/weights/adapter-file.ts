/** The factors of an adapter in files as `peft` writes and reads them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../../core/errors.ts';
import { makeFolder } from '../../../core/make-folder.ts';
import {
  type AdapterConfig,
  type AdapterFacts,
  adapterFiles,
  writeAdapterConfig,
} from '../../../model/files/adapter-config.ts';
import type { ModelFiles } from '../../../model/files/model-files.ts';
import { openSafetensors, type TensorStore } from '../../../model/files/safetensors.ts';
import {
  olderNames,
  renamed,
  sameNames,
  type WeightNames,
} from '../../../model/files/weight-names.ts';
import type { ParameterSpec, TensorSpec } from '../../../model/parameters.ts';
import { type Adapter, factorSpecs, linearLayers, scaleOf } from './adapter.ts';
import type { Dropout } from './dropout.ts';
import { createParameterBuffer, writeParameters } from './parameter-buffer.ts';
import { readChecked, requireFinite } from './read-checked.ts';

/** Before every name: the wrapper of `peft`, and the model in it. */
const prefix = 'base_model.model.';

/**
 * @param dropout with which it is trained further
 * @throws MedixError 'model' where factors do not fit the base or hold NaN or infinity.
 */
export async function readAdapter(
  config: AdapterConfig,
  specs: readonly ParameterSpec[],
  dropout?: Dropout,
): Promise<Adapter> {
  const known = new Set(config.layers);
  const layers = linearLayers(specs).filter(({ layer }) => known.delete(layer));
  const names = config.hasOlderNames ? wrapped(olderNames) : sameNames;
  const store = renamed(await openSafetensors(join(config.folder, adapterFiles.weights)), names);
  try {
    requireLinear([...known], store.path);
    const wanted = factorSpecs(layers, config.rank);
    requireFactors(store, wanted);
    const parameters = createParameterBuffer(wanted);
    for (const spec of wanted) {
      parameters.views[spec.name]!.set(await readChecked(store, spec, prefix));
    }
    const names = layers.map(({ layer }) => layer);
    const { rank, alpha, rankStabilized } = config;
    const settings = {
      ...{ rank, alpha, rankStabilized, targets: names },
      dropout: dropout?.rate ?? config.dropout,
    };
    const scale = scaleOf(settings);
    const opened = createParameterBuffer(wanted);
    opened.flat.set(parameters.flat);
    return {
      settings,
      layers: names,
      parameters,
      dropout,
      policy: { views: parameters.views, scale },
      reference: { views: opened.views, scale },
    };
  } finally {
    await store.close();
  }
}

/** Names behind the prefix. */
function wrapped({ inFile, inNetwork }: WeightNames): WeightNames {
  const behind = (name: string) => name.slice(prefix.length);
  return {
    inFile: (name) => prefix + inFile(behind(name)),
    inNetwork: (name) => prefix + inNetwork(behind(name)),
  };
}

/**
 * Refuses what was trained on other weights, as far as MediX wrote it.
 * @throws MedixError 'model' that says where the base was looked for
 */
export function requireBase(config: AdapterConfig, directory: string, digest: string): void {
  if (config.trainedOn === undefined || config.trainedOn.digest === digest) return;
  fail('model', {
    where: config.folder,
    expected: `the base that it was trained on (digest ${shortDigest(config.trainedOn.digest)})`,
    got: `another one in ${directory} (digest ${shortDigest(digest)})`,
    next: `write the path of the right base into base_model_name_or_path of ${adapterFiles.config}`,
  });
}

/**
 * Writes an adapter that `peft` reads.
 * @param base folder or id under which its base is found
 * @param files of tokenizer and processor, so that the adapter can be used without asking for them elsewhere
 * @throws MedixError 'engine' where a factor is not finite
 */
export async function writeAdapter(
  folder: string,
  { settings, layers, parameters }: Adapter,
  base: string,
  facts: AdapterFacts,
  specs: readonly ParameterSpec[],
  files: ModelFiles,
): Promise<void> {
  for (const [name, values] of Object.entries(parameters.views)) {
    requireFinite(values, `the trained adapter: ${name}`);
  }
  await makeFolder(folder);
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const { dropout = 0 } = settings;
  const config = writeAdapterConfig({ ...settings, dropout, base }, targetsOf(layers, specs));
  await writeFile(join(folder, adapterFiles.config), `${JSON.stringify(config, null, 2)}\n`);
  await writeFile(join(folder, adapterFiles.facts), `${JSON.stringify(facts, null, 2)}\n`);
  await writeParameters(join(folder, adapterFiles.weights), [[prefix, parameters]]);
}

/** Endings of the layers' names where these are of no other layer, else the names themselves. */
export function targetsOf(
  layers: readonly string[],
  specs: readonly ParameterSpec[],
): readonly string[] {
  const endingOf = (name: string) => name.replace(/^.*\./, '');
  const adapted = new Set(layers);
  const endings = new Set(layers.map(endingOf));
  const others = specs.map(({ name }) => name.replace(/\.(weight|bias)$/, ''));
  const isAmbiguous = others.some((name) => endings.has(endingOf(name)) && !adapted.has(name));
  return isAmbiguous ? layers : [...endings].toSorted();
}

/** Enough to tell two apart by eye. */
function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

const next = 'use the adapter with the base that it was trained on';

function requireLinear([stray]: readonly string[], where: string): void {
  if (stray === undefined) return;
  fail('model', {
    where,
    expected: 'factors of linear layers of its base',
    got: `factors of ${stray}, which is none`,
    next,
  });
}

function requireFactors(store: TensorStore, wanted: readonly TensorSpec[]): void {
  for (const { name, shape } of wanted) {
    const found = store.tensors.get(prefix + name);
    if (found?.shape.join() === shape.join()) continue;
    fail('model', {
      where: `${store.path}: ${store.nameInFile(prefix + name)}`,
      expected: `shape [${shape.join(', ')}], by the rank of ${adapterFiles.config} and the layer of the base`,
      got: found === undefined ? 'no such tensor' : `[${found.shape.join(', ')}]`,
      next,
    });
  }
}
