/** Embedders of the user's own: what they must be, and how one becomes an {@link Embedder}. */
import { z } from 'zod';
import { type LoadedModule, ownPartSchema, requireShape } from '../config/load-module.ts';
import { digestOf } from '../core/digest.ts';
import type { Unscored } from '../core/outcome.ts';
import { outcomesOf, unscoredSchema } from '../core/own-code.ts';
import { type Embedder, type EmbedOutcome, unitVector } from './embedder.ts';

/**
 * Turns texts into vectors; an object of this form can be used wherever an embedder is named.
 *
 * @example
 * ```ts
 * const embedder: Embedder = {
 *   describe: { id: 'letters' },
 *   embed: (texts) =>
 *     texts.map((text) => ({ kind: 'embedded', vector: [...'aeiou'].map((letter) => 1 + text.split(letter).length) })),
 * };
 * ```
 */
export type OwnEmbedder = {
  /**
   * `id` is shown to people. All of `describe` goes into the embedder's digest: put in it whatever shapes a
   * vector (a version, settings).
   */
  readonly describe: { readonly id: string; readonly [setting: string]: unknown };
  /**
   * One vector per text, in their order, all of one length; MediX scales them to unit length. Texts are
   * distinct, and no text is asked for twice while it is remembered; one may be blank where a reward profile
   * repeats the paper's code. What it throws, and
   * whatever is no vector, leaves the texts `unscored`.
   */
  embed(
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly OwnEmbedding[]> | readonly OwnEmbedding[];
  /** Why it cannot be asked at all, found out before any work; undefined when it can. */
  probe?(signal: AbortSignal): Promise<Unscored | undefined>;
  close?(): Promise<void>;
};

export type OwnEmbedding =
  | { readonly kind: 'embedded'; readonly vector: ArrayLike<number> }
  | Unscored;

/** @throws MedixError 'config' where the module's export is no embedder. */
export function ownEmbedderOf(loaded: LoadedModule, where: string): Embedder {
  requireShape(loaded, where, {
    expected: 'an embedder: an object with describe.id and embed(texts, signal)',
    schema: ownPartSchema('embed'),
  });
  return createOwnEmbedder(loaded.value as OwnEmbedder, loaded.digest);
}

function createOwnEmbedder(own: OwnEmbedder, codeDigest: string): Embedder {
  const { id } = own.describe;
  /** Of the first vector; a cosine of vectors of two lengths would mean nothing. */
  let dimensions: number | undefined;
  const vectorSchema = z
    .custom<ArrayLike<number>>((value) => Array.isArray(value) || ArrayBuffer.isView(value))
    .transform((values, context) => {
      const vector = unitVector(values);
      dimensions ??= vector?.length;
      if (vector !== undefined && vector.length === dimensions) return vector;
      context.addIssue('no such vector');
      return z.NEVER;
    });
  const outcomeSchema: z.ZodType<EmbedOutcome> = z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('embedded'), vector: vectorSchema }),
    unscoredSchema,
  ]);
  return {
    describe: { id, kind: 'module', digest: digestOf(['module', codeDigest, own.describe]) },
    embed: (texts, signal) =>
      outcomesOf(
        () => own.embed(texts, signal),
        {
          who: `embedder ${id}`,
          count: texts.length,
          schema: outcomeSchema,
          expected:
            "{kind: 'embedded', vector: finite numbers, as many for every text, not all 0} or {kind: 'unscored', cause, message}",
        },
        signal,
      ),
    probe: async (signal) => own.probe?.(signal),
    close: async () => own.close?.(),
  };
}
