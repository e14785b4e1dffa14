/**
 * Names of tensors in the files of checkpoints. The network knows a model with a vision tower by the names of
 * its modules in `transformers` (`model.language_model.layers…`, `model.visual.blocks…`), which adapters have,
 * too. Published checkpoints of Qwen2.5-VL, and what `transformers` saves of them, have older ones
 * (`model.layers…`, `visual.blocks…`). Both are read, and what is written keeps those of what was opened.
 */
import { openSafetensors, type TensorStore } from './safetensors.ts';

export type WeightNames = {
  /** From the name of a network's parameter to that in files. */
  readonly inFile: (name: string) => string;
  readonly inNetwork: (name: string) => string;
};

export const sameNames: WeightNames = { inFile: (name) => name, inNetwork: (name) => name };

/** Of a model with a vision tower. */
export const olderNames: WeightNames = {
  inFile: (name) =>
    name.replace(/^model\.language_model\./, 'model.').replace(/^model\.visual\./, 'visual.'),
  inNetwork: (name) =>
    name
      .replace(/^model\.(?!language_model\.|visual\.)/, 'model.language_model.')
      .replace(/^visual\./, 'model.visual.'),
};

/** @param inFiles the names of all tensors of a checkpoint */
function weightNamesOf(inFiles: Iterable<string>): WeightNames {
  return [...inFiles].some((name) => name.startsWith('visual.')) ? olderNames : sameNames;
}

/** Open weights of a checkpoint, by the names that the network has. */
export type WeightStore = TensorStore & { readonly names: WeightNames };

/** As {@link openSafetensors}. */
export async function openWeights(path: string): Promise<WeightStore> {
  const store = await openSafetensors(path);
  const names = weightNamesOf(store.tensors.keys());
  return renamed(store, names);
}

/** The same store by the names that the network has. */
export function renamed(store: TensorStore, names: WeightNames): WeightStore {
  const { inFile, inNetwork } = names;
  return {
    names,
    path: store.path,
    tensors: new Map([...store.tensors].map(([name, info]) => [inNetwork(name), info])),
    nameInFile: inFile,
    read: (name) => store.read(inFile(name)),
    readSlice: (name, start, count) => store.readSlice(inFile(name), start, count),
    readInto: (name, into) => store.readInto(inFile(name), into),
    readHalvesInto: (name, into) => store.readHalvesInto(inFile(name), into),
    readBytes: (name, start, count) => store.readBytes(inFile(name), start, count),
    close: () => store.close(),
  };
}
