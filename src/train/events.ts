/** What happens in a training run: stored in events.jsonl and shown as it happens. */
export type TrainEvent =
  | {
      readonly kind: 'started';
      /** Last iteration done. */
      readonly iteration: number;
      readonly iterations: number;
      readonly model: string;
      readonly parameters: number;
      /** How the engine keeps and trains them, where it says so. */
      readonly setup?: string;
    }
  | {
      readonly kind: 'prompt-rejected';
      readonly sampleId: string;
      readonly problem: string;
    }
  | {
      readonly kind: 'rescored';
      /** Rollouts that had no reward at first. */
      readonly unscored: number;
      readonly stillUnscored: number;
    }
  /** All groups were filtered out or too few prompts were left to fill the iteration. */
  | { readonly kind: 'short-iteration'; readonly groups: number; readonly wanted: number }
  | { readonly kind: 'step-skipped'; readonly reason: 'nonfinite-gradient' | 'no-groups' }
  /** Sampler and trainer disagree by more than `limit` nats on average: what is trained on was drawn from another policy. */
  | { readonly kind: 'sampler-gap'; readonly gap: number; readonly limit: number }
  /** The run ends before its last iteration: `validation.patience` is used up, or its time. */
  | { readonly kind: 'ended-early'; readonly reason: 'patience' | 'time' }
  /** The reward is being gamed, as far as the rollouts tell; told once when it begins. */
  | {
      readonly kind: 'alarm';
      readonly alarm: string;
      readonly title: string;
      readonly inWords: string;
      readonly value: number;
      readonly limit: number;
    }
  /** An alarm ended the work of this process, as `monitor.pause` asks. */
  | { readonly kind: 'paused'; readonly alarm: string }
  | { readonly kind: 'checkpoint'; readonly reason: 'due' | 'best' | 'last' | 'pause' }
  /** What an observer threw for the first time; the run goes on. */
  | { readonly kind: 'observer-failed'; readonly name: string; readonly message: string }
  /** Told at the end, where it threw more than once. */
  | { readonly kind: 'observer-failures'; readonly name: string; readonly times: number };
