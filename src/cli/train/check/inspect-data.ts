/** What would be trained on: how many rows, how long, how often twice, and what the model is shown. */
import type { TrainConfig } from '../../../config/train-config.ts';
import type { Sample } from '../../../core/sample.ts';
import type { RejectedRows } from '../../../data/read.ts';
import type { OpenedData } from '../../../train/open-training.ts';
import { createSampleOrder, type SampleSet } from '../../../train/sample-order.ts';
import type { BenchmarkSets } from './benchmarks.ts';
import { type ComparedRows, compareRows, type SetOverlap } from './compare-rows.ts';
import type { RightAnswers } from './inspect-baselines.ts';
import type { KnownModel } from './inspect-model.ts';
import { type MadePrompts, makePrompts } from './made-prompts.ts';
import { look, notChecked, type Remark, type Section, sectionOf, stops } from './section.ts';

/** Rows that are compared: all, or the first that the run draws. */
const rowsCompared = 2000;
/** Examples of what is rejected. */
const examplesShown = 5;

export type DataFacts = MadePrompts & {
  readonly rows: number;
  /** Rows of the training set that were looked at, in the order in which the run draws them. */
  readonly compared: number;
  readonly validationRows: number | null;
  /** Rows of both sets that cannot be used, by cause, and the first of them. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly rejectedExamples: readonly string[];
  readonly modalities: Readonly<Record<string, number>>;
  readonly twice: ComparedRows;
  /** Benchmarks whose files are not on this machine. */
  readonly benchmarksAbsent: readonly string[];
};

export type InspectedData = {
  readonly section: Section<DataFacts>;
  /** What is right of each row that was looked at. */
  readonly answers: readonly RightAnswers[];
};

/**
 * @param data as a run would open it
 * @param model undefined where it is not known
 */
export async function inspectData(
  config: TrainConfig,
  data: OpenedData,
  model: KnownModel | undefined,
  benchmarks: BenchmarkSets,
  signal: AbortSignal,
): Promise<InspectedData> {
  const drawn = drawsOf(data.samples, config.seed);
  const compared = Math.min(rowsCompared, data.samples.size);
  const made = await makePrompts(config, data, model, drawn, signal);
  const modalities = new Map<string, number>();
  const answers: RightAnswers[] = [];
  const counted = async function* () {
    for (let draw = 0; draw < compared; draw++) {
      const sample = await drawn(draw);
      const tag = sample.modality ?? 'none';
      modalities.set(tag, (modalities.get(tag) ?? 0) + 1);
      answers.push({ referenceAnswer: sample.referenceAnswer, accepted: sample.accepted });
      yield sample;
    }
  };
  const { validationSamples } = data;
  const validation =
    validationSamples === undefined
      ? []
      : [{ name: 'validation', rows: rowsOf(validationSamples) }];
  const twice = await compareRows(counted(), [...validation, ...benchmarks.sets], signal);
  const facts: DataFacts = {
    rows: data.samples.size,
    compared,
    validationRows: validationSamples?.size ?? null,
    ...rejectedRows(data.rejected),
    modalities: sorted(modalities),
    twice,
    benchmarksAbsent: benchmarks.absent,
    ...made,
  };
  return { section: sectionOf(facts, remarksOn(facts, config)), answers };
}

/** The n-th sample that the run draws. */
function drawsOf(samples: SampleSet, seed: number): (draw: number) => Promise<Sample> {
  const rowOf = createSampleOrder(samples, seed);
  return (draw) => samples.at(rowOf(draw));
}

async function* rowsOf(samples: SampleSet): AsyncGenerator<Sample> {
  for (let row = 0; row < Math.min(rowsCompared, samples.size); row++) yield samples.at(row);
}

/** Causes are known of the first rows alone. */
function rejectedRows({
  first,
  count,
}: RejectedRows): Pick<DataFacts, 'rejected' | 'rejectedExamples'> {
  const causes = new Map<string, number>();
  for (const { cause } of first) causes.set(cause, (causes.get(cause) ?? 0) + 1);
  if (count > first.length) causes.set('not looked at', count - first.length);
  return {
    rejected: sorted(causes),
    rejectedExamples: first
      .slice(0, examplesShown)
      .map(({ file, row, id, problem }) => `${file}: row ${row} (${id}): ${problem}`),
  };
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}

/** A share of rows that is too large for a few slips. */
const many = 0.02;

function remarksOn(facts: DataFacts, { rollout }: TrainConfig): Remark[] {
  const { rows, compared, rejected, prompts, twice } = facts;
  const found: Remark[] = [];
  const lost = Object.values(rejected).reduce((sum, count) => sum + count, 0);
  if (lost > 0) found.push(look(`${lost} of the rows cannot be used and are left out.`));
  if (prompts === null) {
    found.push(notChecked('The lengths of prompts: the tokenizer of the model is not here.'));
  } else if (prompts.rejected === prompts.made) {
    found.push(
      stops('No prompt can be used: each is too long, or has an image that cannot be read.'),
    );
  } else if (prompts.rejected > 0) {
    found.push(
      look(
        `${prompts.rejected} of ${prompts.made} prompts are too long or have an image that cannot be read; the run leaves them out.`,
      ),
    );
  }
  if (twice.repeated > many * compared) {
    found.push(
      look(`${twice.repeated} of ${compared} rows ask an earlier row's question about its image.`),
    );
  }
  if (rows < rollout.promptsPerIteration) {
    found.push(
      look(
        `${rows} rows for ${rollout.promptsPerIteration} prompts an iteration: some come twice in one iteration.`,
      ),
    );
  }
  return [...found, ...twice.overlaps.flatMap((overlap) => overlapRemarks(overlap, compared))];
}

/** A share of rows that are alike by chance: of 2,000 phantoms one to three show what one of 400 others shows. */
const fewAlike = 0.005;

function overlapRemarks(overlap: SetOverlap, compared: number): Remark[] {
  const { name, same, imageExact, imageNear, questionExact, questionNear } = overlap;
  const what = name === 'validation' ? 'the validation set' : `the benchmark ${name}`;
  const parts = [
    [same, 'with question and images'],
    [imageExact, 'by an image'],
    [imageNear, 'by what an image shows'],
    [questionExact, 'by the question'],
    [questionNear, 'by a good part of the question'],
  ] as const;
  const certain = same + imageExact + questionExact;
  const likely = imageNear + questionNear;
  if (certain === 0 && likely <= fewAlike * compared) return [];
  const counts = parts
    .filter(([count]) => count > 0)
    .map(([count, how]) => `${count} ${how}`)
    .join(', ');
  return [
    look(
      `Of ${compared} training rows, some are also in ${what}: ${counts}. Scores on it will say less than they seem to; \`medix eval contamination\` compares whole sets.`,
    ),
  ];
}
