/** What a task's row becomes. */
import { isModality, type Modality } from '../../core/modality.ts';
import type { Sample } from '../../core/sample.ts';
import type { SampleRow, TaskKind } from '../results/records.ts';

export type Choice = { readonly letter: string; readonly text: string };

/**
 * A sample of a task, the same from its row to its verdict. `source` is the task's id; `problem` is what a
 * model is asked, with the choices where there are any. Its `id` is the task's id and the first 16
 * hexadecimal digits of a SHA-256 over stem, choices, reference answer and images, so that a changed row is
 * another sample, and a moved one is not. Repeated rows are told apart by -2, -3, ….
 */
export type EvalSample = Omit<Sample, 'demonstration'> & {
  /** Place among the rows that belong to the task, rejected ones included, from 0. */
  readonly index: number;
  readonly kind: TaskKind;
  /** The question without its choices. */
  readonly stem: string;
  /** Empty where the question has none. With choices, the reference answer is the text of the right one. */
  readonly choices: readonly Choice[];
  readonly referenceLetter?: string;
  /** Hexadecimal SHA-256 of each image file, also where the files themselves are not at hand. */
  readonly imageDigests: readonly string[];
  /** Samples of one cluster are not independent; a sample of its own has its id here. */
  readonly cluster: string;
  /** Subgroup dimension (e.g. `modality`) to its value; dimensions without a value are absent. */
  readonly subgroups: Readonly<Record<string, string>>;
};

/** The modality of a subgroup, where it is one of the 16. */
export function modalityOfSubgroups(subgroups: Readonly<Record<string, string>>): {
  readonly modality?: Modality;
} {
  const modality = subgroups['modality'] ?? '';
  return isModality(modality) ? { modality } : {};
}

/** A sample as it is stored: without its images' bytes. */
export function toSampleRow(sample: EvalSample): SampleRow {
  const { id, source, index, kind, problem, stem, choices, referenceAnswer, accepted } = sample;
  return {
    id,
    task: source,
    index,
    kind,
    question: problem,
    ...(choices.length > 0 ? { stem } : {}),
    choices: [...choices],
    reference: referenceAnswer,
    accepted: [...accepted],
    cluster: sample.cluster,
    subgroups: { ...sample.subgroups },
    images: [...sample.imageDigests],
  };
}

/** The sample that was stored, without its images. */
export function fromSampleRow(row: SampleRow): EvalSample {
  const { id, task, index, kind, question, stem, choices, reference, accepted } = row;
  const letter = choices.find(({ text }) => text === reference)?.letter;
  return {
    id,
    source: task,
    index,
    kind,
    stem: stem ?? question,
    problem: question,
    choices,
    ...modalityOfSubgroups(row.subgroups),
    referenceAnswer: reference,
    ...(letter === undefined ? {} : { referenceLetter: letter }),
    accepted,
    images: [],
    imageDigests: row.images,
    cluster: row.cluster,
    subgroups: row.subgroups,
  };
}

type RejectionCause =
  | 'malformed'
  | 'missing-column'
  | 'empty-question'
  | 'empty-reference'
  | 'choice-out-of-range'
  | 'unknown-answer'
  | 'missing-image'
  | 'undecodable-image';

/** A row that belongs to the task and cannot be asked. */
export type RejectedTaskRow = {
  readonly kind: 'rejected';
  readonly taskId: string;
  readonly index: number;
  readonly file: string;
  /** From 0, within the file. */
  readonly row: number;
  readonly cause: RejectionCause;
  readonly problem: string;
};

export type TaskRow = { readonly kind: 'sample'; readonly sample: EvalSample } | RejectedTaskRow;

/** Thrown while a row is made into a sample, and turned into a {@link RejectedTaskRow}. */
export class RowProblem extends Error {
  readonly rejection: RejectionCause;

  constructor(rejection: RejectionCause, message: string) {
    super(message);
    this.name = 'RowProblem';
    this.rejection = rejection;
  }
}
