import type { Clock } from '../../core/async/clock.ts';
import { listenUntilAborted } from '../listen.ts';
import type { Intake } from './intake.ts';
import type { AppType } from './reward-app.ts';

type ServeOptions = {
  readonly app: Pick<AppType, 'fetch'>;
  readonly intake: Intake;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Milliseconds that open calls are given to end once the signal has aborted. */
  readonly drainMs: number;
  readonly clock: Clock;
  readonly onListening: (url: string) => void;
};

/** Trainers come back every iteration; a connection that closes under a request costs them a retry. */
const keepAliveMs = 75_000;

/**
 * Gives rewards until `signal` aborts, then takes no more calls, lets the open ones end and closes.
 * @returns how many calls were cancelled since they took longer than `drainMs`.
 * @throws MedixError 'config' where the address cannot be had.
 */
export function serveRewards(
  { intake, drainMs, ...listening }: ServeOptions,
  signal: AbortSignal,
): Promise<number> {
  const drain = () => intake.drain(drainMs, listening.clock);
  return listenUntilAborted({ ...listening, keepAliveMs }, drain, signal);
}
