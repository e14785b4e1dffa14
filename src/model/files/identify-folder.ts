/** What kind of model, or of something else, a folder holds, by the names and the beginnings of its files. */
import { join } from 'node:path';
import { z } from 'zod';
import { entriesOf, foundAt } from '../../core/files.ts';
import { readStart } from './read-start.ts';

export type Identity =
  /** A folder with what a checkpoint in Hugging Face layout begins with; it may still be of another family. */
  | { readonly kind: 'model-folder' }
  | { readonly kind: 'gguf' }
  /** An adapter of `peft`, of whatever kind. */
  | { readonly kind: 'adapter'; readonly what: string }
  | { readonly kind: 'other'; readonly what: string; readonly next: string };

/** What is computed here. */
export const layout =
  'the folder of a checkpoint in Hugging Face layout (config.json, *.safetensors, …)';
export const give = `give ${layout}`;

export function other(what: string, next: string): Identity {
  return { kind: 'other', what, next };
}

type Has = (name: string | RegExp) => boolean;

/** What a folder's names tell, the most telling first. */
const signs: readonly (readonly [
  sign: (has: Has) => boolean,
  identity: (path: string, has: Has) => Identity | Promise<Identity>,
])[] = [
  [(has) => has('model_index.json'), () => other('a diffusers pipeline, which makes images', give)],
  [
    (has) => has('config_sentence_transformers.json') || has('modules.json'),
    () =>
      other(
        'a sentence encoder, which gives vectors and writes no text',
        `${give}; an encoder can be an embedder (embedder.kind=onnx)`,
      ),
  ],
  [(has) => has('adapter_config.json') && !hasWeights(has), adapter],
  [(has) => has('config.json'), checkpoint],
  [
    (has) => has('open_clip_config.json'),
    () => other('an OpenCLIP model, which gives vectors and writes no text', give),
  ],
  [(has) => has(/\.gguf$/i), ggufFolder],
  [(has) => has('manifest.json') && has('attempts'), runDirectory],
  [
    (has) => has('checkpoint.json') || has('engine.json'),
    () =>
      other(
        'a checkpoint of a run, without tokenizer and config',
        'let the run end (medix train --resume), then give the folder model of its directory',
      ),
  ],
  [
    (has) => has('manifest.json') && has('responses'),
    () => other('the results of an evaluation', give),
  ],
  [(has) => has('snapshots') && has('refs'), hubCache],
  [
    (has) => has(/\.distcp$|^model_world_size_|^mp_rank_|^global_step|^latest_checkpointed_iter/),
    () =>
      other(
        'a training checkpoint in shards (FSDP, DeepSpeed or Megatron)',
        'merge it into Hugging Face layout with the tools of the trainer that wrote it (verl and EasyR1: model_merger)',
      ),
  ],
  [
    (has) => has('params.json') || has(/^consolidated.*\.pth$/),
    () => other('a checkpoint in the layout of its makers', `convert it, and ${give}`),
  ],
  [(has) => has(/\.onnx$/) || has('onnx'), () => other('a model exported to ONNX', give)],
  [
    (has) => has(/\.(safetensors|bin|pt|pth|ckpt)$/),
    () =>
      other(
        'weights without their config.json',
        'add config.json and the tokenizer files of the same checkpoint',
      ),
  ],
];

/** Of a whole model; trainers lay copies of its config.json beside adapters. */
function hasWeights(has: Has): boolean {
  if (!has('config.json')) return false;
  return has(/^model.*\.safetensors/) || !has(/^adapter_model\./);
}

export async function identifyFolder(path: string): Promise<Identity> {
  const entries = await entriesOf(path);
  const names = entries.map(({ name }) => name);
  const found = await identifyNames(path, names);
  if (found) return found;
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const inside = await firstModelIn(path, folders);
  if (inside !== undefined) {
    return other(`a folder without config.json, but with a model in ${inside}`, `give ${inside}`);
  }
  return other(names.length === 0 ? 'an empty folder' : 'a folder without config.json', give);
}

/**
 * The same by names alone, of which few need to be there: the small files whose content tells more.
 * @returns undefined where the names tell nothing
 */
export async function identifyNames(
  path: string,
  names: readonly string[],
): Promise<Identity | undefined> {
  const has: Has = (name) =>
    names.some((one) => (typeof name === 'string' ? one === name : name.test(one)));
  return signs.find(([sign]) => sign(has))?.[1](path, has);
}

const adapterSchema = z.object({
  base_model_name_or_path: z.string().nullish(),
  peft_type: z.string().nullish(),
  model: z.string().nullish(),
});

async function adapter(path: string, has: Has): Promise<Identity> {
  const parsed = adapterSchema.safeParse(await readJson(join(path, 'adapter_config.json')));
  const { base_model_name_or_path, model, peft_type } = parsed.data ?? {};
  const base = base_model_name_or_path ?? model ?? 'its base model';
  if (has('adapters.safetensors') || has('adapters.npz')) {
    return other(
      `an adapter of MLX for ${base}, not a whole model`,
      'fuse it with its base model (mlx_lm.fuse or mlx_vlm, with dequantised weights), convert the result to Hugging Face layout and give that folder',
    );
  }
  const kind =
    (peft_type ?? 'LoRA').toUpperCase() === 'LORA' ? 'a LoRA adapter' : `an adapter (${peft_type})`;
  return { kind: 'adapter', what: `${kind} for ${base}, not a whole model` };
}

const checkpointSchema = z.looseObject({
  quantization: z.looseObject({ bits: z.number().optional() }).nullish(),
  quantization_config: z.looseObject({ quant_method: z.string().optional() }).nullish(),
});

async function checkpoint(path: string, has: Has): Promise<Identity> {
  const { quantization, quantization_config: quantised } =
    checkpointSchema.safeParse(await readJson(join(path, 'config.json'))).data ?? {};
  const isMlx = quantization || (await safetensorsFormat(path)) === 'mlx';
  if (isMlx) {
    const bits = quantization?.bits === undefined ? '' : `, quantised to ${quantization.bits} bits`;
    return other(
      `a model converted for MLX${bits}, whose tensors have other names and orders`,
      `give the folder of the checkpoint that it was converted from, in Hugging Face layout`,
    );
  }
  if (quantised) {
    const method = quantised.quant_method ?? 'an unknown method';
    return other(
      `a model whose weights are quantised (${method})`,
      'give the folder of the checkpoint that it was made from, with weights in float32, float16 or bfloat16',
    );
  }
  const weights = join(path, 'model.safetensors');
  if (
    has('model.safetensors') &&
    (await readStart(weights)).startsWith('version https://git-lfs')
  ) {
    return other(
      'a folder whose model.safetensors is a pointer of Git LFS',
      'fetch it with git lfs pull',
    );
  }
  if (has('model.safetensors') || has('model.safetensors.index.json'))
    return { kind: 'model-folder' };
  if (has(/^(pytorch_model|model).*\.(bin|pt|pth)$/) || has(/\.(h5|msgpack)$/)) {
    return other(
      'a model whose weights are not in safetensors',
      'load it with transformers and save it again (save_pretrained), then give that folder',
    );
  }
  if (has(/\.gguf$/i)) return ggufFolder();
  return { kind: 'model-folder' };
}

function ggufFolder(): Identity {
  return other(
    'a folder with GGUF weights (for llama.cpp)',
    `${give}; a GGUF file can be a judge (judge.kind=gguf), or be served by llama.cpp and evaluated with model.kind=openai`,
  );
}

function runDirectory(path: string, has: Has): Identity {
  return has('model')
    ? other('the directory of a run', `give the model in it: ${join(path, 'model')}`)
    : other(
        'the directory of a run that has no model yet',
        'let the run end (medix train --resume), then give its folder model',
      );
}

async function hubCache(path: string): Promise<Identity> {
  const snapshots = await entriesOf(join(path, 'snapshots')).catch(() => []);
  const first = snapshots
    .map(({ name }) => name)
    .toSorted()
    .at(-1);
  return other(
    'a model in the cache of the Hugging Face hub',
    first === undefined ? give : `give a snapshot in it: ${join(path, 'snapshots', first)}`,
  );
}

/** Folders looked into for one that holds a model. */
const most = 50;

async function firstModelIn(path: string, folders: readonly string[]): Promise<string | undefined> {
  for (const name of folders.toSorted().slice(0, most)) {
    const inside = join(path, name);
    const found = await foundAt(join(inside, 'config.json')).catch(() => 'missing');
    if (found === 'file') return inside;
  }
  return undefined;
}

/** The `format` that a safetensors file names, e.g. `pt` or `mlx`. */
async function safetensorsFormat(folder: string): Promise<string | undefined> {
  const names = (await entriesOf(folder)).map(({ name }) => name);
  const first = names.filter((name) => name.endsWith('.safetensors')).toSorted()[0];
  if (first === undefined) return undefined;
  const header = await readStart(join(folder, first), 1024);
  return /"__metadata__":\s*\{[^}]*"format":\s*"(\w+)"/.exec(header)?.[1];
}

/** Far longer than any of these files. */
const longestJson = 1 << 20;

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readStart(path, longestJson));
  } catch {
    return undefined;
  }
}
