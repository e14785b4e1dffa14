/** The replicas of one model: which of them a request goes to, and how requests wait while all are down. */
import { linkSignals } from '../core/async/abort.ts';
import type { Clock } from '../core/async/clock.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import type { Connection } from './exchange.ts';

export type Replica = {
  readonly connection: Connection;
  readonly breaker: Breaker;
  /** Requests in flight. */
  load: number;
  /** Clock time until which the server asked not to be called. */
  restsUntil: number;
};

export type Replicas = {
  readonly all: readonly Replica[];
  /**
   * The least loaded replica that its breaker permits, the first of several. One that rests, and
   * `avoided`, come last. Once all have been down for longer than anybody waits, any of them: then every
   * request finds out for itself.
   * @returns undefined while requests wait for a server to come back.
   */
  choose(avoided?: Replica): Replica | undefined;
  /** Resolves once there is one to choose, or `signal` aborts. Whoever is served first may take it away. */
  untilOneIsReady(signal: AbortSignal): Promise<void>;
  /** Milliseconds until a permitted replica rests no more; 0 when one is ready. */
  shortestRestMs(): number;
};

/** @param patienceMs How long requests wait for servers that are down, from the beginning of the outage. */
export function createReplicas(
  connections: readonly Connection[],
  patienceMs: number,
  clock: Clock,
): Replicas {
  const waiting = new Set<() => void>();
  const told = new Set<Replica>();
  const onChange = () => {
    for (const one of all) {
      if (told.has(one) || one.breaker.outageMs() === 0) continue;
      told.add(one);
      tellOutage(one, patienceMs);
    }
    for (const wake of [...waiting]) wake();
  };
  const all = connections.map(
    (connection): Replica => ({
      connection,
      breaker: createBreaker(clock, onChange),
      load: 0,
      restsUntil: Number.NEGATIVE_INFINITY,
    }),
  );
  const permitted = () => all.filter(({ breaker }) => breaker.permits());
  const patienceLeftMs = () =>
    patienceMs - Math.min(...all.map(({ breaker }) => breaker.outageMs()));
  const candidates = () => {
    const now = permitted();
    return now.length > 0 || patienceLeftMs() > 0 ? now : all;
  };
  const restMs = ({ restsUntil }: Replica) => Math.max(0, restsUntil - clock.now());
  const nextChangeMs = () =>
    Math.min(
      patienceLeftMs(),
      ...all.map(({ breaker }) => breaker.trialInMs() ?? Number.POSITIVE_INFINITY),
    );

  return {
    all,
    choose: (avoided) => {
      // Strictly smaller, so that the first of equals stays.
      const rank = (one: Replica) => [restMs(one) > 0 ? 1 : 0, one === avoided ? 1 : 0, one.load];
      let best: Replica | undefined;
      for (const replica of candidates()) {
        if (best === undefined || isBefore(rank(replica), rank(best))) best = replica;
      }
      return best;
    },
    untilOneIsReady: async (signal) => {
      while (!signal.aborted && candidates().length === 0) {
        const pause = linkSignals(signal);
        waiting.add(pause.abort);
        await clock.sleep(nextChangeMs(), pause.signal);
        waiting.delete(pause.abort);
        pause.unlink();
      }
    },
    shortestRestMs: () => {
      const rests = permitted().map(restMs);
      return rests.length === 0 ? 0 : Math.min(...rests);
    },
  };
}

/** Once a server, since a run that stands still without a word looks like a defect. */
function tellOutage({ connection }: Replica, patienceMs: number): void {
  process.emitWarning(
    `${connection.address.name} does not answer; requests to it wait until it is back, at most ${Math.round(patienceMs / 1000)} s`,
    'MedixWarning',
  );
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const differing = a.findIndex((value, index) => value !== b[index]);
  return differing >= 0 && (a[differing] ?? 0) < (b[differing] ?? 0);
}
