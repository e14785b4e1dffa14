/** The config of `medix sft`: imitation of demonstrations, from a given model or from scratch. */
import { z } from 'zod';
import { dataSection } from './data-config.ts';
import { trainingEngineSection } from './engine-config.ts';
import {
  checkpointSection,
  optimizerFields,
  outField,
  patienceField,
  positiveInteger,
  seedField,
} from './sections.ts';
import { trackSection } from './track-config.ts';

const modelSection = z.union(
  [
    z.string().min(1),
    z.strictObject({
      preset: z
        .enum(['mini'])
        .describe(
          'A new model with random weights; mini: 1.6M parameters, image patches of 8 by 8 pixels',
        ),
      imageSize: z
        .int()
        .multipleOf(16)
        .min(16)
        .max(512)
        .default(64)
        .describe(
          'Images are resized to the area of a square of this side, in pixels; four patches make one image token',
        ),
      vocabularySize: z
        .int()
        .min(300)
        .default(1024)
        .describe("Vocabulary size of its tokenizer, which is trained on the data set's texts"),
    }),
  ],
  {
    error:
      'a model folder, owner/name of the hub, or {preset, imageSize, vocabularySize} for a new model',
  },
);

/**
 * Rates at which imitation learns, by what it starts from. After 100 steps on 16 phantoms each, a new model's
 * held-out loss per token is 0.79 at 1e-3, 0.95 at 3e-3, 1.67 at 3e-4 and 6.30, as at the start, at 1e-6. An
 * existing model loses what it knows at such a rate (after 50 steps assets/start-model is at 0.25 with 1e-3,
 * at 0.17 with 1e-4, 0.19 with 1e-5), and the larger it is, the smaller the rate that it bears: LLaVA (arXiv
 * 2304.08485) is tuned at 2e-5.
 */
const learningRates = { newModel: 1e-3, existingModel: 1e-5 } as const;

const fields = z.strictObject({
  model: modelSection.describe(
    'Model to start from: a folder in Hugging Face layout, owner/name[@revision] of the hub, or {preset, imageSize, vocabularySize} for a new one',
  ),
  engine: trainingEngineSection,
  out: outField('runs/sft'),
  seed: seedField,
  iterations: positiveInteger.default(100).describe('Number of optimizer steps'),
  data: dataSection,
  demonstrations: z
    .enum(['given', 'from-solutions'])
    .default('given')
    .describe(
      '"given" takes the data set\'s column "demonstration"; "from-solutions" writes demonstrations from modality tag and answer, with a thinking part that names only the modality',
    ),
  batchSize: positiveInteger.default(32).describe('Number of demonstrations in one optimizer step'),
  optimizer: z
    .strictObject({
      ...optimizerFields,
      learningRate: z
        .number()
        .positive()
        .nullable()
        .default(null)
        .describe(
          `Peak learning rate of AdamW; null takes ${learningRates.newModel} for a new model and ${learningRates.existingModel.toExponential()} for an existing one`,
        ),
    })
    .prefault({}),
  validation: z
    .strictObject({
      every: positiveInteger
        .default(50)
        .describe(
          'Number of optimizer steps between validations, which measure the loss on held-out demonstrations',
        ),
      patience: patienceField('a lower loss'),
    })
    .prefault({}),
  checkpoint: checkpointSection.prefault({}),
  track: trackSection.prefault({}),
});

/** Schema of {@link SftConfig}; its fields carry their own documentation. */
export const sftConfigSchema = fields
  .superRefine(requireLastingBase)
  .superRefine(requireValidationSet)
  .transform((config) => {
    const { newModel, existingModel } = learningRates;
    const preset = typeof config.model === 'string' ? existingModel : newModel;
    const learningRate = config.optimizer.learningRate ?? preset;
    return { ...config, optimizer: { ...config.optimizer, learningRate } };
  });

/** Random weights are worth keeping only where they are trained, and an adapter holds its factors alone. */
function requireLastingBase(
  { model, engine }: z.output<typeof fields>,
  context: z.RefinementCtx,
): void {
  if (typeof model === 'string' || engine.kind !== 'local' || engine.lora === null) return;
  context.addIssue({
    code: 'custom',
    path: ['engine', 'lora'],
    message: 'null where the model is a new one, whose weights an adapter does not hold',
  });
}

function requireValidationSet(
  { data, validation }: z.output<typeof fields>,
  context: z.RefinementCtx,
): void {
  if (data.validation !== null || validation.patience === null) return;
  context.addIssue({
    code: 'custom',
    path: ['validation', 'patience'],
    message: 'null, since there is no held-out set (data.validation)',
  });
}

/** A checked config with every default filled in. */
export type SftConfig = z.output<typeof sftConfigSchema>;
