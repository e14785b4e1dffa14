/** What computes the policy, over batches that batch.ts lays out. */
import type { Bindings } from '../../tensor/dim.ts';
import type { Values } from '../../tensor/program.ts';
import type { Weights } from '../engine.ts';
import type { PrefillBatch, UpdateBatch } from './batch.ts';
import type { KeyValueCache } from './sampling/key-value-cache.ts';
import type { ParameterBuffer } from './weights/parameter-buffer.ts';

/** Stops a long computation between two of its programs. */
export type Cancellation = Pick<AbortSignal, 'throwIfAborted'>;

/** One token for each row that is being sampled. */
export type StepBatch = { readonly values: Values; readonly bindings: Bindings };

/** What trained parameters belong to that are only a part of the model: with another one they mean nothing. */
export type Basis = {
  readonly base: { readonly digest: string; readonly format: string };
  readonly adapter: {
    readonly rank: number;
    readonly alpha: number;
    readonly rankStabilized: boolean;
    readonly layers: readonly string[];
  };
};

/** Of a batch's targets, [M] each. */
export type TargetFacts = {
  readonly logprobs: Float32Array;
  /** Of the whole distributions that the targets are tokens of, in nats. */
  readonly entropies: Float32Array;
};

/** dLoss of the same. */
export type TargetGradients = {
  readonly logprobs: Float32Array;
  /** Of a loss that moves entropies, and of no other. */
  readonly entropies?: Float32Array;
};

/** A loss as a network sees it. */
export type TargetLoss = {
  readonly movesEntropies: boolean;
  readonly gradients: (facts: TargetFacts) => TargetGradients | Promise<TargetGradients>;
};

export type Network = {
  /** Undefined where the trained parameters are the model's own. */
  readonly basis: Basis | undefined;
  /** What training changes. */
  readonly trained: ParameterBuffer;
  /** All parameters, trained or not. */
  readonly parameters: number;
  /** Logprobs [P, V] of the tokens after the prompts, whose keys and values go to the cache. */
  prefill(batch: PrefillBatch, cache: KeyValueCache, signal: Cancellation): Promise<Float32Array>;
  /** Logprobs [P·R, V] of the next tokens; the keys and values of these go to `cache.newValues`. */
  step(batch: StepBatch, cache: KeyValueCache, signal: Cancellation): Promise<Float32Array>;
  /** Logprobs [M] of the batch's targets. */
  score(batch: UpdateBatch, weights: Weights, signal: Cancellation): Promise<Float32Array>;
  /**
   * Adds to `gradient` that of a loss.
   * @param key of all that is drawn at random in this pass; unique in a run
   */
  accumulate(
    batch: UpdateBatch,
    loss: TargetLoss,
    gradient: ParameterBuffer,
    signal: Cancellation,
    key: string,
  ): Promise<void>;
  /** Weights, config, tokenizer and processor files in Hugging Face layout. */
  exportModel(folder: string): Promise<void>;
  close(): Promise<void>;
};
