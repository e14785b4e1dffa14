/** The config of judges and embedders, the same for training, the reward service and evaluation. */
import { z } from 'zod';
import { moduleField, positiveInteger } from './sections.ts';

export const serverFields = {
  url: z
    .union([z.url(), z.array(z.url()).min(1)], { error: 'a URL, or a list of them' })
    .describe(
      'Base URL of an OpenAI-compatible server, e.g. http://localhost:8085/v1; a list names replicas of one model',
    ),
  model: z.string().min(1).describe('Model name as the server knows it'),
  apiKeyEnv: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Name of the environment variable that holds the API key; null sends none'),
  concurrency: positiveInteger
    .default(32)
    .describe('Requests in flight at once, over all replicas'),
  requestsPerMinute: positiveInteger
    .nullable()
    .default(null)
    .describe('Requests begun in a minute at most, over all replicas; null sets no limit'),
  deadlineMs: positiveInteger.default(60_000).describe('Milliseconds for one request'),
  attempts: positiveInteger
    .default(4)
    .describe('Requests for one question at most; lost connections and overload are retried'),
  hedgeAfterMs: positiveInteger
    .nullable()
    .default(null)
    .describe(
      'Ask a second time, elsewhere where there are replicas, when no answer came within these milliseconds; the first answer counts. Null never does',
    ),
};

const cacheField = z
  .string()
  .min(1)
  .nullable()
  .default('~/.cache/medix/answers')
  .describe('Folder that keeps answers across runs; null keeps them in memory only');

export const pricesField = z
  .strictObject({
    input: z.number().min(0).describe('Price of a million input tokens'),
    output: z.number().min(0).describe('Price of a million output tokens'),
  })
  .nullable()
  .default(null)
  .describe('What the server charges, in the currency of cap.money; null counts no money');

export const capField = z
  .strictObject({
    calls: positiveInteger.nullable().default(null).describe('Requests at most'),
    tokens: positiveInteger.nullable().default(null).describe('Input and output tokens at most'),
    money: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe('Spending at most; needs prices'),
  })
  .prefault({})
  .describe('Once one is reached nothing more is asked and what is open stays unscored');

const showImagesField = z
  .boolean()
  .default(false)
  .describe('Show the images of the question too, to judges that see');

const certificateField = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('Certificate that `medix judge certify` wrote; null has none'),
    minSensitivity: z.number().min(0).max(1).default(0).describe('Share of right answers passed'),
    minSpecificity: z.number().min(0).max(1).default(0).describe('Share of wrong ones refused'),
    minKappa: z.number().min(-1).max(1).default(0).describe('Agreement beyond chance'),
    below: z
      .enum(['warn', 'refuse'])
      .default('warn')
      .describe('What happens without a certificate of this judge, or below a threshold'),
  })
  .prefault({});

const chatFields = {
  prompt: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'How the judge is asked: "medix-r1", "medix-r1-reference" (as in the paper: no question, no fence, YES anywhere counts), or the path of a Jinja file; null takes the one that belongs to the reward profile',
    ),
  verdict: z
    .enum(['word', 'json', 'logprobs'])
    .default('word')
    .describe(
      'How the verdict is read: the single word YES or NO, {"correct": boolean} held to a schema, or the likelier of YES and NO as first token',
    ),
  maxTokens: positiveInteger
    .nullable()
    .default(null)
    .describe(
      'Length of a reply at most; null allows what the verdict needs. Raise it for models that think before they answer',
    ),
  showImages: showImagesField,
  cache: cacheField,
  prices: pricesField,
  cap: capField,
  certificate: certificateField,
};

/** Schema of {@link JudgeConfig}; its fields carry their own documentation. */
export const judgeSection = z
  .discriminatedUnion(
    'kind',
    [
      z.strictObject({
        kind: z.literal('reference-match').describe('offline, normalised match with the reference'),
      }),
      z.strictObject({
        kind: z.literal('openai').describe('a language model behind OpenAI-compatible servers'),
        ...serverFields,
        extraBody: z
          .record(z.string(), z.unknown())
          .default({})
          .describe(
            'Fields added to every request, e.g. {chat_template_kwargs: {enable_thinking: false}}',
          ),
        ...chatFields,
      }),
      z.strictObject({
        kind: z.literal('gguf').describe('a GGUF file in this process, by node-llama-cpp'),
        path: z.string().min(1).describe('The GGUF file'),
        contextLength: positiveInteger
          .default(2048)
          .describe('Tokens of one question and its reply'),
        ...chatFields,
      }),
      z.strictObject({
        kind: z.literal('module').describe('a judge of your own'),
        module: moduleField,
        showImages: showImagesField,
        certificate: certificateField,
      }),
    ],
    { error: 'one of "reference-match", "openai", "gguf", "module"' },
  )
  .superRefine((judge, context) => {
    if (!isChatJudge(judge) || judge.cap.money === null || judge.prices) return;
    context.addIssue({
      code: 'custom',
      path: ['prices'],
      message: 'prices, since money is capped',
    });
  });
export type JudgeConfig = z.output<typeof judgeSection>;

/** A judge that is a language model which MediX asks. */
export type ChatJudgeConfig = Extract<JudgeConfig, { readonly kind: 'openai' | 'gguf' }>;

export function isChatJudge<Judge extends { readonly kind: JudgeConfig['kind'] }>(
  judge: Judge,
): judge is Extract<Judge, { readonly kind: 'openai' | 'gguf' }> {
  return judge.kind === 'openai' || judge.kind === 'gguf';
}

/** Schema of {@link EmbedderConfig}; its fields carry their own documentation. */
export const embedderSection = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('local').describe('a general English sentence encoder in this process'),
    }),
    z.strictObject({
      kind: z.literal('openai').describe('an encoder behind OpenAI-compatible servers'),
      ...serverFields,
      cache: cacheField,
    }),
    z.strictObject({
      kind: z.literal('onnx').describe('an ONNX encoder in this process, by transformers.js'),
      model: z
        .string()
        .min(1)
        .describe('Folder in Hugging Face layout, or owner/name@revision on the hub'),
      pooling: z
        .enum(['mean', 'cls'])
        .describe(
          'How token vectors become one: as the model was trained (MedEmbed and SapBERT: cls)',
        ),
      file: z.string().min(1).default('model').describe('Name in onnx/, without .onnx'),
      cache: cacheField,
    }),
    z.strictObject({
      kind: z.literal('module').describe('an embedder of your own'),
      module: moduleField,
    }),
  ],
  { error: 'one of "local", "openai", "onnx", "module"' },
);
export type EmbedderConfig = z.output<typeof embedderSection>;

/** Names that the reward's own figures have: `reward/mean` and the like. */
const takenNames = ['judge', 'similarity', 'modality', 'format', 'mean', 'unscored', 'overlong'];

const ownComponents = z
  .record(
    z
      .string()
      .regex(/^[a-z][A-Za-z0-9]*$/, 'a name of letters and digits, beginning with a small letter')
      .refine((name) => !takenNames.includes(name), `another name than ${takenNames.join(', ')}`),
    z.strictObject({ module: moduleField, weight: z.number().gt(0).lt(1) }),
  )
  .refine(
    (components) => Object.values(components).reduce((sum, { weight }) => sum + weight, 0) < 1,
    'weights that add up to less than 1, since the profile has the rest',
  )
  .default({})
  .describe(
    'Components of your own by name, {brevity: {module: ./mine.ts#brevity, weight: 0.1}}: each adds weight × its score, the reward of the profile counts for the rest of 1',
  );

/** Schema of {@link RewardConfig}; its fields carry their own documentation. */
export const rewardFields = {
  profile: z
    .string()
    .min(1)
    .default('medix-r1')
    .describe(
      'How components become a reward: "medix-r1", "medix-r1-reference" (the paper\'s code, quirks included), or the path of a YAML file',
    ),
  judge: judgeSection.prefault({ kind: 'reference-match' }),
  embedder: embedderSection.prefault({ kind: 'local' }),
  components: ownComponents,
};
export const rewardSchema = z.strictObject(rewardFields);
export type RewardConfig = z.output<typeof rewardSchema>;
