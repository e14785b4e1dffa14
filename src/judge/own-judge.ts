/** Judges of the user's own: what they must be, and how one becomes a {@link Judge}. */
import { z } from 'zod';
import { type LoadedModule, ownPartSchema, requireShape } from '../config/load-module.ts';
import { digestOf } from '../core/digest.ts';
import type { Unscored } from '../core/outcome.ts';
import { outcomesOf, unscoredSchema } from '../core/own-code.ts';
import type { TokenUsage } from '../core/usage.ts';
import type { Judge, JudgeItem } from './judge.ts';

export type OwnVerdict =
  | {
      readonly kind: 'judged';
      readonly correct: boolean;
      /** Why, in the judge's own words, for the record. @default '' */
      readonly reply?: string;
      /** Milliseconds that asking took. @default 0 */
      readonly latencyMs?: number;
      readonly tokens?: TokenUsage;
      /** `rule`: no model was asked. @default 'rule' */
      readonly source?: 'model' | 'rule' | 'memory';
    }
  /** The judge could not tell: the item gets no score, which is not a wrong answer. */
  | Unscored;

/**
 * What decides whether an answer is right; an object of this form can be used wherever a judge is named.
 *
 * @example
 * ```ts
 * const judge: Judge = {
 *   describe: { id: 'first-letter', version: 1 },
 *   judge: (items) =>
 *     items.map(({ answer, referenceAnswer }) => ({ kind: 'judged', correct: answer[0] === referenceAnswer[0] })),
 * };
 * ```
 */
export type OwnJudge = {
  /**
   * `id` is shown to people. All of `describe` goes into the judge's digest: put in it whatever shapes a
   * verdict (a version, settings), so that verdicts of two versions are told apart.
   */
  readonly describe: { readonly id: string; readonly [setting: string]: unknown };
  /**
   * One verdict per item, in their order. What it throws, and whatever is no verdict, leaves all items
   * `unscored`. It is called with many items at once and from several places: limits and time-outs are its
   * own. Once `signal` aborts its answers are not waited for.
   */
  judge(
    items: readonly JudgeItem[],
    signal: AbortSignal,
  ): Promise<readonly OwnVerdict[]> | readonly OwnVerdict[];
  /** Why it cannot be asked at all, found out before any work; undefined when it can. */
  probe?(signal: AbortSignal): Promise<Unscored | undefined>;
  close?(): Promise<void>;
};

const verdictSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('judged'),
    correct: z.boolean(),
    reply: z.string().default(''),
    latencyMs: z.number().nonnegative().default(0),
    tokens: z.object({ prompt: z.number(), completion: z.number() }).exactOptional(),
    source: z.enum(['model', 'rule', 'memory']).default('rule'),
  }),
  unscoredSchema,
]);

const expectedVerdict =
  "{kind: 'judged', correct: true or false, …} or {kind: 'unscored', cause, message}";

/** @throws MedixError 'config' where the module's export is no judge. */
export function ownJudgeOf(loaded: LoadedModule, where: string): Judge {
  requireShape(loaded, where, {
    expected: 'a judge: an object with describe.id and judge(items, signal)',
    schema: ownPartSchema('judge'),
  });
  return createOwnJudge(loaded.value as OwnJudge, loaded.digest);
}

function createOwnJudge(own: OwnJudge, codeDigest: string): Judge {
  const { id } = own.describe;
  return {
    describe: { id, kind: 'module', digest: digestOf(['module', codeDigest, own.describe]) },
    judge: (items, signal) =>
      outcomesOf(
        () => own.judge(items, signal),
        {
          who: `judge ${id}`,
          count: items.length,
          schema: verdictSchema,
          expected: expectedVerdict,
        },
        signal,
      ),
    probe: async (signal) => own.probe?.(signal),
    close: async () => own.close?.(),
  };
}
