/** Rewards as they are recorded, for what reads rewards as they are given. */
import type { RewardOutcome } from '../../reward/composite.ts';
import type { RolloutLine } from '../../run/records.ts';

/** Those of the sampled rollouts that have a reward. */
export function recordedOutcomes(
  lines: readonly Pick<RolloutLine, 'reward' | 'components' | 'use'>[],
): RewardOutcome[] {
  return lines.flatMap(({ reward, components, use }) =>
    reward === null || use === 'baseline'
      ? []
      : [{ kind: 'scored', reward, components } as RewardOutcome],
  );
}
