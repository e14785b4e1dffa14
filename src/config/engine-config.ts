/** Where the policy lives: which engine samples from it and trains it. */
import { z } from 'zod';
import { moduleField, positiveInteger } from './sections.ts';

/** The linear layers of the decoder, of models with images and without; the image tower stays as it is. */
const decoderLayers =
  'model\\.(language_model\\.)?layers\\..*\\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)';

const loraSection = z.strictObject({
  rank: positiveInteger.default(16).describe('Width of the two factors of each layer'),
  alpha: z
    .number()
    .positive()
    .default(32)
    .describe('What the factors add is multiplied by alpha / rank'),
  rankStabilized: z.boolean().default(false).describe('Multiply by alpha / √rank instead (rsLoRA)'),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      'Probability that a number which goes into the factors is 0, in updates alone: policy and reference answer without',
    ),
  targets: z
    .union(
      [
        z.string().min(1).refine(isExpression, 'a regular expression'),
        z.array(z.string().min(1)).min(1),
      ],
      {
        error: 'a regular expression, or a list of endings of names',
      },
    )
    .default(decoderLayers)
    .describe(
      'Linear layers that get factors: a regular expression for their whole names, or a list of endings like q_proj. The default is all of the decoder and none of the image tower',
    ),
});

const bytesPerUnit = { MiB: 2 ** 20, GiB: 2 ** 30 } as const;
const memoryPattern = /^(\d+(?:\.\d+)?) ?(MiB|GiB)$/;

const localFields = {
  kind: z.literal('local').optional().describe('on this machine, by ONNX Runtime (default)'),
  base: z
    .enum(['auto', 'f32', 'f16', 'int8'])
    .default('auto')
    .describe(
      'How weights that are not trained are kept: "f32", "f16", "int8" (a scale per output), or "auto" by model, memory and processor',
    ),
  device: z
    .enum(['cpu', 'webgpu'])
    .default('cpu')
    .describe(
      'What computes: "cpu", or "webgpu", a graphics card by Vulkan, Direct3D 12 or Metal. Experimental: checked on a card that was simulated in software, never measured on a real one; results may differ in the last digits from run to run',
    ),
  memory: z
    .union([z.literal('auto'), z.string().regex(memoryPattern)], {
      error: '"auto", or a number with MiB or GiB, e.g. "8GiB"',
    })
    .default('auto')
    .describe(
      'Memory that the engine plans with, e.g. "8GiB"; "auto" is three quarters of what this process may use',
    ),
  threads: z
    .union([z.literal('auto'), positiveInteger], { error: '"auto", or a whole number from 1' })
    .default('auto')
    .describe(
      'Threads that compute at most; "auto" is one for each core. With fewer, the engine leaves cores to others and takes longer',
    ),
  cache: z
    .string()
    .min(1)
    .default('~/.cache/medix')
    .describe(
      'Folder for models of the hub, and for 8-bit weights, which are made once for each model',
    ),
};

/** ONNX Runtime multiplies 8-bit integers on the processor alone. */
function refuseIntegersOnCard(
  { base, device }: { readonly base: string; readonly device: string },
  context: z.core.$RefinementCtx,
): void {
  if (device === 'cpu' || base !== 'int8') return;
  context.addIssue({
    code: 'custom',
    path: ['base'],
    message: `"f32", "f16" or "auto" with engine.device=${device}: products of 8-bit integers are computed by the processor alone`,
  });
}

const ownEngine = z.strictObject({
  kind: z.literal('module').describe('an engine of your own'),
  module: moduleField,
});

const tinkerFields = {
  kind: z
    .literal('tinker')
    .describe(
      'on a server that speaks the Tinker protocol, e.g. SkyRL on your own GPUs; its key comes from TINKER_API_KEY',
    ),
  url: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Root of the server, e.g. "http://127.0.0.1:8000"; null takes TINKER_BASE_URL. The tokenizer and the image processor come from the folder or hub name in "model"',
    ),
  baseModel: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'Name of the model on the server; null takes "model", or the only one that it offers',
    ),
  rank: z
    .int()
    .min(0)
    .default(16)
    .describe('Width of the factors of LoRA that the server trains; 0 trains every weight'),
  checkpoint: z
    .string()
    .startsWith('tinker://')
    .nullable()
    .default(null)
    .describe(
      'Weights on the server that the policy starts from, tinker://…; null is the base model',
    ),
  cache: z
    .string()
    .min(1)
    .default('~/.cache/medix')
    .describe('Folder for the small files of models of the hub, and for what the doctor found'),
};

const tinkerEngine = z.strictObject(tinkerFields);

const kinds = { error: 'one of "local", "tinker", "module"' };

/** Schema of {@link EngineConfig} for commands that train; its fields carry their own documentation. */
export const trainingEngineSection = z
  .discriminatedUnion(
    'kind',
    [
      z
        .strictObject({
          ...localFields,
          lora: loraSection
            .nullable()
            .default(null)
            .describe(
              'Train small factors beside frozen weights (LoRA); null trains every weight, in f32',
            ),
        })
        .superRefine(refuseIntegersOnCard)
        .superRefine(({ base, lora }, context) => {
          if (lora !== null || base === 'auto' || base === 'f32') return;
          context.addIssue({
            code: 'custom',
            path: ['base'],
            message: `"f32" or "auto" where every weight is trained; give engine.lora to train factors beside weights in ${base}`,
          });
        }),
      tinkerEngine,
      ownEngine,
    ],
    kinds,
  )
  .transform((engine) =>
    engine.kind === 'module' || engine.kind === 'tinker'
      ? engine
      : { ...engine, kind: 'local' as const },
  )
  .prefault({});

/** Schema of {@link EngineConfig} for commands that only answer. */
export const answeringEngineSection = z
  .discriminatedUnion(
    'kind',
    [z.strictObject(localFields).superRefine(refuseIntegersOnCard), tinkerEngine, ownEngine],
    kinds,
  )
  .transform((engine) =>
    engine.kind === 'module' || engine.kind === 'tinker'
      ? engine
      : { ...engine, kind: 'local' as const },
  )
  .prefault({});

export type EngineConfig =
  | z.output<typeof trainingEngineSection>
  | z.output<typeof answeringEngineSection>;
export type LocalEngineConfig = Extract<EngineConfig, { kind: 'local' }>;
export type TinkerEngineConfig = Extract<EngineConfig, { kind: 'tinker' }>;

/** For commands without a config. */
export const localEngine: EngineConfig = answeringEngineSection.parse({ kind: 'local' });

/** Bytes of a text that {@link localFields} accept; undefined for "auto". */
export function memoryBytes(memory: LocalEngineConfig['memory']): number | undefined {
  const [, amount, unit] = memoryPattern.exec(memory) ?? [];
  if (amount === undefined) return undefined;
  return Number(amount) * bytesPerUnit[unit as keyof typeof bytesPerUnit];
}

function isExpression(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
