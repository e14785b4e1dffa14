/**
 * What an adapter's folder says of it: `adapter_config.json` of `peft` (LoRA), the names in its weights, and
 * `medix.json`, for what `peft` has no field for. Knows nothing of the weights themselves.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { fail, MedixError, type Problem } from '../../core/errors.ts';
import { foundAt } from '../../core/files.ts';
import { parseModelFile, readFiles } from './model-files.ts';
import { openSafetensors } from './safetensors.ts';

export const adapterFiles = {
  config: 'adapter_config.json',
  weights: 'adapter_model.safetensors',
  facts: 'medix.json',
} as const;

export type AdapterConfig = {
  readonly folder: string;
  /** Its base, as the file names it: a folder or an id of the hub. */
  readonly base: string;
  readonly rank: number;
  readonly alpha: number;
  readonly rankStabilized: boolean;
  /** With which it was trained. */
  readonly dropout: number;
  /** Names of the layers that it has factors for, without `.weight`. */
  readonly layers: readonly string[];
  /** Whether its file has the older ones of weight-names.ts. @default false */
  readonly hasOlderNames?: boolean;
  /** The base that it was trained on, where MediX wrote it. */
  readonly trainedOn: AdapterFacts['base'] | undefined;
};

const configSchema = z.looseObject({
  peft_type: z.string(),
  base_model_name_or_path: z.string().min(1),
  r: z.int().positive().default(8),
  lora_alpha: z.number().positive().default(8),
  use_rslora: z.boolean().nullish(),
  lora_dropout: z.number().min(0).lt(1).default(0),
});

const factsSchema = z.object({
  /** How the weights were kept while the adapter was trained, and which they were. */
  base: z.object({ digest: z.string(), format: z.string() }),
});
export type AdapterFacts = z.infer<typeof factsSchema>;

/** Whatever they say, the adapter computes the same once its factors are there. */
const withoutEffect = new Set([
  ...['peft_type', 'peft_version', 'auto_mapping', 'task_type', 'inference_mode', 'revision'],
  ...['base_model_name_or_path', 'r', 'lora_alpha', 'lora_dropout', 'use_rslora'],
  // Which layers are adapted is told by the names of the factors.
  ...['target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern'],
  ...['megatron_config', 'megatron_core', 'qalora_group_size', 'runtime_config'],
  ...['loftq_config', 'eva_config', 'corda_config', 'lora_ga_config', 'ensure_weight_tying'],
]);

/** Ways to begin that leave the base's weights as they are; others subtract from them what they begin with. */
const keepsBase = new Set<unknown>([undefined, null, true, false, 'gaussian', 'eva', 'orthogonal']);

/** What is written beside {@link AdapterConfig}'s own fields: `peft`'s defaults. */
const defaults = {
  auto_mapping: null,
  bias: 'none',
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  modules_to_save: null,
  peft_type: 'LORA',
  revision: null,
  task_type: 'CAUSAL_LM',
} as const;

/** @throws MedixError 'model' where a file is no such adapter's, or asks for what is not computed here */
export async function readAdapterConfig(folder: string): Promise<AdapterConfig> {
  const { config: name, facts: factsName } = adapterFiles;
  const files = await readFiles(folder, [name, factsName]);
  const where = join(folder, name);
  const config = parseModelFile(files, name, configSchema, where);
  requireKnown(config, where);
  return {
    folder,
    base: config.base_model_name_or_path,
    rank: config.r,
    alpha: config.lora_alpha,
    rankStabilized: config.use_rslora ?? false,
    dropout: config.lora_dropout,
    layers: await layersOf(folder),
    trainedOn:
      factsName in files
        ? parseModelFile(files, factsName, factsSchema, join(folder, factsName)).base
        : undefined,
  };
}

/** The content of `adapter_config.json`. @param targets as `peft` reads them */
export function writeAdapterConfig(
  {
    base,
    rank,
    alpha,
    rankStabilized,
    dropout,
  }: Pick<AdapterConfig, 'base' | 'rank' | 'alpha' | 'rankStabilized' | 'dropout'>,
  targets: readonly string[],
): Readonly<Record<string, unknown>> {
  const own = {
    base_model_name_or_path: base,
    r: rank,
    lora_alpha: alpha,
    use_rslora: rankStabilized,
    lora_dropout: dropout,
    target_modules: targets,
  };
  const entries = Object.entries({ ...defaults, ...own });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const factorName = /^base_model\.model\.(.+)\.lora_[AB]\.weight$/;

async function layersOf(folder: string): Promise<readonly string[]> {
  const path = join(folder, adapterFiles.weights);
  if ((await foundAt(path)) !== 'file') {
    fail('model', {
      where: folder,
      expected: `the adapter's weights in ${adapterFiles.weights}`,
      got: 'no such file',
      next: 'save the adapter again with peft (save_pretrained, safe_serialization=True)',
    });
  }
  const store = await openSafetensors(path);
  await store.close();
  const names = [...store.tensors.keys()];
  const layers = names.map((name) => factorName.exec(name)?.[1]);
  const stray = names[layers.indexOf(undefined)];
  if (stray !== undefined || names.length === 0) {
    fail('model', {
      where: path,
      expected: 'factors lora_A and lora_B of linear layers and nothing else',
      got: stray ?? 'no tensors',
      next: 'use a plain LoRA adapter, or merge this one into its base with peft and give the result',
    });
  }
  return [...new Set(layers.filter((layer) => layer !== undefined))];
}

function requireKnown(config: z.infer<typeof configSchema>, where: string): void {
  if (config.peft_type !== 'LORA') {
    fail('model', {
      where: `${where}: peft_type`,
      expected: '"LORA"',
      got: JSON.stringify(config.peft_type),
      next: 'use a LoRA adapter, or merge this one into its base with peft and give the result',
    });
  }
  const problems = Object.entries(config)
    .map(([name, value]) => problemOf(name, value))
    .filter((problem) => problem !== undefined);
  if (problems.length === 0) return;
  throw new MedixError(
    'model',
    problems.map((problem) => ({ ...problem, where: `${where}: ${problem.where}` })),
  );
}

function problemOf(name: string, value: unknown): Problem | undefined {
  if (withoutEffect.has(name)) return undefined;
  const got = JSON.stringify(value);
  if (name === 'init_lora_weights') {
    if (keepsBase.has(value)) return undefined;
    return {
      where: name,
      expected: 'an adapter that leaves the weights of its base as they are',
      got: `${got}, which begins by changing them`,
      next: 'save it with path_initial_model_for_weight_conversion of peft, which makes it a plain one',
    };
  }
  if (name === 'bias' ? value === 'none' : isNothing(value)) return undefined;
  return {
    where: name,
    expected:
      'a plain LoRA adapter: one rank and alpha for all layers, two factors each and nothing else',
    got,
    next: 'merge the adapter into its base with peft (merge_and_unload, save_pretrained) and give the result',
  };
}

function isNothing(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
