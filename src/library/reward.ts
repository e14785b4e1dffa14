/** `medix-r1/reward`: the composite reward over answers, with judges and components of one's own. */
import type { z } from 'zod';
import { readSecrets } from '../config/environment.ts';
import { type embedderSection, rewardSchema } from '../config/judge-config.ts';
import { readConfig } from '../config/read-config.ts';
import { systemClock } from '../core/async/clock.ts';
import type { LedgerSummary } from '../core/usage.ts';
import type { OwnEmbedder } from '../embed/own-embedder.ts';
import type { OwnJudge } from '../judge/own-judge.ts';
import type { RewardOutcome } from '../reward/aggregate.ts';
import type { RewardComponent } from '../reward/components/own-component.ts';
import { explainReward } from '../reward/explain.ts';
import { type OpenedReward, openReward as open, requireReachable } from '../reward/open-reward.ts';
import type { RewardItem } from '../reward/reward-item.ts';
import type { JudgeSettings } from './judge.ts';
import { createOwnObjects, type OwnObjects } from './own-objects.ts';

export type { Modality } from '../core/modality.ts';
export type { FailureCause, Score, Unscored } from '../core/outcome.ts';
export type { ImageFile } from '../core/sample.ts';
export type { OwnEmbedder as Embedder, OwnEmbedding as Embedding } from '../embed/own-embedder.ts';
export type { RewardOutcome } from '../reward/aggregate.ts';
export type { RewardComponent } from '../reward/components/own-component.ts';
export { openRewardProfile, type RewardProfile } from '../reward/profile.ts';
export {
  type RewardItem,
  type RewardSample,
  readGroundTruth,
} from '../reward/reward-item.ts';
export { type Components, componentsSchema } from '../reward/score.ts';

/** An embedder as a config names it, e.g. `{kind: 'openai', url, model}`. */
export type EmbedderSettings = z.input<typeof embedderSection>;

/** What makes up a reward; each part by config, or as an object of your own. */
export type RewardOptions = {
  /** `medix-r1`, `medix-r1-reference`, or the path of a YAML file. @default 'medix-r1' */
  readonly profile?: string;
  /** @default {kind: 'reference-match'}: rules, nothing leaves this machine */
  readonly judge?: JudgeSettings | OwnJudge;
  /** @default {kind: 'local'}: a small English sentence encoder in this process */
  readonly embedder?: EmbedderSettings | OwnEmbedder;
  /**
   * Further components by name, each as an object or as a module (`./mine.js#brevity`). The reward is
   * (1 − sum of weights) × that of the profile + sum of weight × score. @default none
   */
  readonly components?: Readonly<
    Record<
      string,
      {
        /** In (0, 1]; all of them together at most 1, where the profile has no share left. */
        readonly weight: number;
      } & ({ readonly component: RewardComponent } | { readonly module: string })
    >
  >;
};

export type Reward = {
  /** Whose scores these are: profile, judge and embedder, each with its digest. */
  readonly facts: OpenedReward['facts'];
  /**
   * One outcome per item, in their order. A part that fails makes its item `unscored`, with a cause and
   * without a number: that is not a wrong answer.
   * @param signal Once it aborts, open items come back `unscored`, `cancelled`. @default never
   */
  score(items: readonly RewardItem[], signal?: AbortSignal): Promise<readonly RewardOutcome[]>;
  /** How an outcome came about, step by step in words; asks nobody. Safe to print. */
  explain(item: RewardItem, outcome: RewardOutcome): readonly string[];
  /**
   * Asks judge and embedder once.
   * @throws MedixError 'judge' naming each that does not answer, and why.
   */
  check(signal?: AbortSignal): Promise<void>;
  /** Requests, tokens and money so far, by `judge` and `embedder`. */
  usage(): LedgerSummary;
  /** Closes judge, embedder and components. */
  close(): Promise<void>;
};

/**
 * Opens a reward. API keys are read from the environment variables that `apiKeyEnv` of judge and embedder
 * name. No server is contacted yet.
 *
 * @throws MedixError 'config' with all that is wrong with the options, 'judge' when judge or embedder
 *   cannot be opened.
 * @example
 * ```ts
 * const reward = await openReward({ judge: { kind: 'openai', url: 'http://127.0.0.1:8085/v1', model: 'qwen3' } });
 * const [outcome] = await reward.score([
 *   {
 *     sample: { problem: 'Which organ?', images: [], referenceAnswer: 'liver', accepted: ['hepar'] },
 *     response: '<CT_SCAN><thinking>…</thinking><answer>hepar</answer>',
 *   },
 * ]);
 * console.log(outcome?.kind === 'scored' ? outcome.reward : outcome?.message);
 * await reward.close();
 * ```
 */
export async function openReward(options: RewardOptions = {}): Promise<Reward> {
  const objects = createOwnObjects();
  const config = await readConfig(rewardSchema, {
    base: rewardSettings(options, objects),
    overrides: [],
  });
  const secrets = readSecrets(config);
  const opened = await open(config, { secrets, seed: 1, clock: systemClock, load: objects.load });
  return {
    facts: opened.facts,
    score: (items, signal = never) => opened.reward.score(items, signal),
    explain: (item, outcome) => explainReward(opened.reward.profile, item, outcome.components),
    check: (signal = never) => requireReachable(opened, signal),
    usage: () => opened.ledger.summary(),
    close: opened.close,
  };
}

const never = new AbortController().signal;

/** As a config file has them. */
export function rewardSettings(
  { judge, embedder, components = {}, ...others }: RewardOptions,
  { nameOf, settingsOf }: OwnObjects,
): Readonly<Record<string, unknown>> {
  return {
    ...others,
    ...(judge === undefined ? {} : { judge: settingsOf(judge) }),
    ...(embedder === undefined ? {} : { embedder: settingsOf(embedder) }),
    components: Object.fromEntries(
      Object.entries(components).map(([name, { weight, ...part }]) => [
        name,
        { weight, module: 'component' in part ? nameOf(part.component) : part.module },
      ]),
    ),
  };
}
