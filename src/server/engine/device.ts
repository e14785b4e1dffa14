/** One thing at a time, in the order in which it was asked for; completions that stand side by side go together. */
import { onAbort } from '../../core/async/abort.ts';

type SampleJob<Request, Result> = {
  readonly request: Request;
  readonly settle: (result: Promise<Result>) => void;
};

type Job<Request, Result> =
  | { readonly kind: 'work'; readonly run: () => Promise<void> }
  | {
      readonly kind: 'sample';
      readonly key: () => string;
      readonly job: SampleJob<Request, Result>;
    };

export type Device<Request, Result> = {
  /** @returns what `work` comes to; rejects with the signal's reason where it had not begun */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** @param key asked when its turn has come: requests of one key may go together */
  sample(request: Request, key: () => string): Promise<Result>;
  /** Resolves once nothing runs any more. */
  settled(): Promise<void>;
};

/** Completions that are asked for together. */
const mostTogether = 256;

export function createDevice<Request, Result>(
  sampleAll: (requests: readonly Request[]) => readonly Promise<Result>[],
  signal: AbortSignal,
): Device<Request, Result> {
  const jobs: Job<Request, Result>[] = [];
  const dropped = new Set<() => void>();
  let running: Promise<void> | undefined;

  const loop = async () => {
    // Requests that arrive together are there before the first of them begins.
    await new Promise(setImmediate);
    for (let job = jobs.shift(); job !== undefined && !signal.aborted; job = jobs.shift()) {
      if (job.kind === 'work') {
        await job.run();
        continue;
      }
      const together = [job.job];
      const key = job.key();
      for (let next = jobs[0]; together.length < mostTogether; next = jobs[0]) {
        if (next?.kind !== 'sample' || next.key() !== key) break;
        together.push(next.job);
        jobs.shift();
      }
      const results = sampleAll(together.map(({ request }) => request));
      together.forEach(({ settle }, i) => {
        settle(results[i]!);
      });
      await Promise.allSettled(results);
    }
  };
  const start = () => {
    running ??= loop().finally(() => {
      running = undefined;
      if (jobs.length > 0 && !signal.aborted) start();
    });
  };
  onAbort(signal, () => {
    for (const drop of dropped) drop();
  });
  /** What waits when the service ends is told so. */
  const droppable = <T>(make: (settle: (result: Promise<T>) => void) => Job<Request, Result>) =>
    new Promise<T>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const drop = () => reject(signal.reason);
      dropped.add(drop);
      jobs.push(
        make((result) => {
          dropped.delete(drop);
          resolve(result);
        }),
      );
      start();
    });

  return {
    run: <T>(work: () => Promise<T>) =>
      droppable<T>((settle) => ({
        kind: 'work',
        run: async () => {
          const result = work();
          settle(result);
          await result.catch(() => {});
        },
      })),
    sample: (request, key) =>
      droppable<Result>((settle) => ({ kind: 'sample', key, job: { request, settle } })),
    settled: async () => {
      while (running !== undefined) await running;
    },
  };
}
