/**
 * Which prompts are worth their completions. A group teaches most where some of its answers are right and some are
 * wrong; where all are right, or none is, it teaches nothing. So prompts that were answered before are drawn the less
 * often, the further their measured share of right answers lies from the one that is aimed at: while the policy is
 * weak these are easy prompts, later hard ones. What was never measured is always taken, so the first epoch is as
 * without a curriculum.
 *
 * All that is kept between iterations is the share of each prompt; whether a draw is taken follows from it, the seed
 * and the number of the draw.
 */
import type { TrainConfig } from '../config/train-config.ts';
import { rngFromKey } from '../core/rng.ts';
import type { CollectedGroup } from './collect-groups.ts';
import { isRight } from './filter-cause.ts';
import type { PromptSource } from './prompt-source.ts';

type Curriculum = NonNullable<TrainConfig['rollout']['curriculum']>;

/** Share of right answers in the newest group of a sample, in [0, 1], by the sample's id. */
export type PassRates = Readonly<Record<string, number>>;

/** No prompt is passed over more often: what it was measured at is of an earlier policy. */
const leastShare = 0.1;

/**
 * How often a prompt of this pass rate is taken when it is drawn, in [0.1, 1]: 1 at the target, and falling in a
 * straight line to the end of [0, 1] that lies further from it.
 */
export function shareTaken(passRate: number, { targetPassRate: target }: Curriculum): number {
  const distance = Math.abs(passRate - target) / Math.max(target, 1 - target);
  return Math.max(leastShare, 1 - distance);
}

/** The same prompts without those that are passed over, whose draws count. */
export function byPassRate(
  source: PromptSource,
  passRates: PassRates,
  curriculum: Curriculum,
  seed: number,
): PromptSource {
  const isTaken = (sampleId: string, draw: number) => {
    const passRate = passRates[sampleId];
    if (passRate === undefined) return true;
    return rngFromKey(`curriculum/${seed}/${draw}`).next() < shareTaken(passRate, curriculum);
  };
  const take: PromptSource['take'] = async (count, from) => {
    const drawn = await source.take(count, from);
    const prompts = drawn.prompts.filter(({ sample, draw }) => isTaken(sample.id, draw));
    if (prompts.length === count) return drawn;
    const more = await take(count - prompts.length, drawn.draws);
    return {
      prompts: [...prompts, ...more.prompts],
      draws: more.draws,
      rejected: [...drawn.rejected, ...more.rejected],
    };
  };
  return { take };
}

/** What a curriculum knows after an iteration: what was measured in the place of what was known before. */
export function passRatesAfter(
  curriculum: Curriculum | null,
  before: PassRates | undefined,
  groups: readonly Pick<CollectedGroup, 'rollouts'>[],
): { readonly passRates?: PassRates } {
  if (curriculum === null) return {};
  const measured = groups.flatMap(({ rollouts }) => {
    const outcomes = rollouts.flatMap(({ outcome }) =>
      outcome.kind === 'scored' ? [outcome] : [],
    );
    const [first] = rollouts;
    if (first === undefined || outcomes.length === 0) return [];
    const right = outcomes.filter(isRight).length;
    return [[first.rollout.sample.id, right / outcomes.length] as const];
  });
  return { passRates: { ...before, ...Object.fromEntries(measured) } };
}
