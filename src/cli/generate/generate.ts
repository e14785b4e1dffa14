/** `medix generate`: one answer of a model, shown while it is sampled. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { localEngine } from '../../config/engine-config.ts';
import { defined, fail } from '../../core/errors.ts';
import { readBytes } from '../../core/files.ts';
import { reading } from '../../core/reading.ts';
import type { ImageFile } from '../../core/sample.ts';
import { openTemplate, renderMessages } from '../../data/prompt-template.ts';
import { parseResponse } from '../../data/response.ts';
import { builtInTemplates } from '../../data/templates.ts';
import type { Completion, Engine, SampleRequest } from '../../engine/engine.ts';
import { openEngine } from '../../engine/open-engine.ts';
import type { Prompt } from '../../model/prompt.ts';
import { readManifest } from '../../run/run-reader.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { findModelFor } from '../find-model-for.ts';
import { decimalNumber, wholeNumber } from '../option-values.ts';
import { createResponseView } from '../reward/response-view.ts';
import { createTokenText } from './token-text.ts';

type Options = {
  readonly model: string;
  readonly prompt: string;
  readonly image?: readonly string[];
  readonly template?: string;
  readonly maxTokens?: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly json?: true;
};

/** Length of an answer where neither the user nor the model's context sets a limit, in tokens. */
const defaultMaxTokens = 1024;

const defaultTemplate = 'medix-r1';

const templateNames = Object.keys(builtInTemplates).join(', ');

export const setUpGenerate: SetUpCommand = (command, context) => {
  command
    .requiredOption(
      '--model <model>',
      'folder of a model in Hugging Face layout, or owner/name[@revision] of the hub',
    )
    .requiredOption('--prompt <text>', 'the question')
    .option('--image <files...>', 'images, in the order the model sees them')
    .option(
      '--template <name>',
      `prompt template: ${templateNames} or the path of a Jinja file (default: the one that the model was trained with, if the model is in a run directory, else ${defaultTemplate})`,
    )
    .option(
      '--max-tokens <number>',
      `tokens after which the answer is cut off (default: what fits into the context, at most ${defaultMaxTokens})`,
      wholeNumber(1),
    )
    .option(
      '--temperature <number>',
      '0 takes the most likely token; above 0 tokens are drawn',
      decimalNumber('of at least 0', (value) => value >= 0),
      0,
    )
    .option(
      '--top-p <number>',
      'draw only from the most likely tokens that together have this probability, above 0 up to 1',
      decimalNumber('above 0 up to 1', (value) => value > 0 && value <= 1),
      1,
    )
    .option('--seed <number>', 'the same seed draws the same answer', wholeNumber(0), 1)
    .option('--json', 'print one JSON object at the end instead of the text as it is generated')
    .addHelpText('after', help)
    .action((options: Options) => generate(options, context));
};

const help = `
The answer is shown in its parts modality, thinking and answer; anything outside of them is shown as text.
With --json: {modality, thinking, answer, text, stopReason, tokens, logprob}.
  text        the whole completion
  stopReason  "stop" (the model ended it) or "length" (cut off)
  tokens      token ids of the completion
  logprob     natural log of its probability under the model at temperature 1
If the answer has another format, parts that cannot be read are null, and "malformed" says
what is wrong.`;

async function generate(options: Options, { terminal, signal }: CommandContext): Promise<void> {
  const images = await Promise.all((options.image ?? []).map(readImage));
  const { folder } = await findModelFor(options.model, { terminal, signal });
  const template = await openTemplate(options.template ?? (await templateOf(folder)));
  const messages = renderMessages(template, { images, problem: options.prompt });
  const engine = await openEngine(localEngine, folder, { kind: 'answer' }, signal);
  try {
    const { processor } = engine.model;
    const request = requestOf(engine, await processor.encode(messages), options);
    if (options.json) {
      const completion = await sampleOne(engine, request, signal);
      terminal.printJson(describe(completion, processor.decode(completion.tokens)));
      return;
    }
    const view = createResponseView(terminal);
    const text = createTokenText(processor.decode);
    const onToken = (_: number, token: number) => view.add(text.add(token));
    const completion = await sampleOne(engine, { ...request, onToken }, signal).finally(() => {
      view.add(text.end());
      view.end();
    });
    const { malformed } = describe(completion, processor.decode(completion.tokens));
    if (malformed !== undefined) terminal.print(`malformed: ${malformed}`);
    if (completion.stopReason === 'length') {
      terminal.print(`cut off: after ${completion.tokens.length} tokens`);
    }
  } finally {
    await engine.close();
  }
}

/** @throws MedixError 'engine' when the prompt leaves no room for the answer. */
function requestOf({ model }: Engine, prompt: Prompt, options: Options): SampleRequest {
  const room = model.contextLength - prompt.tokens.length;
  const { maxTokens = Math.min(defaultMaxTokens, room), temperature, topP, seed } = options;
  if (room < Math.max(1, maxTokens)) {
    fail('engine', {
      where: '--prompt',
      expected: `a prompt and an answer within the ${model.contextLength} tokens of ${model.id}`,
      got: `${prompt.tokens.length} tokens of prompt (template and images included) and ${Math.max(1, maxTokens)} of answer`,
      next: 'shorten the prompt, use smaller or fewer images, a shorter --template or lower --max-tokens',
    });
  }
  return { prompt, keys: [`${seed}/generate`], maxTokens, temperature, topP, topK: 0 };
}

async function sampleOne(
  engine: Engine,
  request: SampleRequest,
  signal: AbortSignal,
): Promise<Completion> {
  let completion: Completion | undefined;
  for await (const group of engine.sample([request], signal)) completion = group.completions[0];
  return defined(completion, 'completion');
}

function describe({ tokens, logprobs, stopReason }: Completion, text: string) {
  const { modality = null, thinking = null, answer = null, ...rest } = parseResponse(text);
  return {
    modality,
    thinking,
    answer,
    ...(rest.kind === 'malformed' ? { malformed: rest.problem } : {}),
    text,
    stopReason,
    tokens: [...tokens],
    logprob: logprobs.reduce((total, logprob) => total + logprob, 0),
  };
}

async function readImage(path: string): Promise<ImageFile> {
  const asked = {
    boundary: 'data',
    where: `--image ${path}`,
    expected: 'an image file',
    next: 'correct the path',
  } as const;
  return { bytes: await reading(asked, () => readBytes(path)), name: path };
}

const runConfigSchema = z.object({ data: z.object({ template: z.string() }) });

/**
 * The prompt template that the model was trained with, where it is known: a run's model lies in the run's
 * directory.
 */
async function templateOf(model: string): Promise<string> {
  const manifest = await readManifest(dirname(resolve(model))).catch(() => undefined);
  return runConfigSchema.safeParse(manifest?.config).data?.data.template ?? defaultTemplate;
}
