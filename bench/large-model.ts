/** Models of the shapes of Qwen3-VL-2B, 4B and 8B with random weights, as bfloat16 shards. */
import { cp, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rngFromKey } from '../src/core/rng.ts';
import { parseModelConfig } from '../src/model/config.ts';
import { float32ToBfloat16 } from '../src/model/files/half-floats.ts';
import { type ParameterSpec, parameterSpecs } from '../src/model/parameters.ts';

const decoder = { head_dim: 128, vocab_size: 151_936, num_key_value_heads: 8 };
const tower = {
  depth: 24,
  hidden_size: 1024,
  intermediate_size: 4096,
  num_heads: 16,
  num_position_embeddings: 2304,
  deepstack_visual_indexes: [5, 11, 17],
};

const shapes = {
  '2b': {
    isTied: true,
    text: {
      ...decoder,
      hidden_size: 2048,
      intermediate_size: 6144,
      num_hidden_layers: 28,
      num_attention_heads: 16,
    },
    vision: { ...tower, out_hidden_size: 2048 },
  },
  '4b': {
    isTied: true,
    text: {
      ...decoder,
      hidden_size: 2560,
      intermediate_size: 9728,
      num_hidden_layers: 36,
      num_attention_heads: 32,
    },
    vision: { ...tower, out_hidden_size: 2560 },
  },
  '8b': {
    isTied: false,
    text: {
      ...decoder,
      hidden_size: 4096,
      intermediate_size: 12_288,
      num_hidden_layers: 36,
      num_attention_heads: 32,
    },
    vision: {
      ...tower,
      depth: 27,
      hidden_size: 1152,
      intermediate_size: 4304,
      out_hidden_size: 4096,
      deepstack_visual_indexes: [8, 16, 24],
    },
  },
} as const;

export type LargeModel = keyof typeof shapes;

export const largeModels = Object.keys(shapes) as readonly LargeModel[];

/** Its tokenizer and processor are those of the tests: it says nothing, but costs what the real one costs. */
const files = 'test/fixtures/qwen3-vl-tiny/model';
const shardBytes = 5e9;
/** Random numbers are drawn once and repeated: a matrix of them is as good as one without repetition. */
const drawn = 1 << 24;

export async function makeLargeModel(directory: string, size: LargeModel): Promise<void> {
  const { text, vision, isTied } = shapes[size];
  await cp(files, directory, {
    recursive: true,
    filter: (path) => !path.endsWith('.safetensors'),
  });
  const config = JSON.parse(await readFile(join(files, 'config.json'), 'utf8'));
  config.tie_word_embeddings = isTied;
  Object.assign(config.text_config, text, {
    tie_word_embeddings: isTied,
    max_position_embeddings: 32_768,
  });
  const rope = 'rope_parameters' in config.text_config ? 'rope_parameters' : 'rope_scaling';
  Object.assign(config.text_config[rope], { mrope_section: [24, 20, 20], rope_theta: 5e6 });
  Object.assign(config.vision_config, vision);
  const written = JSON.stringify(config, null, 2);
  await writeFile(join(directory, 'config.json'), written);
  const specs = parameterSpecs(parseModelConfig({ 'config.json': written }, directory));
  const shards = shardsOf(specs);
  const nameOf = (shard: number) =>
    `model-${shard + 1}-of-${shards.length}.safetensors`.replaceAll(/\d+/g, (digits) =>
      digits.padStart(5, '0'),
    );
  const weightMap: Record<string, string> = {};
  const noise = noiseOf();
  for (const [shard, list] of shards.entries()) {
    for (const { name } of list) weightMap[name] = nameOf(shard);
    await writeShard(join(directory, nameOf(shard)), list, noise);
  }
  await writeFile(
    join(directory, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: weightMap }),
  );
}

function bytesOf({ shape }: ParameterSpec): number {
  return 2 * shape.reduce((product, dim) => product * dim, 1);
}

function shardsOf(specs: readonly ParameterSpec[]): ParameterSpec[][] {
  const shards: ParameterSpec[][] = [[]];
  let size = 0;
  for (const spec of specs) {
    if (size > 0 && size + bytesOf(spec) > shardBytes) {
      shards.push([]);
      size = 0;
    }
    shards.at(-1)!.push(spec);
    size += bytesOf(spec);
  }
  return shards;
}

/** Bytes of normal numbers with a deviation. */
function noiseOf(): (deviation: number) => Uint8Array {
  const rng = rngFromKey('bench weights');
  const normal = Float32Array.from({ length: drawn }, () => rng.normal());
  const known = new Map<number, Uint8Array>();
  return (deviation) => {
    const bytes =
      known.get(deviation) ??
      new Uint8Array(float32ToBfloat16(normal.map((value) => value * deviation)).buffer);
    known.set(deviation, bytes);
    return bytes;
  };
}

async function writeShard(
  path: string,
  specs: readonly ParameterSpec[],
  noise: (deviation: number) => Uint8Array,
): Promise<void> {
  const header: Record<string, object> = {};
  let end = 0;
  for (const spec of specs) {
    const start = end;
    end += bytesOf(spec);
    header[spec.name] = { dtype: 'BF16', shape: spec.shape, data_offsets: [start, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(text, 8);
  const file = await open(path, 'w');
  try {
    await file.write(head);
    for (const [place, spec] of specs.entries()) {
      const bytes = bytesOf(spec);
      if ('constant' in spec.initial) {
        const values = new Float32Array(bytes / 2).fill(spec.initial.constant);
        await file.write(new Uint8Array(float32ToBfloat16(values).buffer));
        continue;
      }
      const source = noise(spec.initial.deviation);
      let from = (place * 2 * 102_947) % source.length;
      for (let left = bytes; left > 0; ) {
        const length = Math.min(left, source.length - from);
        await file.write(source, from, length);
        left -= length;
        from = 0;
      }
    }
  } finally {
    await file.close();
  }
}
