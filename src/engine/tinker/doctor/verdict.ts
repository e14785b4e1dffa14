/** What the doctor says of a server: each question with its answer in words, and what an engine needs to know. */
import { z } from 'zod';
import { type NormalisationName, normalisationNames } from '../normalisation.ts';
import { ownLossNames } from '../own-losses.ts';

/** A `must` that fails makes training wrong; training goes by what a `use` finds; a `may` is good to know. */
const levelSchema = z.enum(['must', 'use', 'may']);

const outcomeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('passed'), found: z.string() }),
  z.object({ kind: z.literal('failed'), found: z.string() }),
  z.object({ kind: z.literal('not-tried'), why: z.string() }),
]);
export type ProbeOutcome = z.output<typeof outcomeSchema>;

const probeSchema = z.object({
  name: z.string(),
  /** The question, for people. */
  asks: z.string(),
  level: levelSchema,
  outcome: outcomeSchema,
});
export type Probe = z.output<typeof probeSchema>;

export const verdictSchema = z.object({
  server: z.string(),
  baseModel: z.string(),
  rank: z.int(),
  /** Milliseconds since 1970. */
  at: z.number(),
  probes: z.array(probeSchema),
  /** What a loss is divided by; null where it could not be told. */
  normalisation: z
    .enum(normalisationNames as [NormalisationName, ...NormalisationName[]])
    .nullable(),
  /** Losses that it computes as they are defined. */
  losses: z.array(z.enum(ownLossNames)).readonly(),
  /** What happens to images, where they do not reach the model; null where they do, or none are read. */
  blind: z.string().nullable(),
});
export type Verdict = z.output<typeof verdictSchema>;

/** Musts that failed, but for those about images: text alone can be trained without them. */
export function faultsOf({ probes }: Verdict): readonly Probe[] {
  return probes.filter(
    ({ level, outcome, name }) =>
      level === 'must' && outcome.kind === 'failed' && !imageProbes.has(name),
  );
}

/** Probes whose failure makes a server useless for images, not for text. */
const imageProbes: ReadonlySet<string> = new Set([
  'images reach the sampler',
  'images reach the trainer',
  'sampler and trainer agree on images',
]);
