/** What both trainers refuse for the same reasons, and what they share. */
import { algorithmPresets } from '../../config/algorithm-presets.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { given } from '../../core/given.ts';
import type { Refusals } from './cluster.ts';

/** The settings of an algorithm with its preset filled in. */
export function settingsOf({ algorithm }: TrainConfig) {
  const preset = algorithmPresets[algorithm.preset];
  return {
    advantage: algorithm.advantage ?? preset.advantage,
    filter: algorithm.filter ?? preset.filter,
    loss: { ...preset.loss, ...given(algorithm.loss) },
  };
}

/** Refuses what neither EasyR1 nor verl has. */
export function refuseCommon(config: TrainConfig, refusals: Refusals): void {
  const { algorithm, rollout, optimizer, validation, checkpoint, engine, track } = config;
  const { loss } = settingsOf(config);
  if (config.model.includes('@')) {
    refusals.refuse(
      'model',
      'a folder of the cluster or owner/name, without a revision',
      config.model,
    );
  }
  if (rollout.curriculum !== null) {
    refusals.refuse(
      'rollout.curriculum',
      'null, since it draws all prompts alike',
      rollout.curriculum,
    );
  }
  refusals.require('algorithm.lengthPenalty', algorithm.lengthPenalty, 0, 'it has none');
  if (algorithm.selfDistillation !== undefined) {
    refusals.refuse(
      'algorithm.selfDistillation',
      'none, since it has none',
      algorithm.selfDistillation,
    );
  }
  if (algorithm.samplerCorrection !== undefined && algorithm.samplerCorrection !== 'none') {
    refusals.refuse(
      'algorithm.samplerCorrection',
      '"none": old logprobs are computed by the trainer itself',
      algorithm.samplerCorrection,
    );
  }
  refusals.require('algorithm.loss.klUnbiased', loss.klUnbiased, false, 'it has no such penalty');
  refusals.require('algorithm.loss.klTarget', loss.klTarget, null, 'its controller is another one');
  refusals.require('algorithm.loss.entropyTarget', loss.entropyTarget, null, 'it adapts no bonus');
  refusals.require('optimizer.epsilon', optimizer.epsilon, 1e-8, 'it keeps the value of PyTorch');
  refusals.require('validation.samples', validation.samples, 0, 'it samples one answer a question');
  refusals.require('validation.patience', validation.patience, null, 'it never ends early');
  refusals.require(
    'checkpoint.best',
    checkpoint.best,
    'validation/reward/mean',
    'it keeps the checkpoint of the highest validation reward',
  );
  refusals.require('checkpoint.bestIs', checkpoint.bestIs, 'highest', 'it keeps the highest');
  if (engine.kind !== 'local') {
    refusals.refuse('engine.kind', '"local" or nothing: the trainer is the engine', engine.kind);
  } else if (engine.lora !== null) {
    refusals.require(
      'engine.lora.rankStabilized',
      engine.lora.rankStabilized,
      false,
      'it multiplies by alpha / rank',
    );
    refusals.require('engine.lora.dropout', engine.lora.dropout, 0, 'its factors have none');
  }
  for (const [name, value] of Object.entries(track)) {
    if (value === false || value === null) continue;
    refusals.refuse(`track.${name}`, 'nothing: metrics are mirrored into the run directory', value);
  }
  const { promptsPerIteration } = rollout;
  if (promptsPerIteration % optimizer.stepsPerIteration !== 0) {
    refusals.refuse(
      'optimizer.stepsPerIteration',
      `a divisor of rollout.promptsPerIteration (${promptsPerIteration}), since its mini-batches are equal`,
      optimizer.stepsPerIteration,
    );
  }
  if (optimizer.warmupSteps % stepsAnIteration(config) !== 0) {
    refusals.refuse(
      'optimizer.warmupSteps',
      `a multiple of ${stepsAnIteration(config)}, the steps of an iteration, since its schedule moves once an iteration`,
      optimizer.warmupSteps,
    );
  }
  if (optimizer.maxGradNorm === 0) {
    refusals.refuse('optimizer.maxGradNorm', 'a number above 0, since it always clips', 0);
  }
}

/** Optimizer steps between two samplings. */
export function stepsAnIteration({ optimizer }: TrainConfig): number {
  return optimizer.stepsPerIteration * optimizer.epochsPerIteration;
}

/** Warm-up counted in iterations, as both trainers do. */
export function warmupIterations(config: TrainConfig): number {
  return config.optimizer.warmupSteps / stepsAnIteration(config);
}

/** Layers that get factors: a list of endings as one text; the default of the config is all of the decoder. */
export function loraTargets(config: TrainConfig, refusals: Refusals): string {
  if (config.engine.kind !== 'local' || config.engine.lora === null) return 'all-linear';
  const { targets } = config.engine.lora;
  if (typeof targets !== 'string') return targets.join(',');
  if (targets.includes('language_model') && targets.includes('gate_proj')) return 'all-linear';
  refusals.refuse(
    'engine.lora.targets',
    'a list of endings such as [q_proj, v_proj], or the default',
    targets,
  );
  return 'all-linear';
}

/** What holds for every launch, in words. */
export function commonNotes({ engine, data, reward }: TrainConfig): string[] {
  const machine =
    engine.kind === 'local' &&
    (engine.base !== 'auto' || engine.device !== 'cpu' || engine.memory !== 'auto');
  return [
    ...(machine
      ? ['engine.base, engine.device and engine.memory are about this machine alone']
      : []),
    ...(data.trainCount === null
      ? []
      : ['data.trainCount: the rows that are used are the ones written']),
    `reward.unscoredLimit=${reward.unscoredLimit}: the trainer knows no missing reward; what the service cannot score after all attempts ends the job`,
    'numbers: bf16 with float32 master weights, where this machine computes in float32',
  ];
}
