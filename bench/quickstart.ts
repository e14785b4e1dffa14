/** An iteration of the quickstart, by the steps of the training loop with the quickstart's own settings. */
import { quickstartConfig } from '../src/cli/quickstart/quickstart.ts';
import { phantomSample } from '../src/data/phantoms/study.ts';
import { openTemplate, renderMessages } from '../src/data/prompt-template.ts';
import { openThreadedEngine } from '../src/engine/local/thread/threaded-engine.ts';
import type { RewardFunction } from '../src/reward/composite.ts';
import { createPromptPreparation } from '../src/rollout/prepare-prompts.ts';
import { type Rollout, sampleGroups } from '../src/rollout/rollout.ts';
import { withAdvantages } from '../src/train/advantages.ts';
import { resolveAlgorithm } from '../src/train/algorithm.ts';
import { useOf } from '../src/train/collect-groups.ts';
import { scoreRollouts } from '../src/train/score-rollouts.ts';
import { updatePolicy } from '../src/train/update-policy.ts';
import { adamSchedule } from '../src/update/schedule.ts';
import { never, processorSeconds, seconds } from './timing.ts';

const warmUps = 2;
const timed = 5;

type Split = Readonly<Record<'prepare' | 'sample' | 'reward' | 'update', number>>;

type QuickstartResult = Split & { readonly processor: number };

/** Seconds of the steps, and of the processor for all of them, each the median over several iterations. */
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

  const iterate = async (iteration: number): Promise<Split> => {
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
    const [sampleSeconds, groups] = await seconds(async () => {
      const sampled: (readonly Rollout[])[] = [];
      const settings = { groupSize, maxCompletionTokens, temperature: 1, topP: 1, topK: 0 };
      for await (const { position, group } of sampleGroups(engine, requests, settings, never)) {
        sampled[position] = group.rollouts;
      }
      return sampled;
    });
    const [rewardSeconds, scored] = await seconds(() =>
      Promise.all(groups.map((rollouts) => scoreRollouts(rollouts, reward, never))),
    );
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

  const splits: QuickstartResult[] = [];
  for (let iteration = 0; iteration < warmUps + timed; iteration++) {
    const [processor, split] = await processorSeconds(() => iterate(iteration));
    if (iteration >= warmUps) splits.push({ ...split, processor });
  }
  await engine.close();
  const median = (step: keyof QuickstartResult) =>
    splits.map((split) => split[step]).sort((a, b) => a - b)[Math.floor(timed / 2)]!;
  return {
    prepare: median('prepare'),
    sample: median('sample'),
    reward: median('reward'),
    update: median('update'),
    processor: median('processor'),
  };
}
