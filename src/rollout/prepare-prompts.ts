/**
 * Samples to prompts: template, chat template, image patches, token ids. Encoded prompts are kept for
 * the next epoch in a least-recently-used cache; those too long for the model are rejected by id.
 */
import { MedixError, type Problem } from '../core/errors.ts';
import type { Message } from '../core/message.ts';
import type { Sample } from '../core/sample.ts';
import type { ModelDescription } from '../engine/engine.ts';
import type { Prompt } from '../model/prompt.ts';

export type PreparedPrompt = { readonly sample: Sample; readonly prompt: Prompt };

export type PreparationOutcome =
  | ({ readonly kind: 'prepared' } & PreparedPrompt)
  /** The prompt leaves no room for a completion, or an image cannot be read. */
  | { readonly kind: 'rejected'; readonly sample: Sample; readonly problem: Problem };

/** Prepares one sample; equal ids give the same prompt object, which lets an engine share its prefix. */
export type PreparePrompt = (sample: Sample) => Promise<PreparationOutcome>;

const defaultCacheBytes = 512 * 2 ** 20;

/**
 * @param maxCompletionTokens room that a prompt must leave in the model's context, in tokens.
 * @param cacheBytes encoded prompts kept in memory, in bytes.
 */
export function createPromptPreparation(
  model: ModelDescription,
  render: (sample: Sample) => readonly Message[],
  maxCompletionTokens: number,
  cacheBytes: number = defaultCacheBytes,
): PreparePrompt {
  const longest = model.contextLength - maxCompletionTokens;
  const cache = new PromptCache(cacheBytes);
  return async (sample) => {
    let prompt = cache.get(sample.id);
    if (!prompt) {
      try {
        prompt = await model.processor.encode(render(sample));
      } catch (error) {
        return { kind: 'rejected', sample, problem: dataProblem(error, sample) };
      }
      cache.set(sample.id, prompt);
    }
    return prompt.tokens.length <= longest
      ? { kind: 'prepared', sample, prompt }
      : { kind: 'rejected', sample, problem: tooLong(sample, prompt.tokens.length, longest) };
  };
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

/** Least recently used first out; a `Map` keeps insertion order. */
class PromptCache {
  readonly #capacity: number;
  readonly #prompts = new Map<string, Prompt>();
  #bytes = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(id: string): Prompt | undefined {
    const prompt = this.#prompts.get(id);
    if (prompt) {
      this.#prompts.delete(id);
      this.#prompts.set(id, prompt);
    }
    return prompt;
  }

  set(id: string, prompt: Prompt): void {
    this.#prompts.set(id, prompt);
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
