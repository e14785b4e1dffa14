/** What a trainer on a cluster needs to know beyond the config of a training. */
import type { Problem } from '../../core/errors.ts';

/** Trainers that `medix launch` writes configs for. */
export const launchTrainers = ['easyr1', 'verl'] as const;
export type LaunchTrainer = (typeof launchTrainers)[number];

/** The machines, and what they are given of each prompt. */
export type Cluster = {
  /** Machines with graphics cards. */
  readonly nodes: number;
  /** Graphics cards of each. */
  readonly gpusPerNode: number;
  /** Cards over which the sampler splits the model. */
  readonly tensorParallel: number;
  /** Longest prompt in tokens; longer ones are left out by the trainer. */
  readonly maxPromptTokens: number;
  /** Folder of the cluster for checkpoints, metrics and rollouts; on several nodes one that all of them see. */
  readonly checkpoints: string;
};

/** Where the trainer finds the data: files in its own schema, or a data set of the hub that it loads itself. */
export type DataPlace =
  | {
      readonly kind: 'files';
      /** Relative to the folder of the job, or absolute on a file system that cluster and launcher share. */
      readonly train: string;
      readonly validation: string | null;
      /** Folder that image names are relative to. */
      readonly images: string;
      readonly hasImages: boolean;
    }
  | {
      readonly kind: 'hub';
      readonly train: string;
      readonly validation: string | null;
      readonly question: string;
      readonly answer: string;
      readonly image: string;
    };

/** A config in the trainer's own words, and what a reader of it should know. */
export type TrainerConfig = {
  /** Nested sections of numbers, texts, booleans, lists and null. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Fields that are kept otherwise than on this machine, each with the reason. */
  readonly notes: readonly string[];
};

/** Collects what a trainer cannot do, so that all of it is told at once. */
export class Refusals {
  readonly problems: Problem[] = [];
  readonly #trainer: string;

  constructor(trainer: string) {
    this.#trainer = trainer;
  }

  /** @param expected what the trainer can do */
  refuse(where: string, expected: string, got: unknown, next = 'change the field'): void {
    this.problems.push({
      where,
      expected: `${expected} (${this.#trainer})`,
      got: JSON.stringify(got) ?? 'none',
      next,
    });
  }

  /** Refuses unless the value is the one that the trainer works with. */
  require(where: string, value: unknown, only: unknown, reason: string): void {
    if (value === only || value === undefined) return;
    this.refuse(where, `${JSON.stringify(only)}, since ${reason}`, value);
  }
}
