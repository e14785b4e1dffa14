/** The replicas of one model: which of them a request goes to. */
import type { Clock } from '../core/async/clock.ts';
import type { Unscored } from '../core/outcome.ts';
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
   * `avoided`, come last.
   * @returns undefined when every breaker is open.
   */
  choose(avoided?: Replica): Replica | undefined;
  /** Milliseconds until a permitted replica rests no more; 0 when one is ready. */
  shortestRestMs(): number;
  /** The outcome of requests that no breaker permits. */
  outage(): Unscored;
};

export function createReplicas(connections: readonly Connection[], clock: Clock): Replicas {
  const all = connections.map(
    (connection): Replica => ({
      connection,
      breaker: createBreaker(clock),
      load: 0,
      restsUntil: Number.NEGATIVE_INFINITY,
    }),
  );
  const permitted = () => all.filter(({ breaker }) => breaker.permits());
  const restMs = ({ restsUntil }: Replica) => Math.max(0, restsUntil - clock.now());

  return {
    all,
    choose: (avoided) => {
      // Strictly smaller, so that the first of equals stays.
      const rank = (one: Replica) => [restMs(one) > 0 ? 1 : 0, one === avoided ? 1 : 0, one.load];
      let best: Replica | undefined;
      for (const replica of permitted()) {
        if (best === undefined || isBefore(rank(replica), rank(best))) best = replica;
      }
      return best;
    },
    shortestRestMs: () => {
      const rests = permitted().map(restMs);
      return rests.length === 0 ? 0 : Math.min(...rests);
    },
    outage: () => {
      const states = all.map(
        ({ connection, breaker }) => `${connection.address.name}: ${breaker.explain()}`,
      );
      return { kind: 'unscored', cause: 'transport', message: states.join('; ') };
    },
  };
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const differing = a.findIndex((value, index) => value !== b[index]);
  return differing >= 0 && (a[differing] ?? 0) < (b[differing] ?? 0);
}
