/** The config of `medix sft`: imitation of demonstrations, from a given model or from scratch. */
import { z } from 'zod';
import { engineSection } from './engine-config.ts';
import {
  checkpointSection,
  dataSection,
  optimizerFields,
  outField,
  positiveInteger,
  seedField,
} from './sections.ts';

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
  { error: 'a model folder, or {preset, imageSize, vocabularySize} for a new model' },
);

/** Schema of {@link SftConfig}; its fields carry their own documentation. */
export const sftConfigSchema = z.strictObject({
  model: modelSection.describe(
    'Folder of the model to start from, in Hugging Face layout, or {preset, imageSize, vocabularySize} for a new one',
  ),
  engine: engineSection,
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
  optimizer: z.strictObject(optimizerFields).prefault({}),
  validation: z
    .strictObject({
      every: positiveInteger
        .default(50)
        .describe(
          'Number of optimizer steps between validations, which measure the loss on held-out demonstrations',
        ),
    })
    .prefault({}),
  checkpoint: checkpointSection.prefault({}),
});

/** A checked config with every default filled in. */
export type SftConfig = z.output<typeof sftConfigSchema>;
