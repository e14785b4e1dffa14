/** What a results folder holds, as it is written and read back. */
import { z } from 'zod';
import { ledgerSummarySchema } from '../../core/usage.ts';

/** How a question was asked: unchanged, or changed to learn what the answer depends on. */
export const variants = [
  'original',
  'blank-image',
  'shuffled-image',
  'wrong-image',
  'permuted-options',
] as const;
export type Variant = (typeof variants)[number];

export const taskKinds = ['closed', 'open', 'multiple-choice', 'report'] as const;
export type TaskKind = (typeof taskKinds)[number];

const failureSchema = z.object({
  kind: z.literal('failed'),
  cause: z.string(),
  message: z.string(),
});

/** `samples/<task>.jsonl`: what was asked; text and digests, images stay in their source. */
export const sampleRowSchema = z.object({
  /** Content hash: a changed question, reference or image is another sample. */
  id: z.string(),
  task: z.string(),
  /** Place in the task, from 0. */
  index: z.int().nonnegative(),
  kind: z.enum(taskKinds),
  question: z.string(),
  /** The question without its choices, which a judge is shown in another order; absent without choices. */
  stem: z.string().optional(),
  choices: z.array(z.object({ letter: z.string(), text: z.string() })),
  reference: z.string(),
  accepted: z.array(z.string()),
  /** Samples of one cluster (image, patient) are not independent. */
  cluster: z.string(),
  subgroups: z.record(z.string(), z.string()),
  /** Hexadecimal SHA-256 of each image file. */
  images: z.array(z.string()),
});
export type SampleRow = z.infer<typeof sampleRowSchema>;

/** `rejected/<task>.jsonl`: rows of the source that could not be asked. */
export const rejectedRowSchema = z.object({
  task: z.string(),
  index: z.int().nonnegative(),
  file: z.string(),
  row: z.int().nonnegative(),
  cause: z.string(),
  problem: z.string(),
});
export type RejectedRow = z.infer<typeof rejectedRowSchema>;

/** The key of an answer. */
const answerKey = {
  sampleId: z.string(),
  variant: z.enum(variants),
  /** From 0. */
  epoch: z.int().nonnegative(),
};
export type AnswerKey = { sampleId: string; variant: Variant; epoch: number };

/** `responses/<task>.jsonl`: appended as answers come; the last row of a key counts. */
export const responseRowSchema = z.object({
  ...answerKey,
  /** Question and choices as the variant changed them; absent where they are those of the sample. */
  asked: z
    .object({
      question: z.string(),
      choices: z.array(z.object({ letter: z.string(), text: z.string() })),
    })
    .optional(),
  outcome: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('answered'),
      text: z.string(),
      stopReason: z.enum(['stop', 'length']),
      latencyMs: z.number(),
      tokens: z.object({ prompt: z.int(), completion: z.int() }).optional(),
    }),
    failureSchema,
  ]),
});
export type ResponseRow = z.infer<typeof responseRowSchema>;

/** Cause of a response that was never asked for, since its variant does not change the sample. */
export const notApplicable = 'not-applicable';

const voteSchema = z.object({
  /** Judge's id. */
  judge: z.string(),
  outcome: z.discriminatedUnion('kind', [
    /** `score` in [0, 1]: 0 or 1, or a fifth of the 0 to 5 rubric. */
    z.object({ kind: z.literal('judged'), score: z.number(), reply: z.string() }),
    failureSchema,
  ]),
});
export type Vote = z.infer<typeof voteSchema>;

/** `judgings/<name>/<task>.jsonl`: appended as verdicts come; the last row of a key counts. */
const storedVerdictSchema = z.object({
  ...answerKey,
  /** The `responseDigest` of {@link VerdictRow}. */
  response: z.string(),
  /** What the judge saw: the response without its thinking. */
  answer: z.string(),
  /** The response was cut off at the token limit. */
  truncated: z.boolean(),
  outcome: z.discriminatedUnion('kind', [
    /** In [0, 1]. */
    z.object({ kind: z.literal('scored'), score: z.number() }),
    /** No answer, too few votes, or a tie: counted in coverage, never as wrong. */
    failureSchema,
  ]),
  votes: z.array(voteSchema),
  /** Multiple choice by rule; null where no option can be read from the answer, absent elsewhere. */
  ruleCorrect: z.boolean().nullable().optional(),
  /** External metrics of report tasks; null where the service failed. */
  metrics: z.record(z.string(), z.number().nullable()).optional(),
});
export type VerdictRow = Omit<z.infer<typeof storedVerdictSchema>, 'response'> & {
  /** Hexadecimal SHA-256 of the response that was judged: another response needs another verdict. */
  responseDigest: string;
};

export const verdictRowSchema = storedVerdictSchema.transform(
  ({ response, ...row }): VerdictRow => ({ ...row, responseDigest: response }),
);

/** A verdict as its line has it. */
export function storedVerdict(row: VerdictRow): z.infer<typeof storedVerdictSchema> {
  const { sampleId, variant, epoch, responseDigest, ...rest } = row;
  return { sampleId, variant, epoch, response: responseDigest, ...rest };
}

/** `manifest.json`: what was evaluated. A folder is of one model, one sampling and one template. */
export const evalManifestSchema = z.object({
  createdAt: z.iso.datetime(),
  config: z.record(z.string(), z.unknown()),
  model: z.object({ id: z.string(), kind: z.string(), digest: z.string() }),
  /** By task id, which names files: digest of the task's file, where rows came from, at which revision. */
  tasks: z.record(
    z.string().regex(/^[\w-]+$/, 'a task id: letters, digits, _ and -'),
    z.object({
      digest: z.string(),
      source: z.string(),
      revision: z.string().nullable(),
      access: z.enum(['public', 'credentialed', 'private']),
    }),
  ),
  template: z.object({ name: z.string(), digest: z.string() }),
  versions: z.record(z.string(), z.string()),
  /** Calls, tokens and money of the model under test, as the ledger sums them. */
  ledger: ledgerSummarySchema.default({}),
});
export type EvalManifest = z.infer<typeof evalManifestSchema>;

/** What a stage knows of the evaluation when it opens the folder. */
export type EvaluationFacts = Omit<EvalManifest, 'createdAt' | 'ledger'>;

/** `judgings/<name>/judging.json`: who judged, how. */
export const judgingManifestSchema = z.object({
  createdAt: z.iso.datetime(),
  mode: z.enum(['medix-r1', 'medix-r1-reference']),
  votes: z.int().positive(),
  judges: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      digest: z.string(),
      certificate: z
        .object({
          digest: z.string(),
          sensitivity: z.number(),
          specificity: z.number(),
          /** Labelled answers behind the two figures. */
          rightProbes: z.int().positive().optional(),
          wrongProbes: z.int().positive().optional(),
        })
        .nullable(),
    }),
  ),
  /** Calls, tokens and money of each use, as the ledger sums them. */
  ledger: ledgerSummarySchema,
});
export type JudgingManifest = z.infer<typeof judgingManifestSchema>;

/** Who judges, how. */
export type JudgingFacts = Omit<JudgingManifest, 'createdAt' | 'ledger'>;
