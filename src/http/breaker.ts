/**
 * Circuit breaker of one replica: after a row of failures nothing more is sent for a while, then one
 * request tries whether the server is back. What fails by the server's answer (a refusal) is no failure
 * here: a server that answers is there.
 *
 * Deviation from the textbook: the row must also span some time, because requests in flight together
 * fail together, and a server that restarts in a second should cost retries, not a whole batch.
 */
import type { Clock } from '../core/async/clock.ts';

/** One request's report; exactly one of its functions is called, once. */
type Trial = {
  readonly succeeded: () => void;
  readonly failed: (message: string) => void;
  /** It was cancelled and says nothing about the server. */
  readonly abandoned: () => void;
};

export type Breaker = {
  /** Whether a request may be sent now. */
  permits(): boolean;
  begin(): Trial;
  /** Why nothing may be sent and when that ends, for people. */
  explain(): string;
};

const failuresToOpen = 5;
const shortestOutageMs = 3_000;
const coolDownMs = 10_000;

export function createBreaker(clock: Clock): Breaker {
  let failures = 0;
  let failingSince = 0;
  let lastFailure = '';
  let openUntil: number | undefined;
  let trying = false;

  const open = () => {
    openUntil = clock.now() + coolDownMs;
    trying = false;
  };

  const begin = (): Trial => {
    const beganAt = clock.now();
    const isTrial = openUntil !== undefined;
    if (isTrial) trying = true;
    return {
      succeeded: () => {
        failures = 0;
        openUntil = undefined;
        trying = false;
      },
      failed: (message) => {
        if (failures === 0) failingSince = beganAt;
        failures++;
        lastFailure = message;
        if (isTrial) return open();
        if (openUntil !== undefined) return;
        if (failures >= failuresToOpen && clock.now() - failingSince >= shortestOutageMs) open();
      },
      abandoned: () => {
        if (isTrial) trying = false;
      },
    };
  };

  return {
    permits: () => openUntil === undefined || (clock.now() >= openUntil && !trying),
    begin,
    explain: () => {
      const leftMs = (openUntil ?? 0) - clock.now();
      const next = leftMs > 0 ? `in ${(leftMs / 1000).toFixed(1)} s` : 'by a request on its way';
      return `${failures} requests in a row failed (${lastFailure}); it is tried again ${next}`;
    },
  };
}
