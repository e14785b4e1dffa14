/** The reward a config names, with its judge and embedder. */
import { isRedisUrl } from '../cache/redis-connection.ts';
import { openSharedUsage, type SharedUsage } from '../cache/shared-usage.ts';
import { readRedisPassword, type Secrets } from '../config/environment.ts';
import {
  isChatJudge,
  judgesOf,
  type RewardConfig,
  type RewardJudgeConfig,
  withJudges,
} from '../config/judge-config.ts';
import { type LoadModule, loadModule } from '../config/load-module.ts';
import type { Clock } from '../core/async/clock.ts';
import { digestOf } from '../core/digest.ts';
import { fail, MedixError, type Problem } from '../core/errors.ts';
import type { Embedder, EmbedderDescription } from '../embed/embedder.ts';
import { openEmbedder } from '../embed/open-embedder.ts';
import type { Ledger } from '../http/ledger.ts';
import type { Judge, JudgeDescription } from '../judge/judge.ts';
import { createJudgeLedger, openRewardJudge } from '../judge/open-panel.ts';
import { timedJudge } from '../judge/timed-judge.ts';
import { askedBy, countsForSome } from './aggregate.ts';
import { loadOwnComponents, type OwnComponent } from './components/own-component.ts';
import { createReward, type RewardFunction } from './composite.ts';
import { openRewardProfile, type RewardProfile, withOwnComponents } from './profile.ts';

export type OpenedReward = {
  readonly reward: RewardFunction;
  readonly judge: Judge;
  readonly embedder: Embedder;
  /** What judge and embedder were asked, and what it cost. */
  readonly ledger: Ledger;
  readonly own: readonly OwnComponent[];
  /** Whether the judge or an own component sees images, so that their bytes are needed. */
  readonly seesImages: boolean;
  /** For manifests: whose scores these are. */
  readonly facts: {
    readonly judge: JudgeDescription;
    readonly embedder: EmbedderDescription;
    readonly profile: RewardProfile;
  };
  close(): Promise<void>;
};

export type RewardContext = {
  readonly secrets: Secrets;
  /** Seed of the random jitter between retries; it shapes no score. */
  readonly seed: number;
  readonly clock: Clock;
  /** How code of the user's own is found. @default {@link loadModule} */
  readonly load?: LoadModule;
  /** `key=value` changes to the profile's fields. @default none */
  readonly profileChanges?: readonly string[];
  /** Hears how many milliseconds each request to the judge took. @default nobody */
  readonly onJudgeTime?: (milliseconds: number) => void;
};

/**
 * Reads the profile and loads what runs in this process; no server is contacted yet.
 * @throws MedixError 'config' when the profile is wrong or code of the user's own cannot be loaded, 'judge' when
 *   judge or embedder cannot be opened.
 */
export async function openReward(
  config: RewardConfig,
  { secrets, seed, clock, load = loadModule, profileChanges, onJudgeTime }: RewardContext,
): Promise<OpenedReward> {
  const own = await loadOwnComponents(config.components, load);
  const profile = withOwnComponents(await openRewardProfile(config.profile, profileChanges), own);
  const usage = sharedUsageOf(config.judge);
  const ledger = createJudgeLedger(config.judge, usage);
  const { judgeApiKeys, embedderApiKey } = secrets;
  const context = { seed, clock, ledger, load };
  const opened = await openRewardJudge(asProfileAsks(config.judge, profile), {
    ...context,
    ...(judgeApiKeys === undefined ? {} : { apiKeys: judgeApiKeys }),
  });
  const judge = onJudgeTime === undefined ? opened : timedJudge(opened, onJudgeTime);
  try {
    requireMarker(profile, judge);
    const embedder = await openEmbedder(config.embedder, {
      ...context,
      ...(embedderApiKey === undefined ? {} : { apiKey: embedderApiKey }),
    });
    const close = async () => {
      const closing = own.map(async ({ component }) => component.close?.());
      await Promise.all([judge.close(), embedder.close(), usage?.close(), ...closing]);
    };
    return {
      reward: createReward({ profile, judge, embedder, own }),
      judge,
      embedder,
      own,
      ledger,
      seesImages:
        own.length > 0 ||
        judgesOf(config.judge).some((one) => one.kind !== 'reference-match' && one.showImages),
      facts: { judge: judge.describe, embedder: embedder.describe, profile },
      close,
    };
  } catch (error) {
    await Promise.all([judge.close(), usage?.close()]);
    throw error;
  }
}

/** Judges that share a store share the caps as well, under a name made of their models and of what they may use. */
function sharedUsageOf(judge: RewardJudgeConfig): SharedUsage | undefined {
  const capped = judgesOf(judge).filter(isChatJudge);
  const store = capped.find(({ cache }) => cache !== null && isRedisUrl(cache))?.cache;
  if (store === undefined || store === null) return undefined;
  const name = digestOf(
    capped.map((one) => [one.kind === 'openai' ? one.model : one.path, one.cap, one.prices]),
  );
  return openSharedUsage(store, name.slice(0, 16), readRedisPassword());
}

/** @throws MedixError 'config' where the profile has rubrics marked and the judge cannot. */
function requireMarker(profile: RewardProfile, judge: Judge): void {
  if (judge.grade || !countsForSome(profile, 'rubric')) return;
  fail('config', {
    where: 'reward.judge.kind',
    expected: `a language model (openai or gguf) or a panel of some, since the profile ${profile.name} has rubrics marked`,
    got: `${judge.describe.kind} (${judge.describe.id})`,
    next: 'name a language model, or take a profile without the component rubric',
  });
}

/** The paper's rules go with the paper's question to the judge, unless the config names another. */
export function asProfileAsks(
  judge: RewardJudgeConfig,
  { rules }: RewardProfile,
): RewardJudgeConfig {
  return withJudges(judge, (one) =>
    isChatJudge(one) ? { ...one, prompt: one.prompt ?? rules } : one,
  );
}

/**
 * Asks judge and embedder once, each unless no component of the profile needs it, before any work depends on
 * them.
 * @throws MedixError 'judge' naming every one that does not answer, and why.
 */
export async function requireReachable(
  { reward, judge, embedder }: Pick<OpenedReward, 'reward' | 'judge' | 'embedder'>,
  signal: AbortSignal,
): Promise<void> {
  const needed = askedBy(reward.profile);
  const parts = [
    { name: 'judge', part: judge, isNeeded: needed.judge },
    { name: 'embedder', part: embedder, isNeeded: needed.embedder },
  ];
  const asked = parts.filter(({ isNeeded }) => isNeeded);
  const problems = await Promise.all(
    asked.map(async ({ name, part }): Promise<Problem[]> => {
      const failure = await part.probe(signal);
      if (failure === undefined) return [];
      return [
        {
          where: `${name} ${part.describe.id}`,
          expected: 'an answer',
          got: `${failure.cause}: ${failure.message}`,
          next:
            part.describe.kind === 'module'
              ? `correct the module that ${name}.module names, or what it needs`
              : `start its server, or correct ${name}.url, ${name}.model or ${name}.apiKeyEnv`,
        },
      ];
    }),
  );
  signal.throwIfAborted();
  if (problems.flat().length > 0) throw new MedixError('judge', problems.flat());
}
