/**
 * The config of EasyR1 (github.com/hiyouga/EasyR1, read at b44b311), the trainer of the paper, for a config of ours.
 * Nothing is left to its defaults that a config of ours decides.
 */
import type { TrainConfig } from '../../config/train-config.ts';
import { MedixError } from '../../core/errors.ts';
import { type Cluster, type DataPlace, Refusals, type TrainerConfig } from './cluster.ts';
import { commonNotes, loraTargets, refuseCommon, settingsOf, warmupIterations } from './common.ts';

const advantages: Readonly<Record<string, string>> = { grpo: 'grpo', rloo: 'rloo' };

const lossTypes: Readonly<Record<string, string>> = {
  clip: 'default',
  // Its own "gspo" does not run: it broadcasts sequences against tokens.
  gspo: 'gspo_token',
  cispo: 'cispo',
  sapo: 'sapo',
};

const lossAverages: Readonly<Record<string, string>> = { token: 'token', sequence: 'seq' };

const klPenalties = { k1: 'kl', k2: 'mse', k3: 'low_var_kl', abs: 'abs' } as const;

/**
 * @throws MedixError 'config' with every field that EasyR1 cannot do as the config says, and why.
 */
export function easyr1Config(
  config: TrainConfig,
  cluster: Cluster,
  data: DataPlace,
  files: { readonly reward: string; readonly template: string | null },
): TrainerConfig {
  const refusals = new Refusals('EasyR1');
  refuseCommon(config, refusals);
  const { advantage, filter, loss } = settingsOf(config);
  const { rollout, optimizer, algorithm, validation, checkpoint, engine } = config;
  const chosen = (
    where: string,
    name: string,
    table: Readonly<Record<string, string>>,
    reason: string,
  ): string => {
    const value = Object.hasOwn(table, name) ? table[name] : undefined;
    if (value === undefined) {
      refusals.refuse(where, `one of ${Object.keys(table).join(', ')}: ${reason}`, name);
    }
    return value ?? '';
  };
  const estimator = chosen(
    'algorithm.advantage',
    advantage,
    advantages,
    'its others are missing, computed otherwise, or do not run',
  );
  const lossType = chosen('algorithm.loss.kind', loss.kind, lossTypes, 'it has no other');
  const average = chosen(
    'algorithm.loss.lossAverage',
    loss.lossAverage,
    lossAverages,
    'it has no other',
  );
  refusals.require(
    'algorithm.loss.entropyCoefficient',
    loss.entropyCoefficient,
    0,
    'it has no bonus',
  );
  if (filter === 'any-part') {
    refusals.refuse('algorithm.filter', '"none", "variance" or {low, high}', filter);
  }
  const targets = loraTargets(config, refusals);
  const { promptsPerIteration, groupSize, maxCompletionTokens } = rollout;
  if (groupSize < 2) refusals.refuse('rollout.groupSize', 'at least 2', groupSize);
  const isFiltered = filter !== 'none';
  const draw = promptsPerIteration / optimizer.stepsPerIteration;
  if (refusals.problems.length > 0) throw new MedixError('config', refusals.problems);
  const hasKl = loss.klCoefficient > 0;
  const lora = engine.kind === 'local' ? engine.lora : null;
  const { maxPromptTokens } = cluster;
  const fullConfig = {
    data: {
      train_files: data.train,
      // It opens a held-out set in any case; without one it is the training set, never looked at.
      val_files: data.validation ?? data.train,
      prompt_key: data.kind === 'hub' ? data.question : 'problem',
      answer_key: data.kind === 'hub' ? data.answer : 'answer',
      image_key: data.kind === 'hub' ? data.image : 'images',
      image_dir: data.kind === 'hub' ? null : data.images,
      max_prompt_length: maxPromptTokens,
      max_response_length: maxCompletionTokens,
      rollout_batch_size: promptsPerIteration,
      mini_rollout_batch_size: isFiltered ? draw : null,
      val_batch_size: 1024,
      format_prompt: files.template,
      override_chat_template: null,
      shuffle: true,
      seed: config.seed,
      min_pixels: 262144,
      max_pixels: 4194304,
      filter_overlong_prompts: true,
    },
    algorithm: {
      adv_estimator: estimator,
      disable_kl: !hasKl,
      use_kl_loss: hasKl && loss.klIn === 'loss',
      kl_penalty: klPenalties[loss.klEstimator],
      kl_coef: loss.klCoefficient,
      kl_type: 'fixed',
      online_filtering: isFiltered,
      ...filterFields(filter),
    },
    worker: {
      actor: {
        global_batch_size: draw,
        micro_batch_size_per_device_for_update: 2,
        micro_batch_size_per_device_for_experience: 4,
        max_grad_norm: optimizer.maxGradNorm,
        clip_ratio_low: loss.clipLow,
        clip_ratio_high: loss.clipHigh,
        clip_ratio_dual: loss.clipDual,
        loss_type: lossType,
        loss_avg_mode: average,
        tau_positive: loss.temperaturePositive,
        tau_negative: loss.temperatureNegative,
        ppo_epochs: optimizer.epochsPerIteration,
        padding_free: true,
        dynamic_batching: true,
        model: {
          model_path: config.model,
          enable_gradient_checkpointing: true,
          trust_remote_code: false,
          freeze_vision_tower: lora !== null,
          lora: {
            rank: lora?.rank ?? 0,
            alpha: Math.round(lora?.alpha ?? 64),
            target_modules: targets,
            exclude_modules: '.*visual.*',
          },
        },
        optim: {
          lr: optimizer.learningRate,
          betas: [optimizer.beta1, optimizer.beta2],
          weight_decay: optimizer.weightDecay,
          strategy: 'adamw',
          lr_warmup_steps: warmupIterations(config),
          lr_scheduler_type: optimizer.schedule,
          min_lr_ratio: 0,
        },
        fsdp: { enable_full_shard: true, enable_cpu_offload: false, enable_rank0_init: true },
        offload: { offload_params: true, offload_optimizer: true },
      },
      rollout: {
        n: groupSize,
        temperature: 1,
        top_p: 1,
        seed: config.seed,
        limit_images: 0,
        gpu_memory_utilization: 0.6,
        tensor_parallel_size: cluster.tensorParallel,
        max_num_batched_tokens: Math.max(8192, maxPromptTokens + maxCompletionTokens),
        val_override_config: { temperature: 0, top_p: 1, n: 1 },
      },
      ref: {
        fsdp: { enable_full_shard: true, enable_cpu_offload: true, enable_rank0_init: true },
        offload: { offload_params: false },
      },
      reward: { reward_function: `${files.reward}:compute_score`, num_cpus: 1 },
    },
    trainer: {
      max_steps: config.iterations,
      // Counted where max_steps is not; high enough never to end a run by itself.
      total_epochs: config.iterations,
      project_name: 'medix',
      experiment_name: 'medix',
      logger: ['console', 'file'],
      nnodes: cluster.nodes,
      n_gpus_per_node: cluster.gpusPerNode,
      max_try_make_batch: algorithm.maxSampleRounds,
      val_freq: data.validation === null ? -1 : validation.every,
      val_before_train: data.validation !== null && validation.beforeTraining,
      val_generations_to_log: 0,
      save_freq: checkpoint.every,
      save_limit: checkpoint.keepLast,
      save_checkpoint_path: cluster.checkpoints,
      find_last_checkpoint: true,
    },
  };
  return { config: fullConfig, notes: [...commonNotes(config), ...notesOf(config, filter)] };
}

/**
 * Its own test is of a mean. `varies` is a metric of the bridge: 1 for each response of a group whose rewards
 * differ, so that a mean above 0.5 keeps just those.
 */
function filterFields(filter: ReturnType<typeof settingsOf>['filter']) {
  if (typeof filter === 'object') {
    return { filter_key: 'overall', filter_low: filter.low, filter_high: filter.high };
  }
  return filter === 'variance'
    ? { filter_key: 'varies', filter_low: 0.5, filter_high: 1.5 }
    : { filter_key: 'overall', filter_low: 0.01, filter_high: 0.99 };
}

function notesOf(config: TrainConfig, filter: ReturnType<typeof settingsOf>['filter']): string[] {
  const { loss } = settingsOf(config);
  return [
    ...(filter === 'none'
      ? []
      : [
          'algorithm.maxSampleRounds: a round draws a mini-batch of prompts whatever is missing; groups beyond the iteration are thrown away, and a draw without a group to keep ends the job',
        ]),
    ...(loss.lossAverage === 'sequence'
      ? [
          'algorithm.loss.lossAverage: its mean over sequences weighs each micro-batch by its tokens',
        ]
      : []),
    'optimizer.weightDecay: of all weights, where this machine decays matrices alone',
    'images are scaled to 262,144 to 4,194,304 pixels before the model scales them',
  ];
}
