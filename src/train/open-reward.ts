/** The reward a config names, with its judge and embedder. */
import type { Secrets } from '../config/environment.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { rngFromKey } from '../core/rng.ts';
import { systemClock } from '../judge/clock.ts';
import type { Embedder, EmbedderDescription } from '../judge/embedder.ts';
import type { Judge, JudgeDescription } from '../judge/judge.ts';
import { openLocalEmbedder } from '../judge/local-embedder.ts';
import { createOpenAiEmbedder } from '../judge/openai-embedder.ts';
import { createOpenAiJudge } from '../judge/openai-judge.ts';
import { createReferenceMatchJudge } from '../judge/reference-match.ts';
import { createReward, type RewardFunction } from '../reward/composite.ts';
import { rewardProfiles } from '../reward/profile.ts';

type RewardConfig = TrainConfig['reward'];
type Server = Extract<RewardConfig['judge'], { kind: 'openai' }>;

export type OpenedReward = {
  readonly reward: RewardFunction;
  readonly judge: JudgeDescription;
  readonly embedder: EmbedderDescription;
};

/**
 * Loads what runs in this process; no server is contacted yet.
 * @throws MedixError 'judge' when the local encoder cannot be loaded.
 */
export async function openReward(
  config: RewardConfig,
  secrets: Secrets,
  seed: number,
): Promise<OpenedReward> {
  const judge = openJudge(config, secrets, seed);
  const embedder = await openEmbedder(config, secrets, seed);
  return {
    reward: createReward({ profile: rewardProfiles[config.profile], judge, embedder }),
    judge: judge.describe,
    embedder: embedder.describe,
  };
}

function openJudge({ judge, profile }: RewardConfig, secrets: Secrets, seed: number): Judge {
  if (judge.kind === 'reference-match') return createReferenceMatchJudge();
  return createOpenAiJudge(
    { ...serverOptions(judge, secrets.judgeApiKey), protocol: profile },
    { rng: rngFromKey(`judge/${seed}`), clock: systemClock },
  );
}

async function openEmbedder(
  { embedder }: RewardConfig,
  secrets: Secrets,
  seed: number,
): Promise<Embedder> {
  if (embedder.kind === 'local') return openLocalEmbedder();
  return createOpenAiEmbedder(serverOptions(embedder, secrets.embedderApiKey), {
    rng: rngFromKey(`embedder/${seed}`),
    clock: systemClock,
  });
}

function serverOptions(
  { url, model, concurrency, deadlineMs, attempts }: Server,
  apiKey: string | undefined,
) {
  return {
    baseUrl: url,
    model,
    concurrency,
    deadlineMs,
    attempts,
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}
