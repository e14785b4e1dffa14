/** What a task's row becomes. */
import type { ImageFile } from '../../core/sample.ts';
import type { TaskKind } from '../results/records.ts';

export type Choice = { readonly letter: string; readonly text: string };

export type EvalSample = {
  /**
   * The task's id and the first 16 hexadecimal digits of a SHA-256 over stem, choices, reference and
   * images, so that a changed row is another sample, and a moved one is not. Repeated rows are told apart
   * by -2, -3, ….
   */
  readonly id: string;
  /** Id of the task. */
  readonly taskId: string;
  /** Place among the rows that belong to the task, rejected ones included, from 0. */
  readonly index: number;
  readonly kind: TaskKind;
  /** The question without its choices. */
  readonly stem: string;
  /** What a model is asked: the stem, with the choices where there are any. */
  readonly question: string;
  /** For multiple choice only. */
  readonly choices?: readonly Choice[];
  /** The right answer; with choices, the text of the right one. */
  readonly referenceAnswer: string;
  readonly referenceLetter?: string;
  /** Further answers that count as right. May be empty. */
  readonly accepted: readonly string[];
  readonly images: readonly ImageFile[];
  /** Hexadecimal SHA-256 of each image file. */
  readonly imageDigests: readonly string[];
  /** Samples of one cluster are not independent; a sample of its own has its id here. */
  readonly cluster: string;
  /** Subgroup dimension (e.g. `modality`) to its value; dimensions without a value are absent. */
  readonly subgroups: Readonly<Record<string, string>>;
};

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
