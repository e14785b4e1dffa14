/**
 * A GGUF model in this process by node-llama-cpp, an optional peer: the model's own chat template, greedy,
 * one request at a time, each from an empty context, so that a reply does not depend on what was asked
 * before. Text only.
 */
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { importPeer } from '../config/optional-peer.ts';
import type { Clock } from '../core/async/clock.ts';
import { digestOf, digestOfFile } from '../core/digest.ts';
import { fail, messageOf } from '../core/errors.ts';
import { compileJinja } from '../core/jinja.ts';
import { cancelled, type Unscored } from '../core/outcome.ts';
import type { Meter } from '../http/ledger.ts';
import { type Identity, identify } from '../model/files/identify.ts';
import type { ChatModel, ChatRequest } from './chat-model.ts';
import { generate, type LoadedGguf, promptTokens } from './gguf-generate.ts';
import type { LlamaCppModule, LlamaGrammar } from './llama-cpp.ts';

export type GgufChatModelOptions = {
  readonly path: string;
  /** Tokens of one prompt and its reply. */
  readonly contextLength: number;
};

const packageName = 'node-llama-cpp';

/**
 * Loads the file.
 * @param context.meter Counts requests and may bar them.
 * @throws MedixError (judge) when the package is missing, the file cannot be loaded, or it has no chat
 *   template.
 */
export async function openGgufChatModel(
  { path, contextLength }: GgufChatModelOptions,
  context: { readonly clock: Clock; readonly meter: Meter },
  load: () => Promise<unknown> = () => importPeer(packageName, 'judge gguf'),
): Promise<ChatModel> {
  const { clock, meter } = context;
  const fileDigest = await digestOfFile(path).catch((error) => notLoaded(path, error));
  const llamaCpp = (await load()) as LlamaCppModule;
  const version = await llamaCpp.getModuleVersion();
  const loaded = await loadModel(llamaCpp, path, contextLength).catch((error) =>
    notLoaded(path, error),
  );
  let turn: Promise<unknown> = Promise.resolve();

  const answer = async (request: ChatRequest, signal: AbortSignal) => {
    if (signal.aborted) return cancelled;
    const bar = meter.barred();
    if (bar !== undefined) return unscored('cap-reached', bar);
    const prompt = promptTokens(loaded, request.messages);
    if (prompt.length + request.maxTokens > contextLength) {
      const message = `${prompt.length} tokens of prompt and ${request.maxTokens} of reply do not fit into contextLength ${contextLength}`;
      return unscored('refused', message);
    }
    meter.requested();
    const startedAt = clock.now();
    const outcome = await generate(loaded, prompt, request, signal).catch((error) =>
      unscored('refused', `the model failed: ${messageOf(error)}`),
    );
    if (outcome.kind === 'unscored') {
      meter.failed();
      return outcome;
    }
    const tokens = { prompt: prompt.length, completion: outcome.count };
    meter.answered(tokens);
    const { count: _, ...reply } = outcome;
    return { ...reply, latencyMs: clock.now() - startedAt, tokens };
  };

  return {
    describe: {
      id: basename(path),
      kind: 'gguf',
      digest: digestOf([packageName, version, fileDigest]),
    },
    reply: (request, signal) => {
      if (request.messages.some(({ content }) => content.some(({ type }) => type === 'image'))) {
        return Promise.resolve(
          unscored('refused', 'a GGUF judge sees no images; set showImages: false'),
        );
      }
      const mine = turn.then(() => answer(request, signal));
      turn = mine.catch(() => {});
      return mine;
    },
    probe: async () => undefined,
    close: async () => {
      await turn;
      await loaded.dispose();
    },
  };
}

async function loadModel(
  llamaCpp: LlamaCppModule,
  path: string,
  contextLength: number,
): Promise<LoadedGguf> {
  const llama = await llamaCpp.getLlama({
    // Never compiles or downloads anything by itself, and never runs more threads than there are cores:
    // they spin while they wait for one another.
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: 'error',
    maxThreads: availableParallelism(),
  });
  const model = await llama.loadModel({ modelPath: path });
  const source = model.fileInfo.metadata.tokenizer?.chat_template;
  if (source === undefined) throw new Error('a model without a chat template');
  const template = compileJinja(source);
  // A template that refuses a single user message, or cannot be rendered at all, is known at the start.
  promptTokens({ model, template }, [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }]);
  const context = await model.createContext({ contextSize: contextLength, sequences: 1 });
  const grammars = new Map<string, Promise<LlamaGrammar>>();
  return {
    llamaCpp,
    model,
    sequence: context.getSequence(),
    template,
    grammarOf: ({ json }) => {
      // Not by its name: a rubric's schema is another one for each number of criteria.
      const key = JSON.stringify(json);
      const known = grammars.get(key) ?? llama.createGrammarForJsonSchema(json);
      grammars.set(key, known);
      return known;
    },
    dispose: async () => {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}

function unscored(cause: Unscored['cause'], message: string): Unscored {
  return { kind: 'unscored', cause, message };
}

async function notLoaded(path: string, error: unknown): Promise<never> {
  return fail(
    'judge',
    {
      where: `judge ${path}`,
      expected: 'a GGUF file of a chat model',
      got: whatIsThere(await identify(path)) ?? messageOf(error),
      next: 'correct judge.path',
    },
    error,
  );
}

/** Undefined where the path is not to blame. */
function whatIsThere(identity: Identity): string | undefined {
  switch (identity.kind) {
    case 'gguf':
      return undefined;
    case 'model-folder':
      return 'the folder of a checkpoint in Hugging Face layout';
    case 'adapter':
    case 'other':
      return identity.what;
  }
}
