/** How the work on a run or a results folder ended, for its record and for the user. */
import { fail } from '../core/errors.ts';
import type { Attempt } from './records.ts';

type Closable = {
  close(how: NonNullable<Attempt['ended']>['how']): Promise<void>;
};

/**
 * Does the work and records how it ended: `finished`, `stopped` by the signal, or `failed`.
 * @param resume command that goes on with it
 * @throws MedixError 'cancelled' with that command where the signal stopped the work; else what the work throws
 */
export async function closing<T>(
  writer: Closable,
  { where, resume }: { readonly where: string; readonly resume: string },
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    await writer.close('finished');
    return result;
  } catch (error) {
    // A disk that has no room for the end either must not hide why it came: an attempt whose process is gone is over.
    await writer.close(signal.aborted ? 'stopped' : 'failed').catch(() => undefined);
    if (!signal.aborted) throw error;
    return fail(
      'cancelled',
      {
        where,
        expected: 'to run to the end',
        got: 'an interruption',
        next: `resume with: ${resume}`,
      },
      error,
    );
  }
}
