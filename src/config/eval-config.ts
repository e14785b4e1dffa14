/** The config of `medix eval`: which model answers which tasks, and who judges. */
import { z } from 'zod';
import { answeringEngineSection } from './engine-config.ts';
import { capField, judgeSection, pricesField, serverFields } from './judge-config.ts';
import { moduleField, positiveInteger } from './sections.ts';

const modelSection = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('local').describe('a model in Hugging Face layout, on this machine'),
      path: z
        .string()
        .min(1)
        .describe('For "local", the model folder, or owner/name[@revision] of the hub'),
      engine: answeringEngineSection,
    }),
    z.strictObject({
      kind: z.literal('openai').describe('a model behind OpenAI-compatible servers'),
      ...serverFields,
      extraBody: z
        .record(z.string(), z.unknown())
        .default({})
        .describe('Fields added to every request'),
      prices: pricesField,
      cap: capField,
    }),
    z.strictObject({
      kind: z.literal('file').describe('answers that another program has written'),
      path: z
        .string()
        .min(1)
        .describe(
          'for "file", a JSONL file of rows {id, response}, with the ids that `medix eval samples` lists',
        ),
      name: z
        .string()
        .min(1)
        .describe('Name of the model that wrote the answers, shown in reports'),
    }),
    z.strictObject({
      kind: z.literal('module').describe('a model of your own'),
      module: moduleField,
    }),
  ],
  { error: 'one of "local", "openai", "file", "module"' },
);
export type EvalModelConfig = z.output<typeof modelSection>;

/** How an evaluation asks a judge. */
export const askingFields = {
  mode: z
    .enum(['medix-r1', 'medix-r1-reference'])
    .default('medix-r1')
    .describe(
      'How judges are asked: "medix-r1" (independent votes) or "medix-r1-reference" (the three chained rounds of the paper, for comparison with its numbers)',
    ),
  votes: positiveInteger
    .default(1)
    .describe(
      'Number of independent votes of each judge; above 1 only for judges that are language models',
    ),
};

/** A judging's name is that of a folder. */
export const judgingNamePattern = /^[a-z0-9][a-z0-9._-]*$/i;

const judgingSection = z.strictObject({
  name: z
    .string()
    .regex(judgingNamePattern)
    .default('judge')
    .describe('Name of this judging; one results folder can hold several judgings'),
  mode: askingFields.mode,
  judges: z
    .array(judgeSection)
    .min(1)
    .default([{ kind: 'reference-match' }])
    .describe('One judge, or a panel of judges from different model families'),
  votes: askingFields.votes,
  metrics: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe('Name of the metric, shown as a column of the report'),
        url: z
          .url()
          .describe(
            'HTTP service that scores radiology reports, e.g. one that runs RadGraph or GREEN',
          ),
      }),
    )
    .default([])
    .describe(
      'External metrics of tasks whose answers are radiology reports: a list of {name, url}',
    ),
  minimumCoverage: z
    .number()
    .min(0)
    .max(1)
    .default(0.95)
    .describe(
      'A score is marked incomplete if a smaller share of the expected answers than this has a score',
    ),
});
export type JudgingConfig = z.output<typeof judgingSection>;

/** Schema of {@link EvalConfig}; its fields carry their own documentation. */
export const evalConfigSchema = z.strictObject({
  out: z.string().min(1).default('evals/eval').describe('Results folder'),
  model: modelSection,
  tasks: z
    .array(z.string().min(1))
    .min(1)
    .describe('Task ids (see `medix eval tasks`), "all", "text", "vision", or paths of task files'),
  data: z
    .record(z.string(), z.string())
    .default({})
    .describe(
      'Local files or folders with the rows of tasks, used instead of the hub: {medqa: ../data/medqa.jsonl}',
    ),
  imageRoots: z
    .record(z.string(), z.string())
    .default({})
    .describe(
      'Folders with the images of tasks whose rows name image files: {slake_vqa: ../data/slake/imgs}',
    ),
  limit: positiveInteger
    .nullable()
    .default(null)
    .describe(
      'Use at most this many samples of each task, the same ones every time; null takes all',
    ),
  template: z
    .string()
    .min(1)
    .default('question')
    .describe(
      'Prompt template: "medix-r1", "brief", "question" (nothing but the question), or the path of a Jinja file',
    ),
  systemPrompt: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('System message; null sends none'),
  sampling: z
    .strictObject({
      temperature: z
        .number()
        .min(0)
        .default(0)
        .describe('Sampling temperature; 0 always takes the most likely token'),
      topP: z
        .number()
        .gt(0)
        .max(1)
        .default(1)
        .describe(
          'Nucleus sampling: draw only from the most likely tokens that together have this probability; 1 keeps all tokens',
        ),
      maxTokens: positiveInteger.default(4096).describe('Tokens after which an answer is cut off'),
      epochs: positiveInteger.default(1).describe('How many times each question is answered'),
      seed: z
        .int()
        .nonnegative()
        .default(1)
        .describe('Seed of sampling, of shuffled images and options, and of bootstrap draws'),
    })
    .prefault({}),
  variants: z
    .array(z.enum(['original', 'blank-image', 'shuffled-image', 'wrong-image', 'permuted-options']))
    .min(1)
    .default(['original'])
    .describe(
      'Forms in which each question is asked: "original", "blank-image", "shuffled-image" (the image in shuffled tiles), "wrong-image" (the image of another study), "permuted-options" (the options in another order)',
    ),
  judging: judgingSection.prefault({}),
  zeroRetention: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Host names of servers that keep no data by agreement (zero retention); no other remote server is sent credentialed data',
    ),
  statistics: z
    .strictObject({
      draws: positiveInteger.default(1000).describe('Number of bootstrap draws'),
      fewClusters: z
        .enum(['widened', 'as-drawn'])
        .default('widened')
        .describe(
          'Intervals over fewer than 50 clusters (images, patients): "widened" to what so few can tell, or "as-drawn", too narrow, as earlier versions left them; an evaluation that one of those began keeps "as-drawn"',
        ),
      mmluAsOne: z
        .boolean()
        .default(false)
        .describe(
          'Count the MMLU subsets as one task in the mean over tasks; the paper counts them as six',
        ),
    })
    .prefault({}),
});
export type EvalConfig = z.output<typeof evalConfigSchema>;
