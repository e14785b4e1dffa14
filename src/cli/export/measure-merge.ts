/** How far a merged model is from the adapter on the base that it was trained on. */
import { answeringEngineSection } from '../../config/engine-config.ts';
import { defined, MedixError } from '../../core/errors.ts';
import { phantomSample } from '../../data/phantoms/study.ts';
import { openTemplate, renderMessages } from '../../data/prompt-template.ts';
import type { Engine, Sequence } from '../../engine/engine.ts';
import { openEngine } from '../../engine/open-engine.ts';

export type MergeDifference = {
  /** Tokens that were compared. */
  readonly tokens: number;
  /** Of the logprobs, absolute. */
  readonly mean: number;
  readonly largest: number;
};

/** Studies with an image each that are asked about. */
const questions = 4;
const answerTokens = 32;

/**
 * Has the trained model answer a few questions, and the merged one score the answers: in float32, or where
 * memory is too small for that, in float16.
 *
 * @throws MedixError 'engine' where one of the two cannot be opened here
 */
export async function measureMerge(
  {
    adapter,
    format,
    out,
  }: { readonly adapter: string; readonly format: string; readonly out: string },
  signal: AbortSignal,
): Promise<MergeDifference> {
  const trained = await open(adapter, format, signal);
  const { sequences, logprobs } = await answers(trained, signal).finally(() => trained.close());
  const merged = await openExact(out, signal);
  const scored = await merged.logprobs(sequences, 'policy', signal).finally(() => merged.close());
  const differences = scored.flatMap((row, i) =>
    Array.from(row, (value, t) => Math.abs(value - defined(logprobs[i]?.[t], 'a logprob'))),
  );
  return {
    tokens: differences.length,
    mean: differences.reduce((sum, value) => sum + value, 0) / differences.length,
    largest: Math.max(...differences),
  };
}

function open(model: string, base: string, signal: AbortSignal): Promise<Engine> {
  const config = answeringEngineSection.parse({ kind: 'local', base });
  return openEngine(config, model, { kind: 'answer' }, signal);
}

async function openExact(model: string, signal: AbortSignal): Promise<Engine> {
  try {
    return await open(model, 'f32', signal);
  } catch (error) {
    if (!(error instanceof MedixError) || error.boundary !== 'engine') throw error;
    return open(model, 'f16', signal);
  }
}

async function answers(engine: Engine, signal: AbortSignal) {
  const template = await openTemplate('medix-r1');
  const requests = await Promise.all(
    Array.from({ length: questions }, async (_, index) => {
      const sample = phantomSample({ seed: 1, split: 'test', index });
      const prompt = await engine.model.processor.encode(renderMessages(template, sample));
      return {
        prompt,
        keys: [`export/${index}`],
        maxTokens: answerTokens,
        temperature: 0,
        topP: 1,
        topK: 0,
      };
    }),
  );
  const sequences: Sequence[] = [];
  const logprobs: Float32Array[] = [];
  for await (const { request, completions } of engine.sample(requests, signal)) {
    for (const { tokens, logprobs: row } of completions) {
      sequences.push({
        prompt: defined(requests[request], 'a request').prompt,
        completion: tokens,
      });
      logprobs.push(row);
    }
  }
  return { sequences, logprobs };
}
