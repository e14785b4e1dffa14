/** The judge of a reward: one, or a panel; and the ledger in which its use is summed up. */
import type { SharedUsage } from '../cache/shared-usage.ts';
import { isChatJudge, type judgesOf, type RewardJudgeConfig } from '../config/judge-config.ts';
import { MedixError, type Problem } from '../core/errors.ts';
import { createLedger, type Ledger, ledgerOfUse } from '../http/ledger.ts';
import type { ClientContext } from '../http/servers-options.ts';
import type { Judge } from './judge.ts';
import { openJudge } from './open-judge.ts';
import { createPanelJudge } from './panel.ts';

export type RewardJudgeContext = Omit<ClientContext, 'apiKey'> & {
  /** One for each judge of the config, in order; undefined for those without. @default none has one */
  readonly apiKeys?: readonly (string | undefined)[];
};

/** Each judge of a panel has prices and a cap of its own: they count as `judge/1`, `judge/2`, … */
export function createJudgeLedger(config: RewardJudgeConfig, usage?: SharedUsage): Ledger {
  const chargeOf = (one: ReturnType<typeof judgesOf>[number]) =>
    isChatJudge(one) ? { prices: one.prices, cap: one.cap } : {};
  const shared = usage === undefined ? {} : { shared: usage };
  if (config.kind !== 'panel') return createLedger({ ...chargeOf(config), ...shared });
  return createLedger({
    ...shared,
    charges: Object.fromEntries(config.judges.map((one, i) => [useOf(i), chargeOf(one)])),
  });
}

const useOf = (index: number) => `judge/${index + 1}`;

/**
 * Opens prompts, models and stores; no server is contacted yet.
 * @throws MedixError 'judge' when one of them cannot be used, 'config' when a judge of the user's own cannot
 *   be loaded, or a panel has the same judge twice.
 */
export async function openRewardJudge(
  config: RewardJudgeConfig,
  { apiKeys = [], ...context }: RewardJudgeContext,
): Promise<Judge> {
  const contextOf = (index: number, ledger: Ledger) => {
    const apiKey = apiKeys[index];
    return { ...context, ledger, ...(apiKey === undefined ? {} : { apiKey }) };
  };
  if (config.kind !== 'panel') return openJudge(config, contextOf(0, context.ledger));
  const judges: Judge[] = [];
  try {
    for (const [index, one] of config.judges.entries()) {
      const ledger = ledgerOfUse(context.ledger, 'judge', useOf(index));
      judges.push(await openJudge(one, contextOf(index, ledger)));
    }
    const where = (index: number) => `judge.judges.${index}`;
    const problems = repeatedJudges(judges, where, 'leave it out');
    if (problems.length > 0) throw new MedixError('config', problems);
  } catch (error) {
    await Promise.all(judges.map((judge) => judge.close()));
    throw error;
  }
  return createPanelJudge({ judges, rule: config.rule, quorum: config.quorum });
}

/** The same judge twice would outvote the others with one opinion. */
export function repeatedJudges(
  judges: readonly Pick<Judge, 'describe'>[],
  where: (index: number) => string,
  next: string,
): Problem[] {
  const digests = judges.map(({ describe }) => describe.digest);
  return judges.flatMap(({ describe }, index): Problem[] => {
    const first = digests.indexOf(describe.digest);
    if (first === index) return [];
    const got = `${describe.id}, the same as ${where(first)}`;
    return [{ where: where(index), expected: 'another judge', got, next }];
  });
}
