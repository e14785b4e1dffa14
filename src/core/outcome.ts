/** Outcomes are unions: a failure never becomes a number. */

export const failureCauses = [
  'timeout',
  'transport',
  'refused',
  'unparsable',
  'policy-blocked',
  'cap-reached',
  'cancelled',
  'undecided',
] as const;

export type FailureCause = (typeof failureCauses)[number];

export type Unscored = {
  readonly kind: 'unscored';
  readonly cause: FailureCause;
  readonly message: string;
};

/** The outcome of whatever was still open when its caller gave up. */
export const cancelled: Unscored = {
  kind: 'unscored',
  cause: 'cancelled',
  message: 'cancelled by the caller',
};

/** One reward component's result; `value` lies in [0, 1]. */
export type Score =
  | {
      readonly kind: 'scored';
      readonly value: number;
      readonly detail?: string;
      /** Share of the pairs of judges of a panel that say different things, in [0, 1]. */
      readonly disagreement?: number;
    }
  | Unscored;

/** Why sampling of a completion ended: at a stop token, or at the token limit. */
export type StopReason = 'stop' | 'length';
