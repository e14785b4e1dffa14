/**
 * What the thread of an engine and its owner say to each other. Calls are answered one after the other, in
 * the order in which they were made; what they tell on the way comes before their answer.
 *
 * Messages are copied by the structured clone algorithm: within one message the same object arrives as one
 * object, so that sequences which share a prompt here share it there.
 */
import type {
  AdamParameters,
  CheckpointHandle,
  LossInput,
  LossPart,
  LossReport,
  SampledGroup,
  SampleRequest,
  Saved,
  Sequence,
  StepReport,
  Weights,
} from '../../engine.ts';
import type { LocalEngineOptions, PolicySource } from '../open-policy.ts';
import type { Failure } from './failure.ts';

/** A request whose tokens may be wanted as they come. */
export type ThreadRequest = Omit<SampleRequest, 'onToken'> & { readonly tellsTokens: boolean };

export type Calls = {
  readonly open: {
    readonly input: { readonly source: PolicySource; readonly options: LocalEngineOptions };
    readonly answer: { readonly parameters: number };
  };
  readonly sample: { readonly input: readonly ThreadRequest[]; readonly answer: undefined };
  readonly logprobs: {
    readonly input: { readonly sequences: readonly Sequence[]; readonly weights: Weights };
    readonly answer: readonly Float32Array[];
  };
  readonly forwardBackward: {
    readonly input: {
      readonly sequences: readonly Sequence[];
      readonly movesEntropies: boolean;
    };
    readonly answer: LossReport;
  };
  readonly optimStep: { readonly input: AdamParameters; readonly answer: StepReport };
  readonly save: {
    readonly input: { readonly folder: string; readonly what: Saved };
    readonly answer: CheckpointHandle;
  };
  readonly load: {
    readonly input: {
      readonly handle: CheckpointHandle;
      readonly folder: string;
      readonly what: Saved;
    };
    readonly answer: undefined;
  };
  readonly exportModel: { readonly input: string; readonly answer: undefined };
  /** The last one: the thread ends. */
  readonly close: { readonly input: undefined; readonly answer: undefined };
};

export type Verb = keyof Calls;

/** To the thread. */
export type Asked =
  | {
      readonly kind: 'call';
      readonly call: number;
      readonly verb: Verb;
      readonly input: Calls[Verb]['input'];
      /** [1] in shared memory; anything but 0 stops the call. */
      readonly stop: Int32Array;
    }
  /** Answers `loss`; without a part the call is to stop. */
  | { readonly kind: 'lossPart'; readonly part: LossPart | undefined };

/** What a call tells before it is answered. */
export type Told =
  | { readonly kind: 'group'; readonly group: SampledGroup }
  /** [3n]: request, completion and token; those of one step. */
  | { readonly kind: 'tokens'; readonly tokens: Int32Array }
  | { readonly kind: 'loss'; readonly inputs: readonly LossInput[] };

/** From the thread. */
export type Said = { readonly call: number } & (
  | Told
  | { readonly kind: 'answered'; readonly answer: Calls[Verb]['answer'] }
  | { readonly kind: 'failed'; readonly failure: Failure }
);
