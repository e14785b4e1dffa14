/** Answers of a model that an engine samples, e.g. a model folder in this process. */
import type { Clock } from '../../core/async/clock.ts';
import { formatProblem, MedixError } from '../../core/errors.ts';
import type { Message } from '../../core/message.ts';
import type { Sample } from '../../core/sample.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Prompt } from '../../model/prompt.ts';
import { createPromptPreparation } from '../../rollout/prepare-prompts.ts';
import { sampleGroups } from '../../rollout/rollout.ts';
import type { EvalManifest } from '../results/records.ts';
import { type Answer, type Answerer, type AnswerRequest, randomKey } from './answerer.ts';

export type LocalAnswererOptions = {
  readonly engine: Engine;
  readonly describe: EvalManifest['model'];
  readonly render: (sample: Sample) => readonly Message[];
  readonly sampling: {
    readonly temperature: number;
    readonly topP: number;
    readonly maxTokens: number;
    readonly seed: number;
  };
  readonly clock: Clock;
  /** Hears once that the model's context leaves less than `maxTokens`. */
  readonly onWarning: (warning: string) => void;
  /** Prompts sampled side by side. @default 32 */
  readonly batch?: number;
};

type ReadyRequest<Request> = {
  readonly request: Request;
  readonly prompt: Parameters<typeof sampleGroups>[1][number];
};
/** Tokens of an answer. */
const leastRoom = 1;

/** Encoded prompts repeat only over the epochs of a sample, which follow each other. */
const cacheBytes = 64 * 2 ** 20;

/**
 * An answer ends where the model's context does, if that is before `maxTokens`: only a prompt that leaves no
 * room at all is not asked. The answerer closes the engine.
 */
export function createLocalAnswerer(options: LocalAnswererOptions): Answerer {
  const { engine, describe, render, sampling, clock, onWarning, batch = 32 } = options;
  const { seed, maxTokens, temperature, topP } = sampling;
  const settings = { groupSize: 1, maxCompletionTokens: maxTokens, temperature, topP, topK: 0 };
  const prepare = createPromptPreparation(engine.model, render, leastRoom, cacheBytes);
  let isTold = false;

  const roomFor = ({ tokens }: Prompt): number => {
    const { contextLength } = engine.model;
    const room = contextLength - tokens.length;
    if (room < maxTokens && !isTold) {
      isTold = true;
      onWarning(
        `the model's context of ${contextLength} tokens holds prompt and answer: after a prompt of ${tokens.length} tokens an answer is cut off at ${room} tokens, not at sampling.maxTokens=${maxTokens}; each answer gets what its prompt leaves`,
      );
    }
    return Math.min(maxTokens, room);
  };

  async function* answerBatch<Request extends AnswerRequest>(
    requests: readonly Request[],
    signal: AbortSignal,
  ): AsyncGenerator<Answer<Request>> {
    const ready: ReadyRequest<Request>[] = [];
    for (const request of requests) {
      const prepared = await prepare(request.sample);
      if (prepared.kind === 'prepared') {
        const { sample, prompt } = prepared;
        const key = randomKey(seed, request.key);
        const maxCompletionTokens = roomFor(prompt);
        ready.push({ request, prompt: { sample, prompt, key, maxCompletionTokens } });
      } else {
        const message = formatProblem(prepared.problem);
        yield { request, outcome: { kind: 'failed', cause: 'unusable-prompt', message } };
      }
    }
    yield* sampleReady(ready, signal);
  }

  /** A model may fail on one prompt and not on those beside it: what an error leaves open is asked one by one. */
  async function* sampleReady<Request extends AnswerRequest>(
    ready: readonly ReadyRequest<Request>[],
    signal: AbortSignal,
  ): AsyncGenerator<Answer<Request>> {
    const open = new Set(ready);
    try {
      for await (const [asked, outcome] of sampleTogether(ready, signal)) {
        open.delete(asked);
        yield { request: asked.request, outcome };
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof MedixError && error.boundary === 'engine')) throw error;
      const { message } = error;
      const failed = { kind: 'failed', cause: 'engine', message } as const;
      const [only] = open;
      if (only !== undefined && open.size === 1) {
        yield { request: only.request, outcome: failed };
        return;
      }
    }
    for (const one of open) yield* sampleReady([one], signal);
  }

  async function* sampleTogether<Request extends AnswerRequest>(
    ready: readonly ReadyRequest<Request>[],
    signal: AbortSignal,
  ): AsyncGenerator<readonly [ReadyRequest<Request>, Answer<Request>['outcome']]> {
    const prompts = ready.map(({ prompt }) => prompt);
    const startedAt = clock.now();
    for await (const { position, group } of sampleGroups(engine, prompts, settings, signal)) {
      const asked = ready[position];
      const rollout = group.rollouts[0];
      if (!asked || !rollout) continue;
      const tokens = {
        prompt: rollout.prompt.tokens.length,
        completion: rollout.completion.length,
      };
      const latencyMs = clock.now() - startedAt;
      const { text, stopReason } = rollout;
      yield [asked, { kind: 'answered', text, stopReason, latencyMs, tokens }];
    }
  }

  return {
    describe,
    answer: async function* (requests, signal) {
      for await (const chunk of inBatches(requests, batch)) yield* answerBatch(chunk, signal);
    },
    close: () => engine.close(),
  };
}

async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
