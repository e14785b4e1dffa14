/**
 * Circuit breaker of one replica: after a row of failures nothing more is sent for a while, then one
 * request tries whether the server is back. What fails by the server's answer (a refusal) is no failure
 * here: a server that answers is there. A breaker only delays: see `replicas.ts` for those who wait.
 *
 * Deviation from the textbook: the row must also span some time, because requests in flight together
 * fail together, and a server that restarts in a second should cost retries, not a whole batch.
 */
import type { Clock } from '../core/async/clock.ts';

/** One request's report; exactly one of its functions is called, once. */
type Trial = {
  readonly succeeded: () => void;
  readonly failed: () => void;
  /** It was cancelled, or never reached the server, and says nothing about it. */
  readonly abandoned: () => void;
};

export type Breaker = {
  /** Whether a request may be sent now. */
  permits(): boolean;
  begin(): Trial;
  /** Milliseconds until a request may try whether the server is back; undefined while one is on its way. */
  trialInMs(): number | undefined;
  /** For how long the server has failed without a break; 0 while requests may be sent as usual. */
  outageMs(): number;
};

const failuresToOpen = 5;
const shortestOutageMs = 3_000;
const coolDownMs = 10_000;

/** @param onChange called whenever a request may be sent that could not be before, or a trial has failed */
export function createBreaker(clock: Clock, onChange: () => void = () => {}): Breaker {
  let failures = 0;
  let failingSince = 0;
  let openUntil: number | undefined;
  let trying = false;

  const open = () => {
    openUntil = clock.now() + coolDownMs;
    trying = false;
    onChange();
  };

  const begin = (): Trial => {
    const beganAt = clock.now();
    const isTrial = openUntil !== undefined;
    if (isTrial) trying = true;
    return {
      succeeded: () => {
        const wasOpen = openUntil !== undefined;
        failures = 0;
        openUntil = undefined;
        trying = false;
        if (wasOpen) onChange();
      },
      failed: () => {
        if (failures === 0) failingSince = beganAt;
        failures++;
        if (isTrial) return open();
        if (openUntil !== undefined) return;
        if (failures >= failuresToOpen && clock.now() - failingSince >= shortestOutageMs) open();
      },
      abandoned: () => {
        if (!isTrial) return;
        trying = false;
        onChange();
      },
    };
  };

  return {
    permits: () => openUntil === undefined || (clock.now() >= openUntil && !trying),
    begin,
    trialInMs: () => (trying ? undefined : Math.max(0, (openUntil ?? 0) - clock.now())),
    outageMs: () => (openUntil === undefined ? 0 : clock.now() - failingSince),
  };
}
