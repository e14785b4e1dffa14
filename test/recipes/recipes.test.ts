/** Configs that come with MediX say what their command takes, and what belongs together. No model and no data is opened. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { publishedModel } from '../../src/cli/train/check/published-models.ts';
import { evalConfigSchema } from '../../src/config/eval-config.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { sftConfigSchema } from '../../src/config/sft-config.ts';
import { trainConfigSchema } from '../../src/config/train-config.ts';
import { openTemplate } from '../../src/data/prompt-template.ts';
import { planNetwork } from '../../src/engine/local/plan-network.ts';
import { openRewardProfile } from '../../src/reward/profile.ts';
import { requireComparableParts } from '../../src/train/advantages.ts';
import { resolveAlgorithm } from '../../src/train/algorithm.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const recipes = readdirSync(join(root, 'recipes'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => relative(root, join(root, 'recipes', name)));

const machine = {
  memoryBytes: 2 ** 40,
  cores: 8,
  multipliesIntegers: async () => true,
};

const read = (recipe: string) =>
  readConfig(trainConfigSchema, { base: join(root, recipe), overrides: [] });

/** Recipes of benchmarks leave the model to the user. */
const evaluated = ['model={kind: local, path: m}', 'out=o', 'judging.name=j'];

const profiles = recipes.filter((name) => name.includes('/profiles/'));
const trained = recipes.filter(
  (name) =>
    !(
      name.startsWith('recipes/benchmarks/') ||
      name.endsWith('sft.yaml') ||
      profiles.includes(name)
    ),
);

it('there are recipes of all kinds', () => {
  expect(trained.length).toBeGreaterThan(6);
  expect(recipes.filter((name) => name.endsWith('sft.yaml'))).not.toEqual([]);
  expect(profiles).not.toEqual([]);
});

it.each(trained)('%s is a config of medix train', async (recipe) => {
  const config = await read(recipe);
  await openTemplate(config.data.template);
  const profile = await openRewardProfile(config.reward.profile);
  const { maxCompletionTokens } = config.rollout;
  requireComparableParts(profile, resolveAlgorithm(config.algorithm, maxCompletionTokens));
});

it.each(profiles)('%s is a reward profile', async (recipe) => {
  await openRewardProfile(join(root, recipe));
});

it.each(recipes.filter((name) => name.endsWith('sft.yaml')))(
  '%s is a config of medix sft',
  async (recipe) => {
    await readConfig(sftConfigSchema, { base: join(root, recipe), overrides: [] });
  },
);

it.each(recipes.filter((name) => name.startsWith('recipes/benchmarks/')))(
  '%s is a config of medix eval',
  async (recipe) => {
    await readConfig(evalConfigSchema, { base: join(root, recipe), overrides: evaluated });
  },
);

describe('the five runs of the paper', () => {
  const common = {
    seed: 1,
    iterations: 200,
    data: { train: 'MBZUAI/medix-rl-data@train', validation: 'MBZUAI/medix-rl-data@test' },
    rollout: { promptsPerIteration: 512, groupSize: 5, maxCompletionTokens: 4096 },
    optimizer: {
      learningRate: 1e-6,
      beta1: 0.9,
      beta2: 0.999,
      weightDecay: 0.01,
      maxGradNorm: 1,
      schedule: 'constant',
      warmupSteps: 0,
      stepsPerIteration: 4,
    },
    validation: { every: 5, beforeTraining: true },
    checkpoint: { every: 5, keepLast: 3 },
  };
  const clip = { kind: 'clip', clipLow: 0.2, clipDual: 3, lossAverage: 'token' };
  const dapo = { filter: 'variance', loss: { ...clip, clipHigh: 0.28, klCoefficient: 0 } };
  const grpo = {
    filter: 'none',
    loss: { ...clip, clipHigh: 0.3, klCoefficient: 0.01, klEstimator: 'k3' },
  };
  const gspo = {
    filter: 'none',
    loss: {
      kind: 'gspo',
      clipLow: 3e-4,
      clipHigh: 4e-4,
      clipDual: 3,
      lossAverage: 'sequence',
      klCoefficient: 0,
    },
  };
  it.each([
    ['2b-dapo', 'Qwen/Qwen3-VL-2B-Instruct', dapo],
    ['8b-dapo', 'Qwen/Qwen3-VL-8B-Instruct', dapo],
    ['30b-dapo', 'Qwen/Qwen3-VL-30B-A3B-Instruct', dapo],
    ['8b-grpo', 'Qwen/Qwen3-VL-8B-Instruct', grpo],
    ['7b-gspo', 'Qwen/Qwen2.5-VL-7B-Instruct', gspo],
  ])('%s has the values of its script', async (name, model, algorithm) => {
    const config = await read(`recipes/medix-r1/${name}.yaml`);
    expect(config).toMatchObject({ ...common, model, out: `runs/medix-r1/${name}` });
    const { maxCompletionTokens } = config.rollout;
    const resolved = resolveAlgorithm(config.algorithm, maxCompletionTokens);
    expect(resolved).toMatchObject({ advantage: 'grpo', maxSampleRounds: 20, ...algorithm });
  });

  it.each([
    ['2b-dapo', '44GiB', '8GiB'],
    ['8b-dapo', '172GiB', '18GiB'],
    ['8b-grpo', '172GiB', '18GiB'],
    ['7b-gspo', '172GiB', '18GiB'],
  ])(
    '%s fits into the memory that its README names, whole in %s and as LoRA in %s',
    async (name, whole, adapted) => {
      const plan = async (...overrides: readonly string[]) => {
        const base = join(root, `recipes/medix-r1/${name}.yaml`);
        const { engine, model } = await readConfig(trainConfigSchema, { base, overrides });
        const published = publishedModel(model);
        if (engine.kind !== 'local' || published === undefined) throw new Error('a known model');
        return planNetwork(engine, published, { kind: 'train', seed: 1 }, machine);
      };
      expect((await plan(`engine.memory=${whole}`)).network.kind).toBe('whole');
      await expect(plan('engine.memory=40GiB')).rejects.toThrow('give engine.lora={}');
      const lora = await plan(`engine.memory=${adapted}`, 'engine.lora={rank: 16}');
      expect(lora.network).toMatchObject({ kind: 'layered', base: 'int8' });
    },
  );

  it('30b-dapo is refused before anything is downloaded, with the way out', () => {
    expect(() => publishedModel('Qwen/Qwen3-VL-30B-A3B-Instruct')).toThrow(
      /mixture-of-experts.*engine\.kind=module/,
    );
  });
});
