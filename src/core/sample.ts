import type { Modality } from './modality.ts';

/** An encoded image file (PNG, JPEG, …) as it came from the data set. */
export type ImageFile = {
  readonly bytes: Uint8Array;
  /** Path or synthetic name, for messages only. */
  readonly name: string;
};

/** One thing that an answer is given points for, or loses points for where they are negative. */
export type RubricItem = {
  /** What a grader who sees nothing but question and answer can tell, the truth included. */
  readonly criterion: string;
  /** Never 0. */
  readonly points: number;
};

/** One row of a data set: a question about zero, one or several images, and its reference answer. */
export type Sample = {
  readonly id: string;
  /** The data set it comes from; of a sample of an evaluation, the task's id. */
  readonly source: string;
  readonly images: readonly ImageFile[];
  /** The question, without template. Where its images have places of their own, `<image>` stands there. */
  readonly problem: string;
  /** Absent where nobody knows it, as in some evaluation tasks. */
  readonly modality?: Modality;
  /** The reference answer, without the tag. */
  readonly referenceAnswer: string;
  /** Further answers that count as right, e.g. paraphrases. May be empty. */
  readonly accepted: readonly string[];
  /** What the reward's component `rubric` looks for; never shown to the policy. */
  readonly rubric?: readonly RubricItem[];
  /** All that can be read off the images, in words: what the reward's component `reading` compares thinking with. */
  readonly reading?: string;
  /** Completion to imitate in supervised fine-tuning, where the data set has one. */
  readonly demonstration?: string;
};
