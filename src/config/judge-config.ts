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
    .describe('Maximum number of requests in flight at once, over all replicas'),
  requestsPerMinute: positiveInteger
    .nullable()
    .default(null)
    .describe(
      'Maximum number of requests sent in one minute, over all replicas; null sets no limit',
    ),
  deadlineMs: positiveInteger
    .default(60_000)
    .describe('Time limit of one request, in milliseconds'),
  attempts: positiveInteger
    .default(4)
    .describe(
      'Maximum number of requests for one question; a lost connection or an overloaded server is retried',
    ),
  hedgeAfterMs: positiveInteger
    .nullable()
    .default(null)
    .describe(
      'Sends a duplicate request, to another replica if there is one, when no answer came within this many milliseconds; the first answer counts. null disables it',
    ),
};

const cacheField = z
  .string()
  .min(1)
  .nullable()
  .default('~/.cache/medix/answers')
  .describe(
    'Folder that keeps answers across runs, or redis://host:port/number of a store that several machines share; null keeps them in memory only',
  );

export const pricesField = z
  .strictObject({
    input: z.number().min(0).describe('Price of a million input tokens'),
    output: z.number().min(0).describe('Price of a million output tokens'),
  })
  .nullable()
  .default(null)
  .describe(
    'What the server charges, in the currency of cap.money; with null, spending is not counted',
  );

export const capField = z
  .strictObject({
    calls: positiveInteger
      .nullable()
      .default(null)
      .describe('Maximum number of requests; null sets no limit'),
    tokens: positiveInteger
      .nullable()
      .default(null)
      .describe('Maximum number of input and output tokens together; null sets no limit'),
    money: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe('Maximum spending; needs prices; null sets no limit'),
  })
  .prefault({})
  .describe(
    'Limits on the whole use of the server; once one is reached, no more requests are sent and the remaining items get no result',
  );

const showImagesField = z
  .boolean()
  .default(false)
  .describe('Also show the images of the question to the judge, which must be a vision model');

const certificateField = z
  .strictObject({
    path: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
        error: 'a path, or a list of paths',
      })
      .nullable()
      .default(null)
      .describe(
        'Certificate that `medix judge certify` wrote, or a list: one for verdicts and one for rubrics; null means that there is none',
      ),
    minSensitivity: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Lowest acceptable share of right answers that the judge passes'),
    minSpecificity: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Lowest acceptable share of wrong answers that the judge refuses'),
    minKappa: z
      .number()
      .min(-1)
      .max(1)
      .default(0)
      .describe("Lowest acceptable agreement with the labels beyond chance (Cohen's kappa)"),
    below: z
      .enum(['warn', 'refuse'])
      .default('warn')
      .describe(
        'What happens if this judge has no certificate or misses a threshold: "warn" or "refuse" to start',
      ),
  })
  .prefault({});

const chatFields = {
  prompt: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'How the judge is asked: "medix-r1", "medix-r1-reference" (as in the paper: the judge does not see the question, nothing marks where the answer begins and ends, and YES anywhere in the reply counts), or the path of a Jinja file; null takes the prompt that belongs to the reward profile',
    ),
  verdict: z
    .enum(['word', 'json', 'logprobs'])
    .default('word')
    .describe(
      'How the verdict is read: "word" (the reply is the single word YES or NO), "json" (the reply is {"correct": boolean}, enforced by a schema), or "logprobs" (YES or NO, whichever is more likely as the first token)',
    ),
  maxTokens: positiveInteger
    .nullable()
    .default(null)
    .describe(
      'Maximum length of a reply in tokens; null allows what the verdict needs. Raise it for models that think before they answer',
    ),
  showImages: showImagesField,
  cache: cacheField,
  prices: pricesField,
  cap: capField,
};

const referenceMatch = z.strictObject({
  kind: z
    .literal('reference-match')
    .describe('offline, normalised match with the reference answer'),
});
const openai = z.strictObject({
  kind: z.literal('openai').describe('a language model behind OpenAI-compatible servers'),
  ...serverFields,
  extraBody: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      'Fields added to every request, e.g. {chat_template_kwargs: {enable_thinking: false}}',
    ),
  ...chatFields,
});
const gguf = z.strictObject({
  kind: z.literal('gguf').describe('a GGUF file in this process, by node-llama-cpp'),
  path: z.string().min(1).describe('Path of the GGUF file'),
  contextLength: positiveInteger
    .default(2048)
    .describe('Context length in tokens; one prompt and its reply must fit into it'),
  ...chatFields,
});
const ownJudge = z.strictObject({
  kind: z.literal('module').describe('a judge of your own'),
  module: moduleField,
  showImages: showImagesField,
});

const certified = { certificate: certificateField };
const oneJudge = [
  referenceMatch,
  openai.extend(certified),
  gguf.extend(certified),
  ownJudge.extend(certified),
] as const;
const oneJudgeError = { error: 'one of "reference-match", "openai", "gguf", "module"' };

/** Schema of {@link JudgeConfig}; its fields carry their own documentation. */
export const judgeSection = z
  .discriminatedUnion('kind', oneJudge, oneJudgeError)
  .superRefine(checkPrices);
export type JudgeConfig = z.output<typeof judgeSection>;

/** A panel is certified as a whole, so its judges have no certificates of their own. */
const panelist = z
  .discriminatedUnion('kind', [referenceMatch, openai, gguf, ownJudge], oneJudgeError)
  .superRefine(checkPrices);

const panel = z.strictObject({
  kind: z.literal('panel').describe('several judges, whose verdicts are combined'),
  judges: z
    .array(panelist)
    .min(2)
    .describe('The judges of a panel, best from different model families; none twice'),
  rule: z
    .enum(['majority', 'mean', 'unanimous'])
    .default('majority')
    .describe(
      'How a panel decides: "majority" (more than half of all its judges, else there is no verdict), "mean" (the score is the share of verdicts that say right), or "unanimous" (right only if no verdict says otherwise)',
    ),
  quorum: positiveInteger
    .nullable()
    .default(null)
    .describe(
      'Smallest number of judges of a panel that must give a verdict, or there is none; null means more than half of them',
    ),
  ...certified,
});
export type PanelConfig = z.output<typeof panel>;

/** The judge of a reward: one, or a panel. Schema of {@link RewardJudgeConfig}. */
export const rewardJudgeSection = z
  .discriminatedUnion('kind', [...oneJudge, panel], {
    error: 'one of "reference-match", "openai", "gguf", "module", "panel"',
  })
  .superRefine((judge, context) => {
    if (judge.kind !== 'panel') return checkPrices(judge, context);
    if (judge.quorum === null || judge.quorum <= judge.judges.length) return;
    const message = `at most ${judge.judges.length}, the number of judges`;
    context.addIssue({ code: 'custom', path: ['quorum'], message });
  });
export type RewardJudgeConfig = z.output<typeof rewardJudgeSection>;

/** One judge that decides alone or in a panel. */
export type SingleJudgeConfig = z.output<typeof panelist>;

/** The judges of a panel, or the one that there is. */
export function judgesOf(judge: RewardJudgeConfig): readonly SingleJudgeConfig[] {
  return judge.kind === 'panel' ? judge.judges : [judge];
}

/** A change to each of the judges that there are. */
export function withJudges(
  judge: RewardJudgeConfig,
  change: <One extends SingleJudgeConfig>(one: One) => One,
): RewardJudgeConfig {
  return judge.kind === 'panel' ? { ...judge, judges: judge.judges.map(change) } : change(judge);
}

/** A judge that is a language model which MediX asks. */
export type ChatJudgeConfig = Extract<SingleJudgeConfig, { readonly kind: 'openai' | 'gguf' }>;

export function isChatJudge<Judge extends { readonly kind: RewardJudgeConfig['kind'] }>(
  judge: Judge,
): judge is Extract<Judge, { readonly kind: 'openai' | 'gguf' }> {
  return judge.kind === 'openai' || judge.kind === 'gguf';
}

function checkPrices(
  judge:
    | z.output<(typeof oneJudge)[number]>
    | z.output<typeof openai | typeof gguf | typeof ownJudge>,
  context: z.RefinementCtx,
): void {
  if (!isChatJudge(judge) || judge.cap.money === null || judge.prices) return;
  context.addIssue({ code: 'custom', path: ['prices'], message: 'prices, since money is capped' });
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
        .describe('for "onnx", a folder in Hugging Face layout or owner/name@revision on the hub'),
      pooling: z
        .enum(['mean', 'cls'])
        .describe(
          'How token vectors become one vector, "mean" or "cls"; choose what the model was trained with (MedEmbed and SapBERT: "cls")',
        ),
      file: z
        .string()
        .min(1)
        .default('model')
        .describe('Name of the ONNX file in the subfolder onnx/, without .onnx'),
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

/**
 * What weights of own components leave of 1 for the profile; exactly 0 where they add up to 1 but for the
 * rounding of their sum. Negative where they add up to more.
 */
export function shareLeft(weights: readonly { readonly weight: number }[]): number {
  const left = weights.reduce((rest, { weight }) => rest - weight, 1);
  return Math.abs(left) < 1e-9 ? 0 : left;
}

/** Names that the reward's own figures have: `reward/mean` and the like. */
const takenNames = [
  'judge',
  'similarity',
  'modality',
  'format',
  'rubric',
  'findings',
  'mean',
  'unscored',
  'overlong',
];

const ownComponents = z
  .record(
    z
      .string()
      .regex(/^[a-z][A-Za-z0-9]*$/, 'a name of letters and digits, beginning with a small letter')
      .refine((name) => !takenNames.includes(name), `another name than ${takenNames.join(', ')}`),
    z.strictObject({ module: moduleField, weight: z.number().gt(0).max(1) }),
  )
  .refine(
    (components) => shareLeft(Object.values(components)) >= 0,
    'weights that add up to 1 at most, since the profile has the rest',
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
      'How components become a reward: "medix-r1", "medix-r1-reading" (the same, with a part for thinking that says what can be read off the images), "medix-r1-reference" (the paper\'s code, quirks included), or the path of a YAML file',
    ),
  judge: rewardJudgeSection.prefault({ kind: 'reference-match' }),
  embedder: embedderSection.prefault({ kind: 'local' }),
  components: ownComponents,
};
export const rewardSchema = z.strictObject(rewardFields);
export type RewardConfig = z.output<typeof rewardSchema>;
