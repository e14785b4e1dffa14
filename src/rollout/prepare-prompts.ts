/**
 * Samples to prompts: template, chat template, image patches, token ids. Encoded prompts are kept for
 * the next epoch in a least-recently-used cache; those too long for the model are rejected by id.
 */
import { createDigest } from '../core/digest.ts';
import { fail, MedixError, type Problem } from '../core/errors.ts';
import type { Message } from '../core/message.ts';
import type { Sample } from '../core/sample.ts';
import type { ModelDescription } from '../engine/engine.ts';
import type { Prompt } from '../model/prompt.ts';

export type PreparedPrompt = { readonly sample: Sample; readonly prompt: Prompt };

type PreparationOutcome =
  | ({ readonly kind: 'prepared' } & PreparedPrompt)
  /** The prompt leaves no room for a completion, or an image cannot be read. */
  | { readonly kind: 'rejected'; readonly sample: Sample; readonly problem: Problem };

/** Prepares one sample. Samples that ask the same about the same images have the same prompt, whatever their ids. */
export type PreparePrompt = (sample: Sample) => Promise<PreparationOutcome>;

const defaultCacheBytes = 512 * 2 ** 20;

/**
 * @param maxCompletionTokens room that a prompt must leave in the model's context, in tokens.
 * @param cacheBytes encoded prompts kept in memory, in bytes.
 * @throws MedixError 'engine' where the context holds no more than the completion.
 */
export function createPromptPreparation(
  model: ModelDescription,
  render: (sample: Sample) => readonly Message[],
  maxCompletionTokens: number,
  cacheBytes: number = defaultCacheBytes,
): PreparePrompt {
  const longest = model.contextLength - maxCompletionTokens;
  if (longest < 1) failNoRoom(model, maxCompletionTokens);
  const cache = new PromptCache(cacheBytes);
  return async (sample) => {
    const messages = render(sample);
    const key = contentDigest(messages);
    let prompt = cache.get(key);
    if (!prompt) {
      try {
        prompt = await model.processor.encode(messages);
      } catch (error) {
        return { kind: 'rejected', sample, problem: dataProblem(error, sample) };
      }
      cache.set(key, prompt);
    }
    return prompt.tokens.length <= longest
      ? { kind: 'prepared', sample, prompt }
      : { kind: 'rejected', sample, problem: tooLong(sample, prompt.tokens.length, longest) };
  };
}

/** Otherwise every sample would be told to have fewer than no tokens. */
function failNoRoom({ id, contextLength }: ModelDescription, maxCompletionTokens: number): never {
  fail('engine', {
    where: `model ${id}`,
    expected: `a context of more than the ${maxCompletionTokens} tokens that a completion may have`,
    got: `${contextLength} tokens for prompt and completion together`,
    next: 'allow shorter completions, e.g. lower rollout.maxCompletionTokens, or use a model with a longer context',
  });
}

/** A sample whose tokens leave no room in the model's context. */
export function tooLong(sample: Sample, tokens: number, longest: number): Problem {
  return {
    where: `sample ${sample.id}`,
    expected: `at most ${longest} tokens, so that a completion fits into the model's context`,
    got: `${tokens}`,
    next: 'allow shorter completions, use smaller images, or a model with a longer context',
  };
}

/** What is wrong with the sample's own data; any other error is thrown on. */
function dataProblem(error: unknown, sample: Sample): Problem {
  const problem = error instanceof MedixError && error.boundary === 'data' && error.problems[0];
  if (!problem) throw error;
  return { ...problem, where: `sample ${sample.id}: ${problem.where}` };
}

/**
 * Digest of everything that a prompt is made from. Ids are no key: two data sets may both count their rows
 * from 0.
 */
function contentDigest(messages: readonly Message[]): string {
  const hash = createDigest();
  for (const { role, content } of messages) {
    hash.update(`${role} ${content.length}\n`);
    for (const part of content) {
      const bytes = part.type === 'text' ? Buffer.from(part.text) : part.image.bytes;
      hash.update(`${part.type} ${bytes.length}\n`).update(bytes);
    }
  }
  return hash.digest('hex');
}

/** Least recently used first out; a `Map` keeps insertion order. */
class PromptCache {
  readonly #capacity: number;
  readonly #prompts = new Map<string, Prompt>();
  #bytes = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): Prompt | undefined {
    const prompt = this.#prompts.get(key);
    if (prompt) {
      this.#prompts.delete(key);
      this.#prompts.set(key, prompt);
    }
    return prompt;
  }

  set(key: string, prompt: Prompt): void {
    // Two calls at once may both have encoded it.
    if (this.#prompts.has(key)) return;
    this.#prompts.set(key, prompt);
    this.#bytes += sizeOf(prompt);
    for (const [oldest, oldestPrompt] of this.#prompts) {
      if (this.#bytes <= this.#capacity) break;
      this.#prompts.delete(oldest);
      this.#bytes -= sizeOf(oldestPrompt);
    }
  }
}

function sizeOf(prompt: Prompt): number {
  return prompt.images.reduce(
    (bytes, { patches }) => bytes + patches.byteLength,
    prompt.tokens.byteLength,
  );
}
