/**
 * The one expensive seam: few verbs over a policy that may live in this process or on a cluster. An
 * engine knows tokens and gradients; nothing about rewards, groups, judges or run directories.
 */
import type { Metrics } from '../core/metrics.ts';
import type { StopReason } from '../core/outcome.ts';
import type { Processor, Prompt } from '../model/prompt.ts';

export type ModelDescription = {
  readonly id: string;
  /** Prompt and completion together, in tokens. */
  readonly contextLength: number;
  /** All parameters, trained or not. */
  readonly parameters: number;
  /** How they are kept and which are trained, in a line for people; undefined where the engine does not say. */
  readonly setup?: string;
  readonly processor: Processor;
};

export type SampleRequest = {
  readonly prompt: Prompt;
  /**
   * One key per completion wanted. A completion's random numbers come from its key alone, so its tokens
   * do not depend on the batch around it.
   */
  readonly keys: readonly string[];
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** Nucleus: smallest set of tokens with this much probability, in (0, 1]; 1 keeps all. */
  readonly topP: number;
  /** Keep this many most likely tokens; 0 keeps all. */
  readonly topK: number;
  /** Tokens that end a completion beside the model's own. @default none */
  readonly stopTokens?: readonly number[];
  /** Called for every token as it is sampled. */
  readonly onToken?: (completion: number, token: number) => void;
};

export type Completion = {
  /** Includes the stop token when `stopReason` is `stop`. */
  readonly tokens: Int32Array;
  /** The policy's logprob of each token at temperature 1 without truncation, whatever the sampling. */
  readonly logprobs: Float32Array;
  readonly stopReason: StopReason;
};

/** All completions of one request, in the order of its keys. */
export type SampledGroup = {
  /** Position of the request in the call. */
  readonly request: number;
  readonly completions: readonly Completion[];
};

/**
 * A prompt with one completion. Sequences that hold the *same prompt object* form a group; an engine may
 * compute the shared prompt once.
 */
export type Sequence = { readonly prompt: Prompt; readonly completion: Int32Array };

/** Which frozen or live weights answer: the policy as it is now, or the model the run started from. */
export type Weights = 'policy' | 'reference';

export type LossInput = {
  /** Position of the sequence in the call to `forwardBackward`. */
  readonly index: number;
  /** [T] logprobs of the completion's tokens under the policy. */
  readonly policyLogprobs: Float32Array;
  /** [T] entropy in nats of the policy's whole distribution over each token; absent without the guarantee. */
  readonly policyEntropies?: Float32Array;
};

export type LossPart = {
  readonly loss: number;
  /** dLoss/dLogprob, [T] per input, in the order of the inputs. */
  readonly gradients: readonly Float32Array[];
  /** dLoss/dEntropy, likewise; of losses that say `movesEntropies`, and of no others. */
  readonly entropyGradients?: readonly Float32Array[];
  readonly metrics: Metrics;
};

/**
 * What an engine needs to compute a loss by itself: its name and settings, and for each sequence of the call
 * what the loss knows beside the policy's logprobs.
 */
export type LossTerms = {
  readonly name: string;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly rollouts: readonly {
    readonly advantage: number;
    /** What the loss of each token is multiplied by. */
    readonly tokenWeight: number;
    /** [T] logprobs under the policy before the first step on these rollouts. */
    readonly oldLogprobs: Float32Array;
  }[];
};

/**
 * A loss sees logprobs only, so it runs the same on every engine. An engine calls it once per
 * micro-batch with a subset of the sequences; the parts add up to the loss of the whole call, so
 * denominators (tokens, sequences) must be fixed when the loss is made, never taken from a part.
 *
 * A loss with `terms` is one that the engine said it runs by itself (see {@link EngineGuarantees}): it may
 * compute it from them, which must come to the same gradient. One that says `movesEntropies` has a gradient in the
 * policy's entropies too, and is given to engines alone that guarantee them.
 *
 * A loss with `fixedGradient` has the same gradient whatever the policy's logprobs are, as in the first step on its
 * rollouts: dLoss/dLogprob, [T], of the sequence with an index and T tokens. An engine elsewhere can send it without a
 * forward pass before.
 */
export type Loss = ((inputs: readonly LossInput[]) => LossPart) & {
  readonly terms?: LossTerms;
  readonly movesEntropies?: boolean;
  readonly fixedGradient?: (index: number, tokens: number) => Float32Array;
};

export type LossReport = { readonly loss: number; readonly metrics: Metrics };

export type AdamParameters = {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled (AdamW); applied to matrices, not to norms and biases. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this global L2 norm; 0 turns clipping off. */
  readonly maxGradNorm: number;
};

export type StepReport =
  /** Without the gradient's norm where an engine elsewhere does not tell it. */
  | { readonly kind: 'applied'; readonly gradNorm?: number }
  /** The gradient held NaN or infinity: nothing was changed, the gradient was dropped. */
  | { readonly kind: 'skipped-nonfinite' };

/** What callers may rely on, beyond what every engine promises. */
type EngineGuarantees = {
  /**
   * `exact`: the logprobs that sampling returns equal the trainer's to 1e-4, so that they may stand in for the
   * old policy's. `approximate`: they come from another program or precision, and the trainer's are used.
   */
  readonly samplerLogprobs: 'exact' | 'approximate';
  /** Names of the losses that the engine runs by itself where a {@link Loss} has its terms. */
  readonly losses: readonly string[];
  /** Whether losses hear the policy's entropies and may have a gradient in them. @default false */
  readonly entropies?: boolean;
};

/**
 * What finds a checkpoint again: plain JSON that the engine makes and takes back, e.g. a path on its server.
 * Only the kind of engine that made it can read it.
 */
export type CheckpointHandle = { readonly engine: string } & Readonly<Record<string, unknown>>;

/** What of a policy a checkpoint holds, or is taken from it. */
export type Saved = 'all' | 'weights';

export type Engine = {
  readonly model: ModelDescription;
  readonly guarantees: EngineGuarantees;
  /** What else results depend on, e.g. the server that computes and what was found of it; for a run's manifest. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /**
   * Yields each request's completions when all of them are done, in no particular order.
   * @throws MedixError 'engine' where the model gives NaN or infinity instead of logprobs; no token is read from that
   */
  sample(requests: readonly SampleRequest[], signal: AbortSignal): AsyncIterable<SampledGroup>;
  /** [T] logprobs of each completion's tokens. */
  logprobs(
    sequences: readonly Sequence[],
    weights: Weights,
    signal: AbortSignal,
  ): Promise<readonly Float32Array[]>;
  /** Adds the loss's gradient to what earlier calls accumulated. */
  forwardBackward(
    sequences: readonly Sequence[],
    loss: Loss,
    signal: AbortSignal,
  ): Promise<LossReport>;
  /** One AdamW step on the accumulated gradient, which is cleared. */
  optimStep(adam: AdamParameters): Promise<StepReport>;
  /**
   * Weights and optimizer state. Sampling has no state of its own: see {@link SampleRequest.keys}.
   * @param folder a folder of this machine, made where it does not exist, for whatever the engine keeps here
   * @param what engines that keep nothing by themselves leave the optimizer out where `weights` are asked for.
   *   @default 'all'
   */
  save(folder: string, what?: Saved): Promise<CheckpointHandle>;
  /**
   * @param folder the folder that was given to `save`, perhaps moved since
   * @param what with `weights` the optimizer begins anew. @default 'all'
   * @throws MedixError 'engine' where the handle is of another kind of engine, or what it names is gone
   */
  load(handle: CheckpointHandle, folder: string, what?: Saved): Promise<void>;
  /** Weights, config, tokenizer and processor files in Hugging Face layout. */
  exportModel(directory: string): Promise<void>;
  close(): Promise<void>;
};
