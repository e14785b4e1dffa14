/** Test support: a toy task on the scripted engine that a policy masters in a few hundred groups. */
import { monitorSection } from '../config/monitor-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { Message } from '../core/message.ts';
import type { Score } from '../core/outcome.ts';
import type { Sample } from '../core/sample.ts';
import type { Engine } from '../engine/engine.ts';
import {
  createScriptedEngine,
  type ScriptedOptions,
} from '../engine/scripted/scripted-engine.fixture.ts';
import type { RewardFunction, RewardOutcome } from '../reward/composite.ts';
import { openRewardProfile } from '../reward/profile.ts';
import { createPromptPreparation } from '../rollout/prepare-prompts.ts';
import type { RunWriter } from '../run/run-writer.ts';
import { type Algorithm, resolveAlgorithm } from './algorithm.ts';
import type { Training } from './loop.ts';
import { sampleSetOf } from './sample-order.ts';
import { withReference } from './self-distillation.ts';

const sides = ['left', 'right', 'both', 'neither'] as const;

/** Each question has one right side, drawn by its number. */
export const toySamples: readonly Sample[] = Array.from({ length: 12 }, (_, i) => ({
  id: `toy-${i}`,
  source: 'toy',
  images: [],
  problem: `which side in study ${i}?`,
  modality: 'X_RAY',
  referenceAnswer: sides[(i * 7) % sides.length] ?? 'left',
  accepted: [],
  demonstration: `<X_RAY>${sides[(i * 7) % sides.length] ?? 'left'}`,
}));

export function toyEngine(options: Omit<ScriptedOptions, 'pieces'> = {}): Engine {
  return createScriptedEngine({ pieces: ['<X_RAY>', ...sides], ...options });
}

/** The same task for a policy that can think. One token ends the thinking and begins the answer, as tokenizers join them. */
export function thinkingToyEngine(): Engine {
  return createScriptedEngine({
    pieces: ['<X_RAY>', '<thinking>', '</thinking><answer>', '</answer>', ...sides],
  });
}

/** Whose images, if they had some, would show the right side. */
export const readToySamples: readonly Sample[] = toySamples.map((sample) => ({
  ...sample,
  reading: sample.referenceAnswer,
}));

const profile = await openRewardProfile('medix-r1');

/** 0.9 for the right side, 0.1 for the tag before it; both exact. */
export function toyReward(
  outcomeOf: (outcome: RewardOutcome, response: string) => RewardOutcome = (outcome) => outcome,
): RewardFunction {
  return {
    profile,
    judge: { id: 'toy-judge', kind: 'reference-match', digest: 'toy' },
    embedder: { id: 'toy-embedder', kind: 'local', digest: 'toy' },
    score: async (items) =>
      items.map(({ sample, response }) => {
        const hasTag = response.startsWith('<X_RAY>');
        const isRight = response.replace('<X_RAY>', '') === sample.referenceAnswer;
        const components = {
          judge: scored(isRight),
          similarity: scored(isRight),
          modality: scored(hasTag),
          format: scored(hasTag),
        };
        const reward = (isRight ? 0.9 : 0) + (hasTag ? 0.1 : 0);
        return outcomeOf({ kind: 'scored', reward, components }, response);
      }),
  };
}

/** What a judge that cannot be reached leaves behind. */
export function withoutJudge(outcome: RewardOutcome): RewardOutcome {
  const failure = {
    kind: 'unscored',
    cause: 'timeout',
    message: 'the judge did not answer',
  } as const;
  return { ...failure, components: { ...outcome.components, judge: failure } };
}

export const toyConfig: Training['config'] = {
  seed: 7,
  iterations: 10,
  rollout: { promptsPerIteration: 4, groupSize: 6, maxCompletionTokens: 3, curriculum: null },
  optimizer: {
    learningRate: 0.15,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    weightDecay: 0,
    maxGradNorm: 0,
    schedule: 'constant',
    warmupSteps: 0,
    stepsPerIteration: 2,
    epochsPerIteration: 1,
  },
  validation: { every: 5, beforeTraining: true, samples: 0, patience: null },
  checkpoint: { every: 2, keepLast: 2, best: 'validation/reward/mean', bestIs: 'highest' },
  record: { images: true, tokenLogprobs: true },
  monitor: monitorSection.parse({}),
};

/** Long enough that a process can be killed in its midst. */
export const longToyConfig: Training['config'] = {
  ...toyConfig,
  iterations: 150,
  validation: { ...toyConfig.validation, every: 40 },
  checkpoint: { ...toyConfig.checkpoint, every: 7 },
};

export function toyAlgorithm(changes: Partial<TrainConfig['algorithm']> = {}): Algorithm {
  const config = {
    preset: 'dapo',
    loss: {},
    lengthPenalty: 0,
    credit: 'completion',
    maxSampleRounds: 3,
    ...changes,
  } as const;
  return resolveAlgorithm(config, toyConfig.rollout.maxCompletionTokens);
}

/** A whole training on the toy task. */
export function toyTraining(
  run: RunWriter,
  changes: Partial<Training> = {},
  engine: Engine = toyEngine(),
): Training {
  return {
    config: toyConfig,
    algorithm: toyAlgorithm(),
    unscoredLimit: 0.1,
    engine,
    reward: toyReward(),
    samples: sampleSetOf(toySamples),
    validationSamples: sampleSetOf(toySamples),
    prepare: toyPreparation(engine, toyConfig.rollout.maxCompletionTokens),
    prepareTeacher: toyTeacher(engine),
    run,
    observers: [],
    clock: () => 0,
    processorClock: () => 0,
    usage: () => ({}),
    isOutOfTime: () => false,
    ...changes,
  };
}

const toyMessages = ({ problem }: Sample): Message[] => [
  { role: 'user', content: [{ type: 'text', text: problem }] },
];

export function toyPreparation(engine: Engine, maxCompletionTokens: number) {
  return createPromptPreparation(engine.model, toyMessages, maxCompletionTokens);
}

/** With the reference answer in the prompt. */
export function toyTeacher(engine: Engine) {
  const { maxCompletionTokens } = toyConfig.rollout;
  const render = (sample: Sample) => withReference(toyMessages(sample), sample);
  return createPromptPreparation(engine.model, render, maxCompletionTokens);
}

function scored(isRight: boolean): Score {
  return { kind: 'scored', value: isRight ? 1 : 0 };
}
