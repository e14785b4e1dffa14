/** Models of the user's own: what they must be, and how one becomes an {@link Answerer}. */
import { z } from 'zod';
import { type LoadedModule, ownPartSchema, requireShape } from '../../config/load-module.ts';
import type { Clock } from '../../core/async/clock.ts';
import { inWindow } from '../../core/async/in-window.ts';
import { digestOf } from '../../core/digest.ts';
import { defined } from '../../core/errors.ts';
import type { Message } from '../../core/message.ts';
import type { Unscored } from '../../core/outcome.ts';
import { outcomesOf, unscoredSchema } from '../../core/own-code.ts';
import { rngFromKey } from '../../core/rng.ts';
import type { Sample } from '../../core/sample.ts';
import type { TokenUsage } from '../../core/usage.ts';
import { type Answerer, type AnswerOutcome, type AnswerRequest, randomKey } from './answerer.ts';

/** One question to a model: what the evaluation's config makes of it. */
export type OwnQuestion = {
  /** Text and images as the prompt template puts them, a system message first where there is one. */
  readonly messages: readonly Message[];
  /** Tokens after which the answer is cut off. */
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** In (0, 1]; 1 leaves the distribution whole. */
  readonly topP: number;
  /** Of sampling: another one for every epoch of a question, the same whenever it is asked again. */
  readonly seed: number;
};

export type OwnAnswer =
  | {
      readonly kind: 'answered';
      /** All that the model said, its thinking included. */
      readonly text: string;
      /** `length`: cut off at `maxTokens`. @default 'stop' */
      readonly stopReason?: 'stop' | 'length';
      readonly tokens?: TokenUsage;
    }
  /** There is no answer: it lowers the coverage and is asked for again by the next run. */
  | Unscored;

/**
 * A model under test; an object of this form can be used wherever an evaluation names a model.
 *
 * @example
 * ```ts
 * const model: Answerer = {
 *   describe: { id: 'always-yes' },
 *   answer: () => ({ kind: 'answered', text: 'yes' }),
 * };
 * ```
 */
export type OwnAnswerer = {
  /**
   * `id` names the model in reports. All of `describe` goes into its digest: put in it whatever shapes an
   * answer (a version, settings); a results folder takes answers of one digest only.
   */
  readonly describe: { readonly id: string; readonly [setting: string]: unknown };
  /** Questions it is asked at once, at least 1. @default 1 */
  readonly concurrency?: number;
  /**
   * Answers one question. What it throws, and whatever is no answer, is a failure of that question. Time-outs
   * are its own. Once `signal` aborts its answer is not waited for.
   */
  answer(question: OwnQuestion, signal: AbortSignal): Promise<OwnAnswer> | OwnAnswer;
  close?(): Promise<void>;
};

const answerSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('answered'),
    text: z.string(),
    stopReason: z.enum(['stop', 'length']).default('stop'),
    tokens: z.object({ prompt: z.int(), completion: z.int() }).exactOptional(),
  }),
  unscoredSchema,
]);

export type OwnAnswererOptions = {
  readonly render: (sample: Sample) => readonly Message[];
  readonly sampling: {
    readonly temperature: number;
    readonly topP: number;
    readonly maxTokens: number;
    readonly seed: number;
  };
  readonly clock: Clock;
};

/** @throws MedixError 'config' where the module's export is no model. */
export function ownAnswererOf(
  loaded: LoadedModule,
  where: string,
  options: OwnAnswererOptions,
): Answerer {
  return createOwnAnswerer(requireAnswerer(loaded, where), loaded.digest, options);
}

/** The id alone. @throws MedixError as {@link ownAnswererOf} */
export function ownAnswererIdOf(loaded: LoadedModule, where: string): string {
  return requireAnswerer(loaded, where).describe.id;
}

function requireAnswerer(loaded: LoadedModule, where: string): OwnAnswerer {
  requireShape(loaded, where, {
    expected: 'a model: an object with describe.id and answer(question, signal)',
    schema: ownPartSchema('answer'),
  });
  return loaded.value as OwnAnswerer;
}

function createOwnAnswerer(
  own: OwnAnswerer,
  codeDigest: string,
  { render, sampling, clock }: OwnAnswererOptions,
): Answerer {
  const { id } = own.describe;
  const { seed, ...settings } = sampling;

  const ask = async (
    { key, sample }: AnswerRequest,
    signal: AbortSignal,
  ): Promise<AnswerOutcome> => {
    const question: OwnQuestion = {
      messages: render(sample),
      ...settings,
      seed: rngFromKey(randomKey(seed, key)).integer(2 ** 31),
    };
    const startedAt = clock.now();
    const [answer] = await outcomesOf(
      async () => [await own.answer(question, signal)],
      {
        who: `model ${id}`,
        count: 1,
        schema: answerSchema,
        expected: "{kind: 'answered', text} or {kind: 'unscored', cause, message}",
      },
      signal,
    );
    return outcomeOf(defined(answer, 'answer'), clock.now() - startedAt);
  };

  return {
    describe: { id, kind: 'module', digest: digestOf(['module', codeDigest, own.describe]) },
    answer: (requests, signal) =>
      inWindow(requests, Math.max(1, own.concurrency ?? 1), async (request) => ({
        request,
        outcome: await ask(request, signal),
      })),
    close: async () => own.close?.(),
  };
}

function outcomeOf(
  answer: z.output<typeof answerSchema> | Unscored,
  latencyMs: number,
): AnswerOutcome {
  if (answer.kind === 'answered') return { ...answer, latencyMs };
  if (answer.cause === 'cancelled') return { kind: 'cancelled' };
  return { kind: 'failed', cause: answer.cause, message: answer.message };
}
