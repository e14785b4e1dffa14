/** What a run directory holds, as it is written and read back. */
import { z } from 'zod';

const moment = z.iso.datetime();

/** `manifest.json`: what the run is. Written once, and again when a resume changes the config. */
export const manifestSchema = z.object({
  kind: z.enum(['train', 'sft']),
  createdAt: moment,
  /** The resolved config in force. */
  config: z.record(z.string(), z.unknown()),
  /** Versions, digests and settings that follow from the config, e.g. the judge's digest. */
  facts: z.record(z.string(), z.unknown()),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** `attempts/<n>.json`: one process that wrote the run; also the lock that keeps out a second one. */
export const attemptSchema = z.object({
  attempt: z.int().positive(),
  /** Last iteration of the checkpoint it resumed from; 0 is the start. */
  fromIteration: z.int().nonnegative(),
  pid: z.int(),
  /** Tells this process from a later one with the same pid; null where the system does not say. */
  processIdentity: z.string().nullable(),
  host: z.string(),
  startedAt: moment,
  /** `key=value` changes to the config, as given. */
  overrides: z.array(z.string()),
  /** The resolved config of this attempt. Absent in earlier versions. */
  config: z.record(z.string(), z.unknown()).exactOptional(),
  /** Null while it runs, and after it was killed. */
  ended: z
    .object({ at: moment, how: z.enum(['finished', 'stopped', 'failed', 'abandoned']) })
    .nullable(),
});
export type Attempt = z.infer<typeof attemptSchema>;

/** Every line of a run says which attempt wrote it, about which iteration. */
const origin = { attempt: z.int().positive(), iteration: z.int().nonnegative() };

/** `metrics.jsonl`: one line an iteration; iteration 0 is validation before training. */
export const metricsLineSchema = z.object({
  ...origin,
  at: moment,
  values: z.record(z.string(), z.number().nullable()),
});
export type MetricsLine = z.infer<typeof metricsLineSchema>;

/** `events.jsonl`: what happened, with facts that depend on the kind. */
export const eventLineSchema = z.looseObject({ ...origin, at: moment, kind: z.string() });
export type EventLine = z.infer<typeof eventLineSchema>;

/** `rollouts/<iteration>.jsonl` and `rollouts/validation-<iteration>.jsonl`. */
export const rolloutLineSchema = z.object({
  ...origin,
  key: z.string(),
  sampleId: z.string(),
  /** What was asked, without prompt template. This and what follows up to `images`: absent in earlier versions. */
  question: z.string().optional(),
  /** The right answer, and further ones that count as right. */
  reference: z.string().optional(),
  accepted: z.array(z.string()).optional(),
  /** What the component `rubric` looked for, where the sample has a rubric of its own. */
  rubric: z.array(z.object({ criterion: z.string(), points: z.number() })).optional(),
  /** What the component `reading` compared thinking with, where the sample has it. */
  reading: z.string().optional(),
  modality: z.string().optional(),
  /** Which data set it comes from, as the row says. */
  source: z.string().optional(),
  /** Names in `images/`, which begin with the SHA-256 of the file; the files are there unless turned off. */
  images: z.array(z.string().regex(/^[0-9a-f]{64}\.[a-z0-9]+$/)).optional(),
  /** The prompt as the model saw it, in the first line of each group. Absent in earlier versions. */
  prompt: z.string().optional(),
  completion: z.string(),
  completionTokens: z.int().nonnegative(),
  stopReason: z.enum(['stop', 'length']),
  /** Sum of the sampler's logprobs. */
  logprob: z.number().nullable(),
  /** The logprob of each token; see token-strip.ts. Absent where it is turned off, and in earlier versions. */
  tokens: z.object({ lengths: z.string(), logprobs: z.string() }).optional(),
  /** Null when a component failed. */
  reward: z.number().nullable(),
  /** Each component's outcome. */
  components: z.record(z.string(), z.unknown()),
  /** Null where the rollout did not train the policy. */
  advantage: z.number().nullable(),
  /** What became of it; of a validation, whether it is the greedy answer or a sampled one. */
  use: z.enum([
    'trained',
    'distilled',
    'filtered',
    'unscored',
    'baseline',
    'validation',
    'validation-sampled',
  ]),
});
export type RolloutLine = z.infer<typeof rolloutLineSchema>;

/** `checkpoints/<iteration>/checkpoint.json`, beside the engine's own files in `engine/`. */
export const checkpointSchema = z.object({
  iteration: z.int().nonnegative(),
  /** Validation result at this iteration, higher is better; null when it was not measured. */
  score: z.number().nullable(),
  /** What the score is, e.g. `highest validation/reward/mean`. Absent in earlier versions. */
  scoredBy: z.string().exactOptional(),
  /** The trainer's own state. */
  trainer: z.unknown(),
  /** What the engine finds its checkpoint by. Earlier versions knew the local engine only. */
  engine: z.looseObject({ engine: z.string() }).default({ engine: 'local' }),
  /** Every file that the engine keeps here, with its size in bytes. */
  files: z.array(z.object({ path: z.string(), bytes: z.int().nonnegative() })),
});
export type CheckpointRecord = z.infer<typeof checkpointSchema>;
