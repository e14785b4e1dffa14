/** Reward components of the user's own: what they must be, how they are loaded and asked. */
import { z } from 'zod';
import type { RewardConfig } from '../../config/judge-config.ts';
import { type LoadModule, ownFunctionSchema, requireShape } from '../../config/load-module.ts';
import { digestOf } from '../../core/digest.ts';
import { defined } from '../../core/errors.ts';
import type { Score } from '../../core/outcome.ts';
import { outcomesOf, unscoredSchema } from '../../core/own-code.ts';
import type { RewardItem } from '../reward-item.ts';

/**
 * A further signal of the reward; an object of this form can be used wherever a component is named.
 *
 * @example
 * ```ts
 * const brevity: RewardComponent = {
 *   score: (items) => items.map(({ response }) => ({ kind: 'scored', value: 1 / (1 + response.length / 500) })),
 * };
 * ```
 */
export type RewardComponent = {
  /** What shapes its scores beside its code (a version, settings): goes into the reward's digest. */
  readonly describe?: Readonly<Record<string, unknown>>;
  /**
   * One score per item, in their order: `scored` with a value in [0, 1], or `unscored`, which leaves the
   * whole response without a reward. What it throws, a value outside of [0, 1] and NaN are `unscored` too. It
   * is called with many items at once and from several places: limits and time-outs are its own. Once
   * `signal` aborts its answers are not waited for.
   */
  score(
    items: readonly RewardItem[],
    signal: AbortSignal,
  ): Promise<readonly Score[]> | readonly Score[];
  close?(): Promise<void>;
};

/** One with its place in a reward. */
export type OwnComponent = {
  readonly name: string;
  /** In (0, 1]: its share of the reward. */
  readonly weight: number;
  /** Hexadecimal SHA-256 of its code and of what it says of itself. */
  readonly digest: string;
  readonly component: RewardComponent;
};

const scoreSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('scored'),
    value: z.number().min(0).max(1),
    detail: z.string().exactOptional(),
  }),
  unscoredSchema,
]);

/** @throws MedixError 'config' where a module cannot be loaded or exports no component. */
export async function loadOwnComponents(
  components: RewardConfig['components'],
  load: LoadModule,
): Promise<readonly OwnComponent[]> {
  const own: OwnComponent[] = [];
  for (const [name, { module, weight }] of Object.entries(components)) {
    const where = `reward.components.${name}.module`;
    const loaded = await load(module, where);
    requireShape(loaded, where, {
      expected: 'a reward component: an object with score(items, signal)',
      schema: ownFunctionSchema('score'),
    });
    const component = loaded.value as RewardComponent;
    const { describe } = component;
    const digest = describe === undefined ? loaded.digest : digestOf([loaded.digest, describe]);
    own.push({ name, weight, digest, component });
  }
  return own;
}

/** By component, one score per item each. */
export async function scoreByOwn(
  own: readonly OwnComponent[],
  items: readonly RewardItem[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Score[]>> {
  const scored = own.map(async ({ name, component }) => {
    const scores = await outcomesOf<Score>(
      () => component.score(items, signal),
      {
        who: `reward component ${name}`,
        count: items.length,
        schema: scoreSchema,
        expected: "{kind: 'scored', value: in [0, 1]} or {kind: 'unscored', cause, message}",
      },
      signal,
    );
    return [name, scores] as const;
  });
  return new Map(await Promise.all(scored));
}

/** The own scores of one item, by name. */
export function ownScoresAt(
  scored: ReadonlyMap<string, readonly Score[]>,
  index: number,
): Readonly<Record<string, Score>> {
  return Object.fromEntries(
    [...scored].map(([name, scores]) => [name, defined(scores[index], `score of ${name}`)]),
  );
}
