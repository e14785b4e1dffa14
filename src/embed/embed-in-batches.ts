/** How encoders in this process are fed: texts of like length together, one batch after the other. */
import { setImmediate as nextTick } from 'node:timers/promises';
import { defined, messageOf } from '../core/errors.ts';
import { cancelled } from '../core/outcome.ts';
import { type Embedder, type EmbedOutcome, unitVector } from './embedder.ts';

/** One row per text, in order; rows need not have unit length. */
export type EncodeBatch = (texts: string[]) => Promise<readonly ArrayLike<number>[]>;

export type Batching = {
  /** Texts at most. */
  readonly size: number;
  /** Length of a text; texts of like length share a batch, so that short ones do not pay for long ones. */
  readonly lengthOf: (text: string) => number;
  /**
   * Only texts of one length share a batch. Where `lengthOf` counts the encoder's tokens nothing is padded,
   * so a text has the same vector, to the bit, whatever it is embedded beside.
   */
  readonly ofOneLength: boolean;
};

/**
 * A text that the encoder cannot take is `refused` and costs no other its vector; a blank text is a batch of its
 * own.
 */
export async function embedInBatches(
  texts: readonly string[],
  batching: Batching,
  encode: EncodeBatch,
  signal: Pick<AbortSignal, 'aborted'>,
): Promise<EmbedOutcome[]> {
  const outcomes: EmbedOutcome[] = texts.map(() => cancelled);
  for (const batch of batchesOf(texts, batching)) {
    if (signal.aborted) break;
    const answers = await embedBatch(
      batch.map((index) => texts[index] ?? ''),
      encode,
    );
    for (const [at, index] of batch.entries()) outcomes[index] = defined(answers[at], 'embedding');
    await nextTick();
  }
  return outcomes;
}

function batchesOf(
  texts: readonly string[],
  { size, lengthOf, ofOneLength }: Batching,
): number[][] {
  const isBlank = (index: number) => texts[index]?.trim() === '';
  // Not every encoder takes them, and none of the others may fail for it.
  const batches: number[][] = [...texts.keys()].filter(isBlank).map((index) => [index]);
  const byLength = [...texts.keys()]
    .filter((index) => !isBlank(index))
    .map((index) => ({ index, length: lengthOf(texts[index] ?? '') }))
    .sort((a, b) => a.length - b.length);
  let batchLength = Number.NaN;
  for (const { index, length } of byLength) {
    const last = Number.isNaN(batchLength) ? undefined : batches.at(-1);
    if (last && last.length < size && !(ofOneLength && length !== batchLength)) last.push(index);
    else batches.push([index]);
    batchLength = length;
  }
  return batches;
}

async function embedBatch(texts: string[], encode: EncodeBatch): Promise<readonly EmbedOutcome[]> {
  try {
    const rows = await encode(texts);
    return texts.map((_, at) => outcomeOf(defined(rows[at], 'embedding')));
  } catch (error) {
    if (texts.length > 1) return embedEach(texts, encode);
    const message = `the encoder failed: ${messageOf(error)}`;
    return [{ kind: 'unscored', cause: 'refused', message }];
  }
}

async function embedEach(texts: string[], encode: EncodeBatch): Promise<readonly EmbedOutcome[]> {
  const outcomes: EmbedOutcome[] = [];
  for (const text of texts) outcomes.push(...(await embedBatch([text], encode)));
  return outcomes;
}

function outcomeOf(row: ArrayLike<number>): EmbedOutcome {
  const vector = unitVector(row);
  if (vector !== undefined) return { kind: 'embedded', vector };
  return { kind: 'unscored', cause: 'unparsable', message: 'the encoder returned no direction' };
}

/** An encoder that computes in this process gains nothing from simultaneous calls. */
export function inTurns(embed: Embedder['embed']): Embedder['embed'] {
  let turn: Promise<unknown> = Promise.resolve();
  return (texts, signal) => {
    const mine = turn.then(() => embed(texts, signal));
    turn = mine.catch(() => {});
    return mine;
  };
}

type MergedEmbed = (
  texts: readonly string[],
  signal: Pick<AbortSignal, 'aborted'>,
) => Promise<readonly EmbedOutcome[]>;

type Asked = {
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
  readonly answer: (outcomes: readonly EmbedOutcome[]) => void;
  readonly refuse: (error: unknown) => void;
};

/**
 * As {@link inTurns}, and all calls that wait for their turn become one: many small calls cost more than one
 * large one. For encoders that give a text the same vector whatever it is embedded beside.
 */
export function inMergedTurns(embed: MergedEmbed): Embedder['embed'] {
  let waiting: Asked[] = [];
  let isBusy = false;
  const work = async (): Promise<void> => {
    isBusy = true;
    while (waiting.length > 0) {
      const calls = waiting;
      waiting = [];
      await answerTogether(calls, embed);
    }
    isBusy = false;
  };
  return (texts, signal) =>
    new Promise((answer, refuse) => {
      waiting.push({ texts, signal, answer, refuse });
      // Not at once: who asks in the same turn of the event loop is answered in the same turn here.
      if (!isBusy) void Promise.resolve().then(() => (isBusy ? undefined : work()));
    });
}

async function answerTogether(calls: readonly Asked[], embed: MergedEmbed): Promise<void> {
  const everyone = {
    get aborted() {
      return calls.every(({ signal }) => signal.aborted);
    },
  };
  try {
    const texts = [...new Set(calls.flatMap((call) => call.texts))];
    const outcomes = await embed(texts, everyone);
    const byText = new Map(texts.map((text, i) => [text, defined(outcomes[i], 'embedding')]));
    for (const call of calls) {
      call.answer(call.texts.map((text) => defined(byText.get(text), 'embedding')));
    }
  } catch (error) {
    for (const call of calls) call.refuse(error);
  }
}
