import type { Unscored } from '../core/outcome.ts';

/** The outcome of whatever was still open when its caller gave up. */
export const cancelled: Unscored = {
  kind: 'unscored',
  cause: 'cancelled',
  message: 'cancelled by the caller',
};
