/** Whether a checkpoint of an adapter belongs to the base and the adapter that are open. */
import { z } from 'zod';
import { fail } from '../../core/errors.ts';
import type { Basis } from './network.ts';

export const basisSchema = z.object({
  base: z.object({ digest: z.string(), format: z.string() }),
  adapter: z.object({
    rank: z.number(),
    alpha: z.number(),
    rankStabilized: z.boolean(),
    layers: z.array(z.string()),
  }),
}) satisfies z.ZodType<Basis>;

/** Of a checkpoint of all weights, neither. */
type Saved = { readonly [Part in keyof Basis]?: Basis[Part] | undefined };

/** @throws MedixError 'engine' that says what differs, and the setting under which the checkpoint loads */
export function requireBasis(open: Basis | undefined, saved: Saved, where: string): void {
  const { base, adapter } = saved;
  if (base === undefined || adapter === undefined) {
    if (open === undefined) return;
    fail('engine', {
      where,
      expected: 'a checkpoint of an adapter',
      got: 'one of all weights of a model',
      next: 'resume with engine.lora=null',
    });
  }
  const settings = settingsOf(adapter);
  if (open === undefined) {
    fail('engine', {
      where,
      expected: 'a checkpoint of all weights of the model',
      got: `one of an adapter (${settings})`,
      next: 'resume with the engine.lora that the run was started with',
    });
  }
  if (open.base.digest !== base.digest) {
    fail('engine', {
      where,
      expected: `a checkpoint on the base that is open (digest ${open.base.digest.slice(0, 12)})`,
      got: `one on another base (digest ${base.digest.slice(0, 12)})`,
      next: 'put back the model that the run was started from',
    });
  }
  if (open.base.format !== base.format) {
    fail('engine', {
      where,
      expected: `a checkpoint on a base in ${open.base.format}`,
      got: `one on the same base in ${base.format}`,
      next: `resume with engine.base=${base.format}`,
    });
  }
  const opened = settingsOf(open.adapter);
  if (opened !== settings) {
    fail('engine', {
      where,
      expected: `a checkpoint of an adapter with ${opened}`,
      got: `one with ${settings}`,
      next: 'resume with the engine.lora that the run was started with',
    });
  }
  const differing = difference(open.adapter.layers, adapter.layers);
  if (differing === undefined) return;
  fail('engine', {
    where,
    expected: `a checkpoint of an adapter of ${open.adapter.layers.length} layers`,
    got: `one of ${adapter.layers.length} layers; ${differing} is in one of them alone`,
    next: 'resume with the engine.lora.targets that the run was started with',
  });
}

function settingsOf({ rank, alpha, rankStabilized }: Basis['adapter']): string {
  return `rank ${rank}, alpha ${alpha}${rankStabilized ? ', rank-stabilised' : ''}`;
}

function difference(a: readonly string[], b: readonly string[]): string | undefined {
  const [inA, inB] = [new Set(a), new Set(b)];
  return a.find((one) => !inB.has(one)) ?? b.find((one) => !inA.has(one));
}
