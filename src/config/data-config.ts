/** Which data a run is made with: where they are, how their columns are named, and how they are mixed. */
import { z } from 'zod';
import { columnsSection, type SampleColumns } from './columns-config.ts';
import { positiveInteger } from './sections.ts';

/** Whether a data location names synthetic studies rather than files. */
export function isPhantoms(place: string): boolean {
  return place === 'phantoms' || place === 'phantoms@readings';
}

const location = z.string().min(1);

const weightedSource = z.strictObject({
  from: location,
  /** In relation to the other weights, which need not add up to anything. */
  weight: z.number().positive().default(1),
  /** Null: as `data.columns` says. */
  columns: columnsSection.nullable().default(null),
});

/** A data set that rows are drawn from, more or less often than from others. */
export type DataSource = {
  readonly from: string;
  readonly weight: number;
  readonly columns: SampleColumns;
};

/** The data sets of a split; none where there is no validation. */
export function sourcesOf(
  data: {
    readonly train: string | readonly z.output<typeof weightedSource>[];
    readonly validation: string | null;
    readonly columns: SampleColumns;
  },
  split: 'train' | 'validation',
): readonly DataSource[] {
  const given = data[split];
  if (given === null) return [];
  const listed = typeof given === 'string' ? [{ from: given, weight: 1, columns: null }] : given;
  return listed.map(({ from, weight, columns }) => {
    return { from, weight, columns: columns ?? data.columns };
  });
}

export const dataSection = z
  .strictObject({
    train: z
      .union([location, z.array(weightedSource).min(1)], {
        error: 'a location, or a list of {from, weight}',
      })
      .describe(
        'Training set, or a list of {from, weight, columns} whose rows are mixed by weight: a file of rows (parquet, JSONL, JSON, CSV or TSV), a folder, path@split, owner/name@split or owner/name@split#revision on the Hugging Face hub, "phantoms" (synthetic studies), or "phantoms@readings" (synthetic studies whose demonstrations teach to read images)',
      ),
    validation: location
      .nullable()
      .default(null)
      .describe(
        'Held-out set: one location as in data.train, with data.columns; null turns validation off',
      ),
    trainCount: positiveInteger
      .nullable()
      .default(null)
      .describe(
        'Use at most this many training rows, of each set where several are mixed; null takes all; phantoms need a number',
      ),
    validationCount: positiveInteger
      .nullable()
      .default(null)
      .describe('Use at most this many validation rows; null takes all; phantoms need a number'),
    columns: columnsSection.prefault({}),
    imageRoot: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Folder of the images that rows name by path, and the only one they may name files of; null: the folder of the file of rows',
      ),
    cache: z
      .string()
      .min(1)
      .default('~/.cache/medix')
      .describe('Folder where data sets of the Hugging Face hub are kept once they are downloaded'),
    textOnly: z
      .boolean()
      .default(false)
      .describe(
        'Whether the questions have no images: true trains without images, rejects rows that have some and takes solutions without a modality tag; false refuses a set without a single image',
      ),
    seed: z.int().nonnegative().default(1).describe('Seed that decides which phantoms are drawn'),
    template: z
      .string()
      .min(1)
      .default('medix-r1')
      .describe(
        'Prompt template: "medix-r1", "brief", "question" (nothing but the question), or the path of a Jinja file',
      ),
  })
  .superRefine((data, context) => {
    for (const split of ['train', 'validation'] as const) {
      const needsCount = sourcesOf(data, split).some(({ from }) => isPhantoms(from));
      if (needsCount && data[`${split}Count`] === null) {
        context.addIssue({
          code: 'custom',
          path: [`${split}Count`],
          message: 'a whole number, since any number of phantoms can be drawn',
        });
      }
    }
  });
