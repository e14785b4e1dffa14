import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { fail } from '../core/errors.ts';
import type { Sample } from '../core/sample.ts';
import { writeAside } from '../core/write-aside.ts';
import { formatOf } from './data-file.ts';

/**
 * Writes samples as parquet or JSONL, by the path's extension, in the schema that `readSamples` reads.
 * The file appears whole or not at all. Parquet is put together in memory.
 *
 * @throws MedixError for another extension
 */
export async function writeSamples(path: string, samples: Iterable<Sample>): Promise<void> {
  const format = formatOf(path);
  if (format !== 'parquet' && format !== 'jsonl') {
    return fail('data', {
      where: path,
      expected: 'a name that ends in .parquet or .jsonl',
      got: 'another one',
      next: 'choose one of the two formats',
    });
  }
  await writeAside(path, async (append) => {
    for (const chunk of encoders[format](samples)) await append(chunk);
  });
}

const encoders: Readonly<
  Record<'parquet' | 'jsonl', (samples: Iterable<Sample>) => Iterable<string | Uint8Array>>
> = { parquet: (samples) => [toParquet([...samples])], jsonl: jsonLines };

const rowGroupSize = 256;

function toParquet(samples: readonly Sample[]): Uint8Array {
  const column = (name: string, value: (sample: Sample) => unknown) => ({
    name,
    data: samples.map(value),
  });
  const columnData = [
    column('id', ({ id }) => id),
    column('image', ({ images }) => images.map(({ bytes, name }) => ({ bytes, path: name }))),
    column('source', ({ source }) => source),
    column('problem', ({ problem }) => problem),
    column('solution', solutionOf),
    column('accepted', ({ accepted }) => accepted),
    column('reading', ({ reading }) => reading),
    column('demonstration', ({ demonstration }) => demonstration),
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData, schema, rowGroupSize }));
}

export const textColumn = (name: string): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'OPTIONAL',
});

export const listOf = (name: string, element: readonly SchemaElement[]): SchemaElement[] => [
  { name, converted_type: 'LIST', repetition_type: 'OPTIONAL', num_children: 1 },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  ...element,
];

const schema: SchemaElement[] = [
  { name: 'root', num_children: 8 },
  textColumn('id'),
  ...listOf('image', [
    { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
    { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
    textColumn('path'),
  ]),
  textColumn('source'),
  textColumn('problem'),
  textColumn('solution'),
  ...listOf('accepted', [textColumn('element')]),
  textColumn('reading'),
  textColumn('demonstration'),
];

function* jsonLines(samples: Iterable<Sample>): Generator<string> {
  for (const sample of samples) {
    const { id, images, source, problem, accepted, reading, demonstration } = sample;
    const image = images.map(({ bytes, name }) => ({
      bytes: Buffer.from(bytes).toString('base64'),
      path: name,
    }));
    const solution = solutionOf(sample);
    const row = { id, image, source, problem, solution, accepted, reading, demonstration };
    yield `${JSON.stringify(row)}\n`;
  }
}

function solutionOf({ modality, referenceAnswer }: Sample): string {
  return `<${modality}>${referenceAnswer}`;
}
