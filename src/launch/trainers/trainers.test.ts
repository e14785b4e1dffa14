import { describe, expect, it } from 'vitest';
import { readConfig } from '../../config/read-config.ts';
import { type TrainConfig, trainConfigSchema } from '../../config/train-config.ts';
import { MedixError } from '../../core/errors.ts';
import type { Cluster, DataPlace } from './cluster.ts';
import { easyr1Config } from './easyr1.ts';
import { hydraWords, verlConfig } from './verl.ts';

const cluster: Cluster = {
  nodes: 2,
  gpusPerNode: 8,
  tensorParallel: 4,
  maxPromptTokens: 4352,
  checkpoints: '/shared/c',
};
const hub: DataPlace = {
  kind: 'hub',
  train: 'MBZUAI/medix-rl-data@train',
  validation: 'MBZUAI/medix-rl-data@test',
  question: 'problem',
  answer: 'solution',
  image: 'image',
};
const files: DataPlace = {
  kind: 'files',
  train: 'data/train.jsonl',
  validation: null,
  images: 'data/images',
  hasImages: true,
};
const names = { reward: 'medix.py', template: 'prompt.jinja' };

const recipe = (name: string, ...overrides: string[]): Promise<TrainConfig> =>
  readConfig(trainConfigSchema, { base: `recipes/medix-r1/${name}.yaml`, overrides });

const easyr1 = (config: TrainConfig) => easyr1Config(config, cluster, hub, names).config;
const verl = (config: TrainConfig) => verlConfig(config, cluster, files, names).config;

const problemsOf = (make: () => unknown): string[] => {
  try {
    make();
  } catch (error) {
    if (error instanceof MedixError) return error.problems.map(({ where }) => where);
    throw error;
  }
  return [];
};

describe('the config of EasyR1', () => {
  it('has the values of the paper’s DAPO script', async () => {
    const config = easyr1(await recipe('8b-dapo'));
    expect(config).toMatchObject({
      data: {
        rollout_batch_size: 512,
        mini_rollout_batch_size: 128,
        max_prompt_length: 4352,
        max_response_length: 4096,
        answer_key: 'solution',
        image_key: 'image',
      },
      algorithm: { adv_estimator: 'grpo', disable_kl: true, online_filtering: true },
      worker: {
        actor: {
          global_batch_size: 128,
          clip_ratio_low: 0.2,
          clip_ratio_high: 0.28,
          clip_ratio_dual: 3,
          loss_type: 'default',
          loss_avg_mode: 'token',
          optim: { lr: 1e-6, betas: [0.9, 0.999], weight_decay: 0.01, lr_warmup_steps: 0 },
        },
        rollout: { n: 5, tensor_parallel_size: 4, max_num_batched_tokens: 8448 },
      },
      trainer: { max_steps: 200, nnodes: 2, val_freq: 5, save_freq: 5, save_limit: 3 },
    });
  });

  it('has the KL loss of the GRPO script and the sequence loss of the GSPO script', async () => {
    expect(easyr1(await recipe('8b-grpo'))).toMatchObject({
      data: { mini_rollout_batch_size: null },
      algorithm: {
        disable_kl: false,
        use_kl_loss: true,
        kl_penalty: 'low_var_kl',
        kl_coef: 0.01,
        online_filtering: false,
      },
      worker: { actor: { clip_ratio_high: 0.3 } },
    });
    expect(easyr1(await recipe('7b-gspo'))).toMatchObject({
      worker: {
        actor: {
          loss_type: 'gspo_token',
          loss_avg_mode: 'seq',
          clip_ratio_low: 3e-4,
          clip_ratio_high: 4e-4,
        },
      },
    });
  });

  it('keeps groups whose rewards differ by the metric of the bridge, or by their mean', async () => {
    const { algorithm } = easyr1(await recipe('8b-dapo')) as Record<string, object>;
    expect(algorithm).toMatchObject({ filter_key: 'varies', filter_low: 0.5, filter_high: 1.5 });
    const byMean = await recipe('8b-dapo', 'algorithm.filter={low: 0.01, high: 0.99}');
    expect(easyr1(byMean)).toMatchObject({
      algorithm: { filter_key: 'overall', filter_low: 0.01, filter_high: 0.99 },
    });
  });

  it('counts warm-up in iterations, and refuses what falls between two', async () => {
    const config = await recipe('8b-dapo', 'optimizer.warmupSteps=8');
    expect(easyr1(config)).toMatchObject({ worker: { actor: { optim: { lr_warmup_steps: 2 } } } });
    const between = await recipe('8b-dapo', 'optimizer.warmupSteps=6');
    expect(problemsOf(() => easyr1(between))).toEqual(['optimizer.warmupSteps']);
  });

  it('trains factors where the config does', async () => {
    const config = await recipe(
      '8b-dapo',
      'engine.lora={rank: 8, alpha: 16, targets: [q_proj, v_proj]}',
    );
    expect(easyr1(config)).toMatchObject({
      worker: {
        actor: {
          model: {
            lora: { rank: 8, alpha: 16, target_modules: 'q_proj,v_proj' },
            freeze_vision_tower: true,
          },
        },
      },
    });
  });

  it('refuses all that EasyR1 cannot do at once, each with its field', async () => {
    const config = await recipe(
      '8b-dapo',
      'model=Qwen/Qwen3-VL-8B-Instruct@abc',
      'rollout.curriculum={}',
      'algorithm.advantage=opo',
      'algorithm.lengthPenalty=0.1',
      'algorithm.loss={kind: dppo-tv, clipLow: 0.2, clipHigh: 0.3, lossAverage: dr-grpo, entropyCoefficient: 0.01}',
      'algorithm.selfDistillation={weight: 0.1}',
      'optimizer.epsilon=1e-6',
      'optimizer.stepsPerIteration=5',
      'validation.samples=4',
      'validation.patience=3',
      'checkpoint.bestIs=lowest',
      'track.tensorboard=true',
    );
    expect(problemsOf(() => easyr1(config)).sort()).toEqual([
      'algorithm.advantage',
      'algorithm.lengthPenalty',
      'algorithm.loss.entropyCoefficient',
      'algorithm.loss.kind',
      'algorithm.loss.lossAverage',
      'algorithm.selfDistillation',
      'checkpoint.bestIs',
      'model',
      'optimizer.epsilon',
      'optimizer.stepsPerIteration',
      'rollout.curriculum',
      'track.tensorboard',
      'validation.patience',
      'validation.samples',
    ]);
  });
});

describe('the config of verl', () => {
  it('has the values of the recipe in words of Hydra', async () => {
    const words = hydraWords(verl(await recipe('8b-dapo')));
    for (const word of [
      'data.train_files=data/train.jsonl',
      'data.train_batch_size=512',
      'algorithm.adv_estimator=grpo',
      'algorithm.filter_groups.enable=true',
      'actor_rollout_ref.actor.ppo_mini_batch_size=128',
      'actor_rollout_ref.actor.clip_ratio_high=0.28',
      'actor_rollout_ref.actor.policy_loss.loss_mode=vanilla',
      'actor_rollout_ref.actor.optim.betas=[0.9,0.999]',
      'actor_rollout_ref.rollout.n=5',
      'reward.custom_reward_function.path=medix.py',
      'trainer.total_training_steps=200',
      'trainer.test_freq=-1',
    ]) {
      expect(words).toContain(word);
    }
  });

  it('knows advantages and losses that EasyR1 does not', async () => {
    const config = await recipe(
      '8b-dapo',
      'algorithm.advantage=dr-grpo',
      'algorithm.loss={kind: dppo-tv, clipLow: 0.2, clipHigh: 0.3, lossAverage: dr-grpo}',
    );
    expect(verl(config)).toMatchObject({
      algorithm: { adv_estimator: 'grpo', norm_adv_by_std_in_grpo: false },
      actor_rollout_ref: {
        actor: { policy_loss: { loss_mode: 'dppo_tv' }, loss_agg_mode: 'seq-mean-token-sum-norm' },
      },
    });
  });

  it('refuses a data set of the hub, whose rows are in no schema of its own', async () => {
    const config = await recipe('8b-dapo');
    expect(problemsOf(() => verlConfig(config, cluster, hub, names))).toEqual(['data.train']);
  });

  it('quotes what Hydra would read as its own grammar', () => {
    expect(hydraWords({ a: { b: "x y'z", c: [1, null] } })).toEqual([
      "a.b='x y\\'z'",
      'a.c=[1,null]',
    ]);
  });
});
