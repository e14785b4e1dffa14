import { fail } from '../../core/errors.ts';
import { isLoopback } from '../../core/loopback.ts';
import type { RatingWriter } from '../../eval/review/ratings.ts';
import type { OpenedReview } from '../../eval/review/review-folder.ts';
import { type ListenOptions, listenUntilAborted } from '../listen.ts';

type ServeOptions = Omit<ListenOptions, 'keepAliveMs'> & { readonly writer: RatingWriter };

/** @throws MedixError 'config' where others could reach a review that is not for them. */
export function requireAllowedHost(host: string, { review }: OpenedReview): void {
  if (!review.isRestricted || isLoopback(host)) return;
  fail('config', {
    where: `--host ${host}`,
    expected: 'an address of this machine only, since the review holds data that is not public',
    got: 'an address that others can reach',
    next: 'leave --host out',
  });
}

/**
 * Serves the review pages until `signal` aborts, and resolves when every answer that was sent is written.
 * @throws MedixError 'config' where the address cannot be had.
 */
export function serveReview(
  { writer, ...listening }: ServeOptions,
  signal: AbortSignal,
): Promise<void> {
  return listenUntilAborted(listening, () => writer.settle(), signal);
}
