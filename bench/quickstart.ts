/**
 * An iteration of the quickstart, by the steps of the training loop with the quickstart's own settings; and the same
 * with a judge that takes its time, which the loop asks while it still samples.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { quickstartConfig } from '../src/cli/quickstart/quickstart.ts';
import { phantomSample } from '../src/data/phantoms/study.ts';
import { openTemplate, renderMessages } from '../src/data/prompt-template.ts';
import { openThreadedEngine } from '../src/engine/local/thread/threaded-engine.ts';
import type { RewardFunction } from '../src/reward/composite.ts';
import { createPromptPreparation } from '../src/rollout/prepare-prompts.ts';
import { sampleGroups } from '../src/rollout/rollout.ts';
import { withAdvantages } from '../src/train/advantages.ts';
import { resolveAlgorithm } from '../src/train/algorithm.ts';
import { useOf } from '../src/train/collect-groups.ts';
import { type ScoredRollout, scoreRollouts } from '../src/train/score-rollouts.ts';
import { updatePolicy } from '../src/train/update-policy.ts';
import { adamSchedule } from '../src/update/schedule.ts';
import { never, processorSeconds, seconds } from './timing.ts';

const warmUps = 2;
const timed = 5;
/** What the slow judge takes for its answers, all of which it gives side by side. */
const judgeMs = 50;

type Split = Readonly<Record<'prepare' | 'sample' | 'reward' | 'update', number>>;

type Timed = Split & { readonly processor: number; readonly whole: number };

export type QuickstartResult = {
  /** Seconds of the steps; `reward` is what scores still take once all is sampled. */
  readonly split: Split;
  readonly iterationSeconds: number;
  readonly processorSeconds: number;
  /** Seconds of an iteration whose judge takes 50 ms. */
  readonly judgedSeconds: number;
};

/** Each figure is the median over several iterations; those with the slow judge come in between. */
export async function benchQuickstart(reward: RewardFunction): Promise<QuickstartResult> {
  const config = quickstartConfig(0, 'unused');
  const { promptsPerIteration, groupSize, maxCompletionTokens } = config.rollout;
  const { stepsPerIteration } = config.optimizer;
  const algorithm = resolveAlgorithm(config.algorithm, maxCompletionTokens);
  const template = await openTemplate(config.data.template);
  const engine = await openThreadedEngine(config.model, {}, never);
  const prepare = createPromptPreparation(
    engine.model,
    (sample) => renderMessages(template, sample),
    maxCompletionTokens,
  );
  const adamAt = adamSchedule(config.optimizer, config.iterations * stepsPerIteration);

  const slow: RewardFunction = {
    ...reward,
    score: async (items, signal) => {
      await sleep(judgeMs);
      return reward.score(items, signal);
    },
  };

  const iterate = async (iteration: number, reward: RewardFunction): Promise<Split> => {
    const [prepareSeconds, requests] = await seconds(() =>
      Promise.all(
        Array.from({ length: promptsPerIteration }, async (_, i) => {
          const index = iteration * promptsPerIteration + i;
          const prepared = await prepare(phantomSample({ seed: 0, split: 'train', index }));
          if (prepared.kind === 'rejected') throw new Error(prepared.problem.got);
          return { ...prepared, key: `bench/${index}` };
        }),
      ),
    );
    const [sampleSeconds, scores] = await seconds(async () => {
      const scoring: Promise<ScoredRollout[]>[] = [];
      const settings = { groupSize, maxCompletionTokens, temperature: 1, topP: 1, topK: 0 };
      for await (const { position, group } of sampleGroups(engine, requests, settings, never)) {
        scoring[position] = scoreRollouts(group.rollouts, reward, never);
      }
      return scoring;
    });
    const [rewardSeconds, scored] = await seconds(() => Promise.all(scores));
    const [updateSeconds] = await seconds(() => {
      const { filter } = algorithm;
      const collected = scored.map((rollouts) => ({
        use: useOf(rollouts, { filter, smallestGroup: 2 }),
        rollouts,
      }));
      const trained = withAdvantages(collected, algorithm);
      const settings = {
        loss: algorithm.loss,
        miniBatches: stepsPerIteration,
        epochs: 1,
        adamAt,
        steps: iteration * stepsPerIteration,
      };
      return updatePolicy(engine, trained, settings, never);
    });
    return {
      prepare: prepareSeconds,
      sample: sampleSeconds,
      reward: rewardSeconds,
      update: updateSeconds,
    };
  };

  const iterations = { usual: [] as Timed[], slow: [] as Timed[] };
  for (let pair = 0; pair < warmUps + timed; pair++) {
    for (const [i, kind] of (['usual', 'slow'] as const).entries()) {
      const [processor, [whole, split]] = await processorSeconds(() =>
        seconds(() => iterate(2 * pair + i, kind === 'slow' ? slow : reward)),
      );
      if (pair >= warmUps) iterations[kind].push({ ...split, processor, whole });
    }
  }
  await engine.close();
  const median = (of: readonly Timed[], step: keyof Timed) =>
    of.map((one) => one[step]).sort((a, b) => a - b)[Math.floor(timed / 2)]!;
  const usual = (step: keyof Timed) => median(iterations.usual, step);
  return {
    split: {
      prepare: usual('prepare'),
      sample: usual('sample'),
      reward: usual('reward'),
      update: usual('update'),
    },
    iterationSeconds: usual('whole'),
    processorSeconds: usual('processor'),
    judgedSeconds: median(iterations.slow, 'whole'),
  };
}
