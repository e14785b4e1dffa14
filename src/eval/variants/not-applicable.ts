/** A variant that does not change a sample, so that there is nothing to answer; no failure of any model. */
import type { EvalSample } from '../tasks/sample.ts';

export type NotApplicable = { readonly kind: 'not-applicable'; readonly reason: string };

export function isNotApplicable(outcome: EvalSample | NotApplicable): outcome is NotApplicable {
  return outcome.kind === 'not-applicable';
}
