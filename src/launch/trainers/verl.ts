/**
 * The config of verl 0.9 for a config of ours, as sections that become changes on the command line of
 * `verl.trainer.main_ppo`.
 */
import type { TrainConfig } from '../../config/train-config.ts';
import { MedixError } from '../../core/errors.ts';
import { type Cluster, type DataPlace, Refusals, type TrainerConfig } from './cluster.ts';
import { commonNotes, loraTargets, refuseCommon, settingsOf, warmupIterations } from './common.ts';

type Sections = Readonly<Record<string, unknown>>;

const advantages: Readonly<Record<string, Sections>> = {
  grpo: { adv_estimator: 'grpo', norm_adv_by_std_in_grpo: true },
  'dr-grpo': { adv_estimator: 'grpo', norm_adv_by_std_in_grpo: false },
  rloo: { adv_estimator: 'rloo' },
  opo: { adv_estimator: 'opo' },
  remax: { adv_estimator: 'remax' },
};

const lossModes: Readonly<Record<string, string>> = {
  clip: 'vanilla',
  gspo: 'gspo',
  cispo: 'cispo',
  sapo: 'sapo',
  'dppo-tv': 'dppo_tv',
  'dppo-kl': 'dppo_kl',
};

const lossAverages: Readonly<Record<string, string>> = {
  token: 'token-mean',
  sequence: 'seq-mean-token-mean',
  'dr-grpo': 'seq-mean-token-sum-norm',
};

/** @throws MedixError 'config' with every field that verl cannot do as the config says, and why. */
export function verlConfig(
  config: TrainConfig,
  cluster: Cluster,
  data: DataPlace,
  files: { readonly reward: string },
): TrainerConfig {
  const refusals = new Refusals('verl');
  refuseCommon(config, refusals);
  const { advantage, filter, loss } = settingsOf(config);
  const { rollout, optimizer, algorithm, validation, checkpoint, engine } = config;
  const estimation = advantages[advantage];
  if (estimation === undefined) {
    refusals.refuse(
      'algorithm.advantage',
      `one of ${Object.keys(advantages).join(', ')}: its others are missing or computed otherwise`,
      advantage,
    );
  }
  const lossMode = lossModes[loss.kind];
  if (lossMode === undefined) {
    refusals.refuse(
      'algorithm.loss.kind',
      `one of ${Object.keys(lossModes).join(', ')}`,
      loss.kind,
    );
  }
  if (filter !== 'none' && filter !== 'variance') {
    refusals.refuse('algorithm.filter', '"none" or "variance"', filter);
  }
  if (data.kind === 'hub') {
    refusals.refuse(
      'data.train',
      'files: it reads none but its own schema',
      data.train,
      'give --data DIR, a folder that the cluster sees as well, and the data are written there in its schema',
    );
  }
  const targets = loraTargets(config, refusals);
  if (refusals.problems.length > 0) throw new MedixError('config', refusals.problems);
  const hasKl = loss.klCoefficient > 0;
  const isInReward = hasKl && loss.klIn === 'reward';
  const lora = engine.kind === 'local' ? engine.lora : null;
  const { promptsPerIteration, groupSize, maxCompletionTokens } = rollout;
  const longest = cluster.maxPromptTokens + maxCompletionTokens;
  const sections: Sections = {
    data: {
      train_files: data.train,
      val_files: data.validation ?? data.train,
      prompt_key: 'prompt',
      image_key: 'images',
      max_prompt_length: cluster.maxPromptTokens,
      max_response_length: maxCompletionTokens,
      train_batch_size: promptsPerIteration,
      shuffle: true,
      seed: config.seed,
      filter_overlong_prompts: true,
      truncation: 'error',
    },
    algorithm: {
      ...estimation,
      use_kl_in_reward: isInReward,
      ...(isInReward
        ? { kl_penalty: loss.klEstimator, kl_ctrl: { type: 'fixed', kl_coef: loss.klCoefficient } }
        : {}),
      filter_groups: {
        enable: filter === 'variance',
        metric: 'reward',
        max_num_gen_batches: algorithm.maxSampleRounds,
      },
    },
    actor_rollout_ref: {
      model: {
        path: config.model,
        enable_gradient_checkpointing: true,
        use_remove_padding: true,
        lora_rank: lora?.rank ?? 0,
        ...(lora === null
          ? {}
          : { lora_alpha: lora.alpha, target_modules: targets, exclude_modules: '.*visual.*' }),
      },
      actor: {
        ppo_mini_batch_size: promptsPerIteration / optimizer.stepsPerIteration,
        ppo_epochs: optimizer.epochsPerIteration,
        use_dynamic_bsz: true,
        ppo_max_token_len_per_gpu: Math.max(16384, longest),
        clip_ratio: loss.clipLow,
        clip_ratio_low: loss.clipLow,
        clip_ratio_high: loss.clipHigh,
        clip_ratio_c: loss.clipDual,
        tau_pos: loss.temperaturePositive,
        tau_neg: loss.temperatureNegative,
        policy_loss: { loss_mode: lossMode },
        loss_agg_mode: lossAverages[loss.lossAverage],
        entropy_coeff: loss.entropyCoefficient,
        use_kl_loss: hasKl && !isInReward,
        kl_loss_coef: loss.klCoefficient,
        kl_loss_type: loss.klEstimator,
        freeze_vision_tower: lora !== null,
        optim: {
          lr: optimizer.learningRate,
          betas: [optimizer.beta1, optimizer.beta2],
          weight_decay: optimizer.weightDecay,
          clip_grad: optimizer.maxGradNorm,
          lr_scheduler_type: optimizer.schedule,
          lr_warmup_steps: warmupIterations(config),
        },
        fsdp_config: { param_offload: true, optimizer_offload: true },
      },
      rollout: {
        name: 'vllm',
        n: groupSize,
        temperature: 1,
        top_p: 1,
        seed: config.seed,
        gpu_memory_utilization: 0.6,
        tensor_model_parallel_size: cluster.tensorParallel,
        max_num_batched_tokens: Math.max(8192, longest),
        val_kwargs: { temperature: 0, do_sample: false, n: 1 },
      },
    },
    reward: {
      custom_reward_function: { path: files.reward, name: 'compute_score' },
      reward_manager: { name: 'naive' },
    },
    trainer: {
      total_training_steps: config.iterations,
      total_epochs: config.iterations,
      project_name: 'medix',
      experiment_name: 'medix',
      logger: ['console', 'file'],
      nnodes: cluster.nodes,
      n_gpus_per_node: cluster.gpusPerNode,
      test_freq: data.validation === null ? -1 : validation.every,
      val_before_train: data.validation !== null && validation.beforeTraining,
      save_freq: checkpoint.every,
      max_actor_ckpt_to_keep: checkpoint.keepLast,
      default_local_dir: cluster.checkpoints,
      resume_mode: 'auto',
    },
  };
  return {
    config: sections,
    notes: [
      ...commonNotes(config),
      'checkpoint.best: the newest checkpoints are kept, the best one is not known to it',
      'completions come without their length in tokens; the mirrored rollouts say 0',
    ],
  };
}

/** Sections as `path=value` words of Hydra's command line, in order. */
export function hydraWords(sections: Sections, prefix = ''): string[] {
  return Object.entries(sections).flatMap(([name, value]) => {
    const path = `${prefix}${name}`;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      return hydraWords(value as Sections, `${path}.`);
    }
    return [`${path}=${hydraValue(value)}`];
  });
}

function hydraValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(hydraValue).join(',')}]`;
  if (typeof value !== 'string') return String(value);
  return /^[\w./-]+$/.test(value) ? value : `'${value.replaceAll(/[\\']/g, '\\$&')}'`;
}
