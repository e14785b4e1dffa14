/** The config of `medix eval`: which model answers which tasks, and who judges. */
import { z } from 'zod';
import { capField, judgeSection, pricesField, serverFields } from './judge-config.ts';
import { moduleField, positiveInteger } from './sections.ts';

const modelSection = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('local').describe('a model folder in Hugging Face layout, in this process'),
      path: z.string().min(1).describe('The folder'),
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
      kind: z.literal('file').describe('answers that exist already'),
      path: z
        .string()
        .min(1)
        .describe('JSONL rows {id, response}; id as `medix eval samples` lists it'),
      name: z.string().min(1).describe('Name of the model that wrote them, for reports'),
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
      'Independent votes, or the three chained rounds of the paper for comparison with its numbers',
    ),
  votes: positiveInteger
    .default(1)
    .describe(
      'Independent votes of each judge; more than one only for judges that are language models',
    ),
};

const judgingSection = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]*$/i)
    .default('judge')
    .describe('Names this judging in the results folder, so that several can stand side by side'),
  mode: askingFields.mode,
  judges: z
    .array(judgeSection)
    .min(1)
    .default([{ kind: 'reference-match' }])
    .describe('One judge, or a panel of several families'),
  votes: askingFields.votes,
  metrics: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe('Column in the report'),
        url: z.url().describe('Service that scores reports, e.g. RadGraph or GREEN behind HTTP'),
      }),
    )
    .default([])
    .describe('External metrics of report tasks'),
  minimumCoverage: z
    .number()
    .min(0)
    .max(1)
    .default(0.95)
    .describe('A score that rests on a smaller share of the samples is marked incomplete'),
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
    .describe('Where a task finds its rows instead of the hub: {medqa: ../data/medqa.jsonl}'),
  imageRoots: z
    .record(z.string(), z.string())
    .default({})
    .describe('Folder of the images of tasks that name files: {slake_vqa: ../data/slake/imgs}'),
  limit: positiveInteger
    .nullable()
    .default(null)
    .describe('Samples of each task at most, drawn by their digest; null takes all'),
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
      temperature: z.number().min(0).default(0).describe('0 is greedy'),
      topP: z.number().gt(0).max(1).default(1).describe('Nucleus; 1 keeps all'),
      maxTokens: positiveInteger.default(4096).describe('Tokens after which an answer is cut off'),
      epochs: positiveInteger.default(1).describe('Answers to each question'),
      seed: z.int().nonnegative().default(1).describe('Of sampling, shuffles and bootstrap draws'),
    })
    .prefault({}),
  variants: z
    .array(z.enum(['original', 'blank-image', 'shuffled-image', 'wrong-image', 'permuted-options']))
    .min(1)
    .default(['original'])
    .describe(
      'Ask also with a blank image, the image in shuffled tiles, the image of another study, or the options in another order',
    ),
  judging: judgingSection.prefault({}),
  zeroRetention: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Servers (host names) with which a zero-retention agreement exists: only they may see credentialed data',
    ),
  statistics: z
    .strictObject({
      draws: positiveInteger.default(1000).describe('Bootstrap draws'),
      mmluAsOne: z
        .boolean()
        .default(false)
        .describe('Count the MMLU subsets as one task in the macro mean; the paper counts six'),
    })
    .prefault({}),
});
export type EvalConfig = z.output<typeof evalConfigSchema>;
