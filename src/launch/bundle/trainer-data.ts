/**
 * A data set in the schema of a trainer: a file of JSON lines and the images beside it. The right answer is a
 * JSON object for EasyR1, whose rewards see nothing else of a row, and a column of its own for verl.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Sample } from '../../core/sample.ts';
import { imageMark, withoutImageMarks } from '../../data/image-marks.ts';
import { type PromptTemplate, renderMessages } from '../../data/prompt-template.ts';
import { imageName } from '../../image/image-name.ts';
import type { SampleSet } from '../../train/sample-order.ts';
import type { LaunchTrainer } from '../trainers/cluster.ts';

type Split = 'train' | 'validation';

export type WrittenData = {
  readonly rows: number;
  readonly images: number;
  readonly bytes: number;
};

/**
 * Writes `<split>.jsonl` and `images/` into the folder.
 * @param folder Exists.
 * @param imagePrefix What stands before the name of an image in a row, e.g. `data/images/` of the job's folder.
 */
export async function writeTrainerData(
  folder: string,
  samples: SampleSet,
  parts: {
    readonly split: Split;
    readonly trainer: LaunchTrainer;
    readonly template: PromptTemplate;
    readonly imagePrefix: string;
    readonly hasImages: boolean;
    readonly signal: AbortSignal;
  },
): Promise<WrittenData> {
  const { split, trainer, template, imagePrefix, hasImages, signal } = parts;
  await mkdir(join(folder, 'images'), { recursive: true });
  const seen = new Set<string>();
  let bytes = 0;
  const keepImages = async ({ images }: Sample): Promise<string[]> => {
    const names = images.map((image) => imageName(image.bytes));
    for (const [place, name] of names.entries()) {
      const image = images[place];
      if (image === undefined || seen.has(name)) continue;
      seen.add(name);
      bytes += image.bytes.length;
      await writeFile(join(folder, 'images', name), image.bytes);
    }
    return names;
  };
  const lines = async function* () {
    for (let index = 0; index < samples.size; index++) {
      signal.throwIfAborted();
      const sample = await samples.at(index);
      const names = await keepImages(sample);
      const prompt = promptText(template, sample);
      const row =
        trainer === 'easyr1'
          ? easyr1Row(sample, split, prompt, hasImages ? names : undefined)
          : verlRow(
              sample,
              split,
              prompt,
              names.map((name) => `${imagePrefix}${name}`),
            );
      const line = `${JSON.stringify(row)}\n`;
      bytes += Buffer.byteLength(line);
      yield line;
    }
  };
  await pipeline(Readable.from(lines()), createWriteStream(join(folder, `${split}.jsonl`)));
  return { rows: samples.size, images: seen.size, bytes };
}

/** The prompt with `<image>` where an image is; a text that says so by itself is made harmless. */
export function promptText(template: PromptTemplate, sample: Sample): string {
  const [message] = renderMessages(template, sample);
  const parts = message?.content ?? [];
  if (typeof parts === 'string') return parts;
  return parts
    .map((part) => (part.type === 'image' ? imageMark : part.text.replaceAll(imageMark, '(image)')))
    .join('');
}

/** The right answer as the reward service reads it: the modality's tag in front, where it is known. */
function truthOf({ modality, referenceAnswer }: Sample): string {
  return modality === undefined ? referenceAnswer : `<${modality}>${referenceAnswer}`;
}

function known({ problem, accepted, rubric }: Sample) {
  return {
    question: withoutImageMarks(problem),
    ...(accepted.length === 0 ? {} : { accepted }),
    ...(rubric === undefined ? {} : { rubric }),
  };
}

function easyr1Row(
  sample: Sample,
  split: Split,
  problem: string,
  images: readonly string[] | undefined,
) {
  const truth = { id: sample.id, split, ground_truth: truthOf(sample), ...known(sample) };
  return { problem, answer: JSON.stringify(truth), ...(images === undefined ? {} : { images }) };
}

function verlRow(sample: Sample, split: Split, content: string, images: readonly string[]) {
  return {
    data_source: 'medix',
    prompt: [{ role: 'user', content }],
    images: images.map((image) => ({ image })),
    reward_model: { style: 'rule', ground_truth: truthOf(sample) },
    extra_info: { id: sample.id, split, ...known(sample) },
  };
}
