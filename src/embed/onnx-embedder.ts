/**
 * An embedder in this process by transformers.js, an optional peer: any encoder exported to ONNX in
 * Hugging Face layout, e.g. MedEmbed or SapBERT. Cosines of two encoders, or of two poolings or
 * quantisations of one, cannot be compared: calibrate the threshold for each.
 *
 * Quantised files of the dynamic kind scale activations by batch, so their vectors differ in the third
 * decimal with what else is embedded at the same time; full-precision files do not.
 */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { EmbedderConfig } from '../config/judge-config.ts';
import { importPeer } from '../config/optional-peer.ts';
import { digestOf, digestOfBytes, digestOfFile } from '../core/digest.ts';
import { fail, messageOf } from '../core/errors.ts';
import { foundAt } from '../core/files.ts';
import { reading } from '../core/reading.ts';
import { embedInBatches, inTurns } from './embed-in-batches.ts';
import type { Embedder } from './embedder.ts';

export type OnnxEmbedderOptions = Pick<
  Extract<EmbedderConfig, { readonly kind: 'onnx' }>,
  'model' | 'pooling' | 'file'
>;

/** The part of the interface of transformers.js that MediX uses. */
export type TransformersModule = {
  readonly env: { readonly version: string };
  pipeline(
    task: 'feature-extraction',
    model: string,
    options: Readonly<Record<string, unknown>>,
  ): Promise<Extractor>;
};

type Extractor = {
  (
    texts: string[],
    options: { readonly pooling: 'mean' | 'cls'; readonly normalize: boolean },
  ): Promise<unknown>;
  dispose(): Promise<unknown>;
};

const packageName = '@huggingface/transformers';
const batching = { size: 16, lengthOf: (text: string) => text.length, ofOneLength: false };
const probeText = 'clear lungs';

const embeddingTensor = z.object({
  dims: z.tuple([z.int().positive(), z.int().positive()]),
  data: z.instanceof(Float32Array),
});

/**
 * Loads an encoder from a folder without network, or else from the hub. Texts longer than the encoder's
 * window are cut by its tokenizer. It remembers nothing.
 *
 * @throws MedixError (judge) when the package is missing, the model cannot be found or loaded, or it
 *   gives no vectors.
 */
export async function openOnnxEmbedder(
  { model, pooling, file }: OnnxEmbedderOptions,
  load: () => Promise<unknown> = () => importPeer(packageName, 'embedder onnx'),
): Promise<Embedder> {
  const source = await sourceOf(model, file);
  const transformers = (await load()) as TransformersModule;
  const extractor = await transformers
    .pipeline('feature-extraction', source.name, {
      ...source.options,
      model_file_name: file,
      // No suffix: `file` is the whole name.
      dtype: 'fp32',
      device: 'cpu',
      session_options: { intraOpNumThreads: availableParallelism() },
    })
    .catch((error) => notLoaded(model, error));

  const encode = async (texts: string[]): Promise<Float32Array[]> => {
    const tensor = embeddingTensor.parse(await extractor(texts, { pooling, normalize: true }));
    const [rows, width] = tensor.dims;
    if (rows !== texts.length) throw new Error(`${rows} vectors for ${texts.length} texts`);
    return texts.map((_, row) => tensor.data.slice(row * width, (row + 1) * width));
  };
  const dimensions = await encode([probeText])
    .then(([vector]) => vector?.length ?? 0)
    .catch((error) => notLoaded(model, error));

  return {
    describe: {
      id: model,
      kind: 'onnx',
      dimensions,
      digest: digestOf([packageName, transformers.env.version, source.digest, file, pooling]),
    },
    embed: inTurns((texts, signal) => embedInBatches(texts, batching, encode, signal)),
    probe: async () => undefined,
    close: async () => {
      await extractor.dispose();
    },
  };
}

type Source = {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Digest of the weights and the tokenizer, or of the revision that fixes both. */
  readonly digest: string;
};

async function sourceOf(model: string, file: string): Promise<Source> {
  const folder = resolve(model);
  const found = await reading(askedOf(model, 'of an encoder'), () => foundAt(folder));
  if (found === 'folder') {
    const needed = [`onnx/${file}.onnx`, 'tokenizer.json', 'config.json'];
    const digests = await Promise.all(
      needed.map((name) => reading(askedOf(model, name), () => digestOfFile(join(folder, name)))),
    );
    return { name: folder, options: { local_files_only: true }, digest: digestOf(digests) };
  }
  const [, name, revision] = /^([\w.-]+\/[\w.-]+)@([\w./-]+)$/.exec(model) ?? [];
  if (name !== undefined && revision !== undefined) {
    return { name, options: { revision }, digest: digestOfBytes(model) };
  }
  return fail('judge', {
    where: `embedder ${model}`,
    expected: 'a folder, or owner/name@revision on the hub',
    got: 'neither',
    next: 'correct embedder.model; it must name a revision (best a commit), so that two runs get the same vectors',
  });
}

function askedOf(model: string, name: string) {
  return {
    boundary: 'judge',
    where: `embedder ${model}`,
    expected: `the file ${name}`,
    next: 'correct embedder.model or embedder.file, or export the encoder to ONNX',
  } as const;
}

function notLoaded(model: string, error: unknown): never {
  return fail(
    'judge',
    {
      where: `embedder ${model}`,
      expected: 'an encoder that turns a text into a vector',
      got: messageOf(error),
      next: 'check embedder.model and embedder.file, and the network where it comes from the hub',
    },
    error,
  );
}
