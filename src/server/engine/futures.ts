/** Results that clients come back for, bounded by what they take. */
import type { PassResult, SampledResult } from '../../tinker/server-protobuf.ts';

export type Outcome =
  | { readonly kind: 'pass'; readonly result: PassResult }
  | { readonly kind: 'sample'; readonly result: SampledResult }
  | { readonly kind: 'json'; readonly body: object }
  | { readonly kind: 'failed'; readonly error: string; readonly category: 'user' | 'server' };

export type Future = {
  readonly id: string;
  /** Never rejects but with the end of the service. */
  readonly outcome: Promise<Outcome>;
  /** There once it is done. */
  readonly done: () => Outcome | undefined;
  isRetrieved: boolean;
};

export type Futures = {
  add(id: string, outcome: Promise<Outcome>): Future;
  get(id: string): Future | undefined;
};

/** @param mostBytes of finished results; the oldest that were retrieved go first, then the oldest */
export function createFutures(mostBytes: number): Futures {
  const all = new Map<string, Future>();
  const sizes = new Map<string, number>();
  let held = 0;
  const drop = (id: string) => {
    held -= sizes.get(id) ?? 0;
    sizes.delete(id);
    all.delete(id);
  };
  const makeRoom = () => {
    for (const onlyRetrieved of [true, false]) {
      for (const id of sizes.keys()) {
        if (held <= mostBytes) return;
        if (!onlyRetrieved || all.get(id)?.isRetrieved) drop(id);
      }
    }
  };
  return {
    get: (id) => all.get(id),
    add: (id, outcome) => {
      let done: Outcome | undefined;
      const future: Future = { id, outcome, done: () => done, isRetrieved: false };
      all.set(id, future);
      outcome.then(
        (it) => {
          done = it;
          if (all.get(id) !== future) return;
          const size = sizeOf(it);
          sizes.set(id, size);
          held += size;
          makeRoom();
        },
        () => {},
      );
      return future;
    },
  };
}

/** Bytes, roughly. */
function sizeOf(outcome: Outcome): number {
  const ofList = (lists: readonly { readonly byteLength: number }[] = []) =>
    lists.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (outcome.kind === 'pass') {
    return 500 + ofList(outcome.result.logprobs) + ofList(outcome.result.losses);
  }
  if (outcome.kind !== 'sample') return 500;
  const { sequences, promptLogprobs } = outcome.result;
  const lists = sequences.flatMap(({ tokens, logprobs }) => [tokens, logprobs]);
  return 500 + ofList(lists) + (promptLogprobs?.byteLength ?? 0);
}
