/**
 * A first taste of a run: groups sampled and scored as its iterations would, the same questions without their images,
 * and one update whose gradient is thrown away. Nothing of it is kept, and the weights stay as they are.
 */
import { advantageEstimators } from '../../../advantage/estimators.ts';
import { keepGroup } from '../../../advantage/filter.ts';
import type { Clock } from '../../../core/async/clock.ts';
import type { ImageFile, Sample } from '../../../core/sample.ts';
import type { LedgerSummary } from '../../../core/usage.ts';
import type { Engine, Loss, Sequence } from '../../../engine/engine.ts';
import { blankImage } from '../../../eval/variants/change-image.ts';
import type { RewardFunction } from '../../../reward/composite.ts';
import type { PreparePrompt } from '../../../rollout/prepare-prompts.ts';
import { type GroupRequest, type Rollout, sampleGroups } from '../../../rollout/rollout.ts';
import type { Algorithm } from '../../../train/algorithm.ts';
import { type CollectedGroup, collectGroups, useOf } from '../../../train/collect-groups.ts';
import { createPromptSource } from '../../../train/prompt-source.ts';
import type { SampleSet } from '../../../train/sample-order.ts';
import type { ScoredRollout } from '../../../train/score-rollouts.ts';

export type PilotSettings = {
  readonly seed: number;
  /** Prompts to sample; fewer where the set has fewer. */
  readonly prompts: number;
  readonly promptsPerIteration: number;
  readonly groupSize: number;
  readonly maxCompletionTokens: number;
};

export type PilotParts = {
  readonly engine: Engine;
  readonly samples: SampleSet;
  readonly prepare: PreparePrompt;
  readonly reward: RewardFunction;
  readonly algorithm: Algorithm;
  /** What judge and embedder have been asked so far. */
  readonly usage: () => LedgerSummary;
  readonly clock: Clock;
  readonly onProgress: (line: string) => void;
};

type PilotGroup = {
  readonly rollouts: readonly ScoredRollout[];
  /** Whether its rewards differ, so that it can teach. */
  readonly differs: boolean;
  /** Whether the config's filter would train on it. */
  readonly isTrained: boolean;
};

export type Pilot = {
  readonly groups: readonly PilotGroup[];
  /** One completion of each question whose images could be made grey; empty where none has images. */
  readonly blind: readonly ScoredRollout[];
  /** Sampling and scoring of the groups, in milliseconds. */
  readonly sampleMs: number;
  /** One pass forward and back over the rollouts of `updated` groups, and one optimizer step, in milliseconds. */
  readonly updated: number;
  readonly updateMs: number;
  readonly stepMs: number;
  /** Requests and tokens that the groups took, by use. */
  readonly usage: LedgerSummary;
};

/** @throws MedixError 'data' where no prompt fits, 'engine' as sampling does */
export async function runPilot(
  settings: PilotSettings,
  parts: PilotParts,
  signal: AbortSignal,
): Promise<Pilot> {
  const { clock, algorithm, onProgress } = parts;
  const size = Math.min(settings.prompts, parts.samples.size);
  await warmUp(settings, parts, signal);
  const before = parts.usage();
  const startedAt = clock.now();
  const collected = await sampleAsIterationsDo(size, settings, parts, signal);
  const sampleMs = clock.now() - startedAt;
  const usage = usedSince(before, parts.usage());
  onProgress('the same questions without their images');
  const blind = await answerBlind(collected, settings, parts, signal);
  onProgress('one update that is thrown away');
  const update = await timeUpdate(collected, settings, parts, signal);
  const { smallestGroup } = advantageEstimators[algorithm.advantage];
  const groups = collected.map(({ rollouts }) => ({
    rollouts,
    differs: keepGroup(scoredOf(rollouts), 'variance', 2),
    isTrained: useOf(rollouts, { filter: algorithm.filter, smallestGroup }) === 'trained',
  }));
  return { groups, blind, sampleMs, usage, ...update };
}

function scoredOf(rollouts: readonly ScoredRollout[]) {
  return rollouts.flatMap(({ outcome }) => (outcome.kind === 'scored' ? [outcome] : []));
}

/** Programs are made at their first use, which is not to be taken for the speed of sampling. */
async function warmUp(
  { seed }: PilotSettings,
  { engine, samples, prepare }: PilotParts,
  signal: AbortSignal,
): Promise<void> {
  const { prompts } = await createPromptSource(samples, prepare, seed).take(1, 0);
  const requests = prompts.map((prompt) => ({ ...prompt, key: `check/warm-up/${seed}` }));
  const sampling = { groupSize: 2, maxCompletionTokens: 2, temperature: 1, topP: 1, topK: 0 };
  for await (const _ of sampleGroups(engine, requests, sampling, signal));
}

/** As many prompts at once as an iteration has, since more at once are faster for each. */
async function sampleAsIterationsDo(
  size: number,
  settings: PilotSettings,
  { engine, samples, prepare, reward, onProgress }: PilotParts,
  signal: AbortSignal,
): Promise<readonly CollectedGroup[]> {
  const source = createPromptSource(samples, prepare, settings.seed);
  const groups: CollectedGroup[] = [];
  let draws = 0;
  while (groups.length < size) {
    const done = groups.length;
    const collected = await collectGroups(
      source,
      engine,
      reward,
      {
        ...settings,
        iteration: 0,
        draws,
        groups: Math.min(settings.promptsPerIteration, size - done),
        maxRounds: 1,
        // All are wanted; what the filter of the run makes of them is asked later.
        filter: 'none',
        smallestGroup: 1,
        unscored: { limit: 1, next: '', onRescored: async () => {} },
        onSampled: async (sampled) => onProgress(`sampled ${done + sampled} of ${size} groups`),
        lap: () => {},
      },
      signal,
    );
    groups.push(...collected.groups);
    draws = collected.draws;
  }
  return groups;
}

/** Every image becomes grey, of the same size; whether the answer is right is judged with the true one. */
async function answerBlind(
  groups: readonly CollectedGroup[],
  { seed, maxCompletionTokens }: PilotSettings,
  { engine, prepare, reward }: PilotParts,
  signal: AbortSignal,
): Promise<readonly ScoredRollout[]> {
  const requests: GroupRequest[] = [];
  const asked: Sample[] = [];
  for (const { rollouts } of groups) {
    const sample = rollouts[0]?.rollout.sample;
    const blinded = sample && (await withoutImages(sample));
    if (sample === undefined || blinded === undefined) continue;
    const outcome = await prepare(blinded);
    if (outcome.kind === 'rejected') continue;
    requests.push({ ...outcome, key: `check/blind/${seed}/${asked.length}` });
    asked.push(sample);
  }
  if (requests.length === 0) return [];
  const sampling = { groupSize: 1, maxCompletionTokens, temperature: 1, topP: 1, topK: 0 };
  const answers: Rollout[] = [];
  for await (const { position, group } of sampleGroups(engine, requests, sampling, signal)) {
    const [rollout] = group.rollouts;
    const sample = asked[position];
    if (rollout && sample) answers[position] = { ...rollout, sample };
  }
  const items = answers.map(({ sample, text }) => ({ sample, response: text }));
  const outcomes = await reward.score(items, signal);
  return answers.flatMap((rollout, place) => {
    const outcome = outcomes[place];
    return outcome === undefined ? [] : [{ rollout, outcome }];
  });
}

async function withoutImages(sample: Sample): Promise<Sample | undefined> {
  if (sample.images.length === 0) return undefined;
  const images: ImageFile[] = [];
  for (const { bytes, name } of sample.images) {
    const blank = await blankImage(bytes);
    if (blank === undefined) return undefined;
    images.push({ bytes: blank, name });
  }
  return { ...sample, images };
}

/** The update is over the rollouts of one iteration at most. Learning rate 0: no weight changes. */
async function timeUpdate(
  collected: readonly CollectedGroup[],
  { promptsPerIteration }: PilotSettings,
  { engine, clock }: PilotParts,
  signal: AbortSignal,
): Promise<Pick<Pilot, 'updated' | 'updateMs' | 'stepMs'>> {
  const groups = collected.slice(0, promptsPerIteration);
  const sequencesOf = (some: readonly CollectedGroup[]): Sequence[] =>
    some.flatMap(({ rollouts }) =>
      rollouts.map(({ rollout: { prompt, completion } }) => ({ prompt, completion })),
    );
  await engine.forwardBackward(sequencesOf(groups.slice(0, 1)), evenLoss, signal);
  const startedAt = clock.now();
  await engine.forwardBackward(sequencesOf(groups), evenLoss, signal);
  const updatedAt = clock.now();
  await engine.optimStep({
    learningRate: 0,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    maxGradNorm: 1,
  });
  return {
    updated: groups.length,
    updateMs: updatedAt - startedAt,
    stepMs: clock.now() - updatedAt,
  };
}

/** The same gradient for each token: it costs what any other does. */
const evenLoss: Loss = (inputs) => ({
  loss: 0,
  gradients: inputs.map(({ policyLogprobs }) => new Float32Array(policyLogprobs.length).fill(1e-3)),
  metrics: {},
});

function usedSince(before: LedgerSummary, after: LedgerSummary): LedgerSummary {
  return Object.fromEntries(
    Object.entries(after).map(([use, sums]) => {
      const earlier = before[use];
      if (earlier === undefined) return [use, sums];
      const money = sums.money === null ? null : sums.money - (earlier.money ?? 0);
      return [
        use,
        {
          requests: sums.requests - earlier.requests,
          failed: sums.failed - earlier.failed,
          inputTokens: sums.inputTokens - earlier.inputTokens,
          outputTokens: sums.outputTokens - earlier.outputTokens,
          unmetered: sums.unmetered - earlier.unmetered,
          money,
          reused: sums.reused - earlier.reused,
          tokensSaved: sums.tokensSaved - earlier.tokensSaved,
        },
      ];
    }),
  );
}
